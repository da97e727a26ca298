// Alerts to this very browser: asks it for leave, and for where its maker's push service takes them.

/** What stands in the way here: null: nothing; "home": it has to be put on the home screen first;
    "denied": it was refused; "none": this browser, or a page without HTTPS, has none of it. */
export function hindrance() {
  const isApple = /iPad|iPhone|iPod/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
  if (isSecureContext && isApple && !("PushManager" in window)) return "home"; // Safari gives it to installed pages alone
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return "none";
  return Notification.permission === "denied" ? "denied" : null;
}

/** Ask for leave, and subscribe: the contact as the API takes it; null: it was refused. To be
    called while a click is being answered. `key` is the home's, as URL-safe base64. */
export async function contact(key) {
  if ((await Notification.requestPermission()) !== "granted") return null;
  await navigator.serviceWorker.register("/worker.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: bytes(key) };
  const kept = await pushManager.getSubscription();
  // One that was made by another key (another home's at this address) cannot be subscribed over.
  if (kept && !same(kept.options.applicationServerKey, options.applicationServerKey)) await kept.unsubscribe();
  return `webpush:${JSON.stringify(await pushManager.subscribe(options))}`;
}

/** What the service worker gives a code back for: nobody yet while the request is under way. */
export async function expect(person = null) {
  const kept = await caches.open("atalaia");
  await kept.put("/pending", new Response(JSON.stringify({ person })));
}

/** Told once of what the service worker's code came to (null: it was refused). Answers how to stop. */
export function onConfirmed(run) {
  const hear = ({ data }) => { if (data && "confirmed" in data) run(data.confirmed); };
  navigator.serviceWorker.addEventListener("message", hear);
  return () => navigator.serviceWorker.removeEventListener("message", hear);
}

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function same(buffer, wanted) {
  const found = new Uint8Array(buffer ?? 0);
  return found.length === wanted.length && found.every((byte, i) => byte === wanted[i]);
}
