// The code on the phone: how long it is good, that the counter has scanned it, and that it goes from
// the screen when it is of no use any more. Time is counted by seconds since the page came, not by
// the phone's clock, which may be wrong. The screen stays on meanwhile, where the phone allows it.

import { ENDING_SECONDS, SAID_AT_SECONDS } from "./countdown.js";
import { wordsIn } from "./texts.js";

const TOLD_MS = 1500;
const page = /** @type {HTMLElement} */ (document.querySelector("[data-offer]"));
const secret = page.querySelector("[data-offer-secret]");
const title = /** @type {HTMLElement} */ (page.querySelector("[data-offer-title]"));
const countdown = /** @type {HTMLElement} */ (page.querySelector("[data-offer-left]"));
const said = /** @type {HTMLElement} */ (page.querySelector("[data-offer-said]"));
const aloud = /** @type {HTMLElement} */ (page.querySelector("[data-offer-aloud]"));
const text = wordsIn(page.querySelector("[data-offer-texts]"));
const { offer = "", poll = "", done = "" } = page.dataset;
const ends = performance.now() + Number(page.dataset.livesSeconds) * 1000;
/** @type {WakeLockSentinel|null} */
let awake = null;

function tick() {
  if (page.dataset.state) return;
  const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  if (left === 0) return over("expired", text("expired"));
  countdown.textContent = text("left", { seconds: String(left) });
  countdown.classList.toggle("ending", left <= ENDING_SECONDS);
  if (SAID_AT_SECONDS.includes(left)) aloud.textContent = countdown.textContent;
  setTimeout(tick, ((ends - performance.now()) % 1000) + 5);
}

/** The code is of no use any more: it leaves the page, not only the view, and so does what could be
 * done with it. What the server knows of it stands on the page that follows. A code that was scanned
 * in its last second is no code that nobody used.
 * @param {"expired"|"redeemed"|"ended"} state @param {string} words */
function over(state, words) {
  const before = page.dataset.state;
  if (before && (before !== "expired" || state === "expired")) return;
  page.dataset.state = state;
  secret?.remove();
  for (const part of page.querySelectorAll("[data-offer-while]")) part.remove();
  for (const part of page.querySelectorAll("[data-offer-after]")) part.removeAttribute("hidden");
  title.textContent = text(`${state}-title`);
  said.textContent = words;
  awake?.release().catch(() => {});
  if (state !== "expired") setTimeout(() => location.replace(done), TOLD_MS);
}

/** @typedef {{grant: string, agency: string, state: string, reads: number}} Told */

/** @param {Told} told */
function hear(told) {
  if (told.grant !== offer) return;
  if (told.state === "active" || told.reads > 0) over("redeemed", text("redeemed", { agency: told.agency }));
  else if (told.state === "ended") over("ended", text("ended"));
}

/** What happened before somebody listened for this page, or while the phone slept. */
async function ask() {
  if (page.dataset.state && page.dataset.state !== "expired") return;
  try {
    const answer = await fetch(poll, { redirect: "error" });
    if (!answer.ok) return;
    for (const one of (await answer.json()).events) one.data.grants?.forEach(hear);
  } catch {
    // no connection: the code still counts down, and live.js says it
  }
}

async function keepAwake() {
  if (!navigator.wakeLock || page.dataset.state || document.hidden) return;
  awake = await navigator.wakeLock.request("screen").catch(() => null);
}

for (const kind of ["grant", "read", "withdrawn", "alarm"]) {
  document.addEventListener(`kluis:${kind}`, (event) => hear(/** @type {CustomEvent} */ (event).detail));
}
document.addEventListener("kluis:changed", (event) => {
  /** @type {CustomEvent} */ (event).detail?.grants?.forEach(hear);
});
document.addEventListener("kluis:connection", (event) => {
  if (/** @type {CustomEvent} */ (event).detail === "live") ask();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  tick();
  ask();
  keepAwake();
});
// Whoever sends a form of this page is on the way to another one: what that does is no news here.
addEventListener("submit", () => (page.dataset.state = "left"));
// A page that is left keeps no code, and what is sent again would be another one.
addEventListener("pagehide", () => secret?.remove());
history.replaceState(null, "", done);
tick();
keepAwake();
