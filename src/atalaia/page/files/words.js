// The page's language: the one that somebody chose, or the first of the browser's that there is.

export const LANGUAGES = { "pt-BR": "Português", en: "English", es: "Español" };

/** Words of the language in force; filled by `speak`. */
export const t = {};

export let language = "pt-BR";

/** Load a language's words; `null` finds one. */
export async function speak(wanted = null) {
  language = wanted ?? remembered() ?? ofBrowser();
  if (wanted) remember(wanted);
  const { words } = await import(`./words/${language}.js`);
  Object.assign(t, words);
  document.documentElement.lang = language;
}

function ofBrowser() {
  for (const one of navigator.languages ?? []) {
    const known = Object.keys(LANGUAGES).find((each) => each.slice(0, 2) === one.slice(0, 2));
    if (known) return known;
  }
  return "en";
}

function remembered() {
  try {
    const kept = localStorage.getItem("language");
    return kept in LANGUAGES ? kept : null;
  } catch {
    return null;
  }
}

function remember(chosen) {
  try {
    localStorage.setItem("language", chosen);
  } catch {
    // Storage is switched off: it holds for this view.
  }
}
