// Small parts that several views have.

import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../words.js";

/** What a problem says to people. */
export function inWords(error) {
  const known = t.errors[error.status];
  if (known && error.status !== 404) return known;
  const faults = (error.faults ?? []).map((one) => one.problem).join("; ");
  return [error.message || t.errors.other, faults].filter(Boolean).join(": ");
}

/** A view that could not be shown; `name` is what it is of, where that is known. */
export function failed(main, error, missing, name = "") {
  put(main, h("div", { class: "page narrow" },
    h("h1", { tabindex: -1 }, error.status === 404 ? missing : name || t.errors.title),
    name && error.status !== 404 && h("p", { class: "lead" }, t.errors.unloaded),
    error.status !== 404 && h("p", { class: "fault" }, inWords(error)),
    h("p", { class: "buttons" }, h("a", { class: "button", href: "/#/" }, icon("back", 18), t.place.back),
      h("button", { class: "button", type: "button", onclick: () => dispatchEvent(new Event("hashchange")) }, t.errors.try_again))));
  return () => {};
}

/** A part of a view that cannot be shown now: what it is, and why. */
export function unloaded(what, error) {
  return h("section", {}, h("h2", {}, what), h("p", { class: "fault", role: "status" }, t.errors.unloaded, " ", inWords(error)));
}

/** Hand an address on, of which the server can say something: by the system's own way, or to the clipboard. */
export function share(path) {
  const label = h("span", {}, t.place.share);
  const hand = async () => {
    const url = location.origin + path;
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      await navigator.share({ title: document.title, url }).catch(() => {});
    } else if (await copied(url)) {
      label.textContent = t.place.copied;
      setTimeout(() => { label.textContent = t.place.share; }, 2500);
    }
  };
  return h("button", { class: "button", type: "button", onclick: hand }, icon("share", 18), h("span", { "aria-live": "polite" }, label));
}

/** A button to a report of a place or a system, where there are any. */
export const report = (kind, id, name) => document.documentElement.dataset.reports && h("button", { class: "button", type: "button",
  onclick: async () => (await import("../report.js")).askReport(kind, id, name) }, icon("report", 18), t.place.report);

/** Copy a text; whether that was allowed. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Give a text as a file. */
export function download(name, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A text to keep, with a button that copies it. */
export function keepable(text, label) {
  const field = h("input", { readonly: true, value: text, "aria-label": label, onfocus: (event) => event.target.select() });
  const word = h("span", {}, t.subscribe.copy);
  const copy = async () => {
    field.select();
    if (await copied(text)) word.textContent = t.subscribe.copied;
  };
  return h("div", { class: "copy" }, field, h("button", { type: "button", class: "button", onclick: copy }, word));
}

/** Ask before what cannot be undone. Answers whether it was wanted. */
export function sure(question, hint, yes, no) {
  return new Promise((done) => {
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      done(answer);
    };
    const dialog = h("dialog", { oncancel: () => end(false), "aria-labelledby": "sure" },
      h("div", {}, h("h2", { id: "sure" }, question), hint && h("p", {}, hint),
        h("div", { class: "buttons" },
          h("button", { type: "button", class: "button", onclick: () => end(false) }, no),
          h("button", { type: "button", class: "button danger", onclick: () => end(true) }, yes))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
