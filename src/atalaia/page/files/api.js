// Talking with the API: JSON in and out; every error as a Problem with its own words.

export class Problem extends Error {
  constructor(status, detail, faults = []) {
    super(detail);
    this.status = status;
    this.faults = faults;
  }
}

/** Ask; answers the JSON, or null where there is none. `key` is a bearer token. */
export async function ask(path, { method = "GET", body, key, signal, headers = {} } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (key) sent.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "");
  }
  const text = await response.text();
  const told = text ? parsed(text) : null;
  if (!response.ok) throw new Problem(response.status, told?.detail ?? "", told?.faults);
  return told;
}

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
