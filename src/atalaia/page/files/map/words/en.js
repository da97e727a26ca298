// Words of what is opened beneath the map, in English.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("en"));
const where = (count) => n(count, "1 place", "# places");

export const words = {
  time: {
    label: "The map's timeline", hour: "Hour that the map shows", play: "Play", pause: "Pause", back: "Back to now",
    now: "Now", not_now: "Not now", loading: "Fetching the last hours…",
    failed: "The last hours could not be loaded.", again: "Try again",
    past: (alerts, places, unseen) => `${alerts ? `${n(alerts, "1 alert", "# alerts")} in ${where(places)}` : "No alert"}${unseen ? ` · ${where(unseen)} without data` : ""}`,
    ahead: (alerts, places) => `${n(alerts, "1 alert announced", "# alerts announced")} for ${where(places)}. Of the rest nothing is known yet.`,
    list: "Only the map shows this hour; the list goes on showing now.",
    gone: "The hour of this address lies outside of what is kept: the map shows now.",
  },
  values: {
    label: "Newest values on the map", variable: "Quantity",
    choices: { rain_mm: "Rain in 1 h", wind_gust_m_s: "Wind gust", wind_speed_m_s: "Mean wind", temperature_c: "Temperature", relative_humidity_pct: "Relative humidity" },
    fresh: "newest", old: "older than 1 h", missing: "none in 3 h",
    of: (shown, all) => `${shown.toLocaleString("en")} of ${where(all)} with a value`,
    none: "No place has a value of this quantity in the last 3 hours.",
    failed: "The values could not be loaded.", then: "These are values of now: at another hour the map does not show them.",
  },
  layers: {
    label: "Layers of images",
    from: (host) => `The images come from ${host}, which learns that you look at them.`,
    then: "This layer has images of now alone: at another hour the map does not show it.",
    failed: (name) => `${name}: some images did not come.`,
  },
  report: {
    first: "First day", last: "Last day", whole: "From its beginning", some: "Some days", open: "Open", close: "Close",
    forms: { html: "Page", png: "Picture", pdf: "PDF" }, most: (n) => `At least one day and at most ${n}, the last not before the first.`,
    lead: "It opens in a new tab, and may take some seconds.",
  },
};
