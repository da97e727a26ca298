// Values, times and lengths as people read them, in their language.

import { language, t } from "./words.js";

const cached = new Map();

function formatter(kind, options) {
  const key = `${language}|${kind.name}|${JSON.stringify(options)}`;
  if (!cached.has(key)) cached.set(key, new kind(language, options));
  return cached.get(key);
}

/** 12.345 → 12,3; half up, as messages and reports round (domain/words.py), and never -0. */
export function number(value, digits = 1) {
  const shown = Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value;
  return formatter(Intl.NumberFormat, { maximumFractionDigits: digits, useGrouping: false }).format(shown);
}

const UNITS = { ug_m3: "µg/m³", m3_s: "m³/s", m3_s3: "m³/s³", kj_m2: "kJ/m²", j_kg: "J/kg", m_s: "m/s", mm_h: "mm/h", hpa: "hPa", pct: "%", cm: "cm", mm: "mm", c: "°C", deg: "°", m: "m", s: "s", class: "class" };

/** The unit that stands in a variable's name; none where it has none. */
export const unitOf = (name) => UNITS[Object.keys(UNITS).find((end) => name.endsWith(`_${end}`))] ?? "1";

/** With its unit as people write it; wind in km/h too, as people know it. */
export function amount(value, unit) {
  if (value === null || value === undefined) return "—";
  const told = number(value, unit === "m" ? 2 : 1);
  if (unit === "class") return t.classes[told] ?? told;
  if (unit === "d") return `${told} ${t.days[told === "1" ? 0 : 1]}`;
  const plain = unit && unit !== "1" ? `${told} ${unit}` : told;
  return unit === "m/s" ? `${plain} (${number(value * 3.6, 0)} km/h)` : plain;
}

const CHANGES = ["change", "day_change"];

/** A value of a rule's measure, as messages word it (domain/words.py): "a fall of 6 °C", never "-6 °C". */
export function figure(value, unit, measure) {
  if (value === null || value === undefined || !CHANGES.includes(measure)) return amount(value, unit);
  const size = number(value, unit === "m" ? 2 : 1);
  const way = size === "0" ? "same" : value < 0 ? "fall" : "rise";
  return t.changes[way](amount(Math.abs(value), unit));
}

/** What a rule measures: "Rain in 24 h", "Mean wind, average over 10 min", "Temperature in 24 h" of a change. */
export function measured({ variable: name, measure, window_s: over }) {
  const said = variable(name);
  if (measure === "days_in_a_row") return t.in_a_row(said);
  if (measure === "day_change") return t.of_the_day(said);
  if (!over) return said;
  return measure === "mean" ? t.average(said, length(over)) : said + t.over(length(over));
}

/** An instant in a place's own time: 18:00 today, ontem 18:00, else qua 23/07 18:00. */
export function clock(at, zone, { long = false } = {}) {
  if (!at) return "—";
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "—";
  const hour = zoned({ hour: "2-digit", minute: "2-digit" }, zone).format(date);
  const day = zoned({ day: "2-digit", month: "2-digit", year: "numeric", calendar: "gregory", numberingSystem: "latn" }, zone);
  // A day of the calendar, not 24 hours: where clocks change a day has 23 or 25.
  const dayOf = (one) => {
    const { year, month, day: of } = Object.fromEntries(day.formatToParts(one).map((part) => [part.type, part.value]));
    return Date.UTC(year, month - 1, of) / 86_400_000;
  };
  const away = dayOf(date) - dayOf(Date.now());
  const is = (days) => away === days;
  if (!long && is(0)) return hour;
  for (const days of long ? [] : [-1, 1]) {
    if (is(days)) return `${formatter(Intl.RelativeTimeFormat, { numeric: "auto" }).format(days, "day")} ${hour}`;
  }
  const named = zoned({ weekday: "short", day: "2-digit", month: "2-digit" }, zone).format(date);
  return `${named.replace(".,", "")} ${hour}`;
}

export function zoned(options, zone) {
  const twentyFour = "hour" in options ? { hourCycle: "h23" } : {};
  try {
    return formatter(Intl.DateTimeFormat, { ...twentyFour, ...options, timeZone: zone || undefined });
  } catch {
    return formatter(Intl.DateTimeFormat, { ...twentyFour, ...options });
  }
}

/** há 5 minutos */
export function ago(at, now = Date.now()) {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const relative = formatter(Intl.RelativeTimeFormat, { numeric: "auto", style: "short" });
  const size = Math.abs(seconds);
  if (size < 90) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 5400) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 129_600) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** 15 min, 24 h, 3 d */
export function length(seconds) {
  if (seconds % 86_400 === 0 && seconds > 86_400) return `${seconds / 86_400} d`;
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${Math.round(seconds / 60)} min`;
}

/** A stretch of time, rounded: 2 h 15 min */
export function stretch(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(hours / 24)} d`;
}

/** A sentence's first letter. */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const hazard = (name) => t.hazards[name] ?? name;
export const variable = (name) => t.variables[name] ?? name;

/** A text as it is compared: without accents, in small letters. */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
