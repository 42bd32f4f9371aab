/**
 * Keeps, on the phone: the offline page and the files under /static/, whose addresses carry their
 * hash and never change. Nothing else: no page of a person, no value, no event is ever stored.
 * The server writes two lines at the top when it serves this at /sw.js:
 *   const VERSION = "<hash of all static files>";
 *   const SHELL = ["/offline?lang=nl", "/static/<hash>/css/main.css", ...];
 * A new version waits for nothing: no page depends on what an older one kept.
 */

/* global VERSION, SHELL */
const NAME = `kluis-${VERSION}`;
const OFFLINE = "/offline";
const SPEAKS = new URL(location.href).searchParams.get("speaks"); // of the page that started this

addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOlder().then(() => self.clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== location.origin) return;
  if (address.pathname.startsWith("/static/")) {
    event.respondWith(fromStore(request));
  } else if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => offlinePage(request)));
  }
});

/** Fresh copies, past the browser's own cache. */
async function fill() {
  const store = await caches.open(NAME);
  const fresh = { cache: "reload", credentials: "omit" };
  await store.addAll(SHELL.map((address) => new Request(address, fresh)));
}

async function forgetOlder() {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith("kluis-") && name !== NAME);
  await Promise.all(older.map((name) => caches.delete(name)));
}

/** Only what the install put there is answered from there; the rest is asked, and not stored. */
async function fromStore(request) {
  const kept = await caches.match(request, { cacheName: NAME });
  return kept ?? fetch(request);
}

/** In the language of the address, of the last page, of the device, else the first kept. */
async function offlinePage(request) {
  const store = await caches.open(NAME);
  const asked = new URL(request.url).searchParams.get("lang");
  for (const language of [asked, SPEAKS, ...navigator.languages.map((tag) => tag.slice(0, 2))]) {
    const kept = language && (await store.match(`${OFFLINE}?lang=${language}`));
    if (kept) return kept;
  }
  return (await store.match(OFFLINE, { ignoreSearch: true })) ?? Response.error();
}
