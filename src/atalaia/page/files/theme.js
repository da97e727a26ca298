// Before anything is painted: the choice of light or dark that somebody made, or the system's; and
// of the levels' colours.
// A classic script on purpose, for a module would come too late and the page would flash.
try {
  const chosen = localStorage.getItem("theme");
  if (localStorage.getItem("colours")) document.documentElement.dataset.colours = "safe";
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is switched off: the system's choice holds.
}
