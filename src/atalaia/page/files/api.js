// Talking with the API: JSON in and out; every error as a Problem with its own words.

import { language } from "./words.js";

export class Problem extends Error {
  constructor(status, detail, faults = []) {
    super(detail);
    this.status = status;
    this.faults = faults;
  }
}

const PATIENCE_MS = 12_000;
const SOON_MS = 2_000;
const MOST_KEPT = 100;

/** Ask; answers the JSON, or null where there is none. `key` is a bearer token. A server that does
    not answer is a Problem of status 0, soon. */
export async function ask(path, { method = "GET", body, key, signal, cache, headers = {} } = {}) {
  const sent = { Accept: "application/json", "Accept-Language": language, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (key) sent.Authorization = `Bearer ${key}`;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), PATIENCE_MS);
  signal?.addEventListener("abort", () => waiting.abort());
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: waiting.signal,
      cache,
      credentials: "omit",
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "");
  } finally {
    clearTimeout(timer);
  }
  const told = text ? parsed(text) : null;
  if (!response.ok) throw new Problem(response.status, told?.detail ?? "", told?.faults);
  return told;
}

/** What is loaded, or a Problem of status 0 once it is waited for as long as for an answer. */
export function inTime(loading) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Problem(0, "")), PATIENCE_MS);
    loading.then(done, fail).finally(() => clearTimeout(timer));
  });
}

const kept = new Map();

/** Ask for what is only looked at: where no answer comes (soon), the last one, if there was one. Then
    what comes later is for `renewed`. */
export async function look(path, renewed) {
  let isOld = false;
  const asked = ask(path).then((told) => {
    kept.delete(path);
    kept.set(path, told);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    if (isOld) renewed?.(told);
    return told;
  });
  if (!kept.has(path)) return asked;
  const before = kept.get(path);
  const soon = new Promise((done) => setTimeout(() => done(before), SOON_MS));
  return Promise.race([asked, soon]).then((told) => {
    isOld = told === before;
    return told;
  }, (error) => {
    if (isOut(error)) return before;
    throw error;
  });
}

/** Whether there was no answer, rather than one that says no. */
const isOut = (error) => error.status === 0 || error.status >= 500;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A key by which a request that is sent twice is done once. */
export const once = () =>
  // Not randomUUID, which pages without HTTPS do not have.
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** All items of a list that comes in pages, up to so many. */
export async function all(path, { most = 20_000, ...options } = {}) {
  const items = [];
  let cursor = null;
  do {
    const mark = path.includes("?") ? "&" : "?";
    const url = cursor ? `${path}${mark}cursor=${encodeURIComponent(cursor)}` : path;
    const page = await ask(url, options);
    if (Array.isArray(page)) return page;
    items.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor && items.length < most);
  return items;
}
