// Building the page's elements. Text is always text: nothing that a source or a person wrote is
// ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** h("p", {class: "lead", onclick: f}, "text", child, [more]) → an element. null and false: none. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for a part of a drawing. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in SETTERS) SETTERS[key](element, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  put(element, ...children);
  return element;
}

// Properties that an attribute of the same name would not move.
const SETTERS = {
  value: (element, value) => { element.value = value; },
  checked: (element, value) => { element.checked = Boolean(value); },
  // By script: the policy lets no style attribute.
  style: (element, value) => Object.assign(element.style, value),
};

/** Append children; arrays are taken apart, null and false left out. */
export function put(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replace all that is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, ...children);
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** A function that runs once things have been calm for so long. */
export function calmly(ms, run) {
  let timer;
  const later = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...given), ms);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** A function that runs soon, but not again within so long: what comes meanwhile is met together. */
export function apart(ms, run) {
  let timer = null;
  let until = 0;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      run();
      until = performance.now() + ms;
    }, until - performance.now());
  };
}
