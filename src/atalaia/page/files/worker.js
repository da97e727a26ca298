// The service worker: takes what is pushed to this browser, shows it, and leads to the page.
//
// It is asked for at /worker.js, so that all of the page is its scope, and keeps nothing but which
// subscription of this browser waits for its code ("/pending", in the cache "atalaia").

const PENDING = "/pending";
const WAITS_MS = 250;
const WAITS = 60;

const WORDS = {
  "pt-BR": {
    done: ["Pronto: os avisos chegam aqui", "Toque para ver ou mudar sua inscrição."],
    received: "Recebi",
    change: "Mudar ou parar",
    ended: ["Este navegador deixou de receber avisos", "Toque para ligar de novo."],
  },
  en: {
    done: ["Done: alerts come here", "Tap to see or change your subscription."],
    received: "Got it",
    change: "Change or stop",
    ended: ["This browser has stopped getting alerts", "Tap to turn them on again."],
  },
  es: {
    done: ["Listo: los avisos llegan aquí", "Toque para ver o cambiar su inscripción."],
    received: "Recibido",
    change: "Cambiar o parar",
    ended: ["Este navegador ha dejado de recibir avisos", "Toque para activarlos de nuevo."],
  },
};

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("push", (event) => event.waitUntil(pushed(event.data?.json())));

async function pushed(told) {
  if (!told) return undefined;
  if (told.kind !== "confirm") return shown(told);
  const confirmed = await confirm(told.code);
  if (!confirmed) return shown(told); // somebody else asked, or it is too late: as any address is asked
  const [title, body] = (WORDS[told.language] ?? WORDS.en).done;
  return shown({ ...told, title, body, url: confirmed.manage });
}

/** Every push is shown: browsers demand it. A newer one about the same takes the older one's place. */
function shown({ title, body, tag, level, language, url, incident, is_over, answer, asks }) {
  const words = WORDS[language] ?? WORDS.en;
  const actions = answer ? [...(asks ? ["received"] : []), "change"] : [];
  return registration.showNotification(title, {
    body, lang: language, icon: icon("192"), badge: icon("badge"),
    tag: tag || undefined, renotify: Boolean(tag),
    requireInteraction: level === "red" && !is_over,
    actions: actions.map((action) => ({ action, title: words[action] })),
    data: { answer, url: url ?? (incident ? `/#/alert/${encodeURIComponent(incident)}` : "/#/") },
  });
}

const icon = (name) => `/icons/${name}.png`;

// That this browser is the one that asked

/** Give the code back for the subscription that the page began here; null: it began none. */
async function confirm(code) {
  const person = await asked();
  if (!person) return null;
  const answer = await fetch(`/v1/people/${encodeURIComponent(person)}/confirm`, {
    method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }),
  }).catch(() => null);
  const told = answer?.ok ? await answer.json() : null;
  if (told) await (await caches.open("atalaia")).delete(PENDING);
  for (const client of await clients.matchAll({ type: "window" })) client.postMessage({ confirmed: told });
  return told;
}

/** Whose subscription waits; a push may come before the page has its answer, and waits for it. */
async function asked() {
  const kept = await caches.open("atalaia");
  for (let i = 0; i < WAITS; i += 1) {
    const waiting = await kept.match(PENDING);
    if (!waiting) return null;
    const { person } = await waiting.json();
    if (person) return person;
    await new Promise((done) => setTimeout(done, WAITS_MS));
  }
  return null;
}

// To the page

addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, answer } = event.notification.data;
  if (event.action === "received") event.waitUntil(fetch(`${answer}/received`, { method: "POST", mode: "no-cors", credentials: "omit" }));
  else event.waitUntil(open(event.action === "change" ? answer : url));
});

async function open(url) {
  const [shows] = await clients.matchAll({ type: "window" });
  if (!shows) return clients.openWindow(url);
  await shows.focus();
  return shows.navigate(url).catch(() => clients.openWindow(url));
}

/** The browser's maker has ended the subscription: nothing would come any more, and nobody know. */
addEventListener("pushsubscriptionchange", (event) => {
  const known = Object.keys(WORDS).find((one) => one.slice(0, 2) === navigator.language.slice(0, 2));
  const [title, body] = WORDS[known ?? "en"].ended;
  event.waitUntil(shown({ title, body, language: known ?? "en", url: "/#/subscribe" }));
});
