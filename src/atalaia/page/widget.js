(() => {
  const EVERY_MS = 60_000;
  const root = document.documentElement;
  const late = document.getElementById("late");
  let at = Date.now();
  // What was not said anew for three times as long is old, and calm that is old is not shown.
  const tell = () => {
    const isOld = Date.now() - at > 3 * EVERY_MS;
    late.hidden = !isOld;
    document.body.className = isOld ? "late" : "";
    const said = new Date(at).toLocaleTimeString(root.lang, { hour: "2-digit", minute: "2-digit" });
    if (isOld) late.textContent = late.dataset.said.replace("{at}", said);
  };
  const ask = async () => {
    try {
      // The browser asks by the ETag that it has; what is the same is not sent again.
      const answer = await fetch(location.href, { cache: "no-cache", credentials: "omit" });
      if (answer.headers.get("content-type")?.startsWith("text/html")) {
        const told = new DOMParser().parseFromString(await answer.text(), "text/html");
        const [now, next] = [document, told].map((each) => each.querySelector("main"));
        if (next && next.innerHTML !== now.innerHTML) now.replaceWith(next);
        if (next) at = Date.now();
      }
    } catch {
      // It is told once it is old.
    }
    tell();
  };
  setInterval(() => (document.hidden ? tell() : ask()), EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    tell();
    if (!document.hidden) ask();
  });
})();
