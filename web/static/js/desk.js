// At a counter. Where a code is taken: hand scanner, camera, photo; each ends in the form that a typed
// code goes through as well. Where data is shown: it leaves the page when the access ends, after some
// minutes, and when the page is left. Nothing of it is kept.

import { asked } from "./asking.js";
import { scan } from "./qrscan.js";
import { listen } from "./wedge.js";

const OPENS_WITHIN_MS = 7_000;
const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-redeem]"));
const trial = /** @type {HTMLElement|null} */ (document.querySelector("[data-try]"));
const result = /** @type {HTMLElement|null} */ (document.querySelector("[data-result]"));

/** @param {HTMLFormElement} form */
function takeCodes(form) {
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("code"));
  const digits = /** @type {HTMLInputElement} */ (form.elements.namedItem("tx_code"));
  const send = (/** @type {string} */ code) => {
    field.value = code;
    form.requestSubmit();
  };
  listen(document, send);
  const camera = /** @type {HTMLElement|null} */ (document.querySelector("[data-camera]"));
  if (camera) {
    camera.hidden = false;
    scan(camera, send);
  }
  // A slip was told before it was sent: a code that gives no access even so is over, and makes room.
  if (form.dataset.redeem === "invalid_grant") field.value = "";
  (field.value && form.dataset.redeem !== "shape" ? digits : field).focus();
  // What was answered to a form has no address of its own: reloading must not send it again.
  history.replaceState(null, "", "/desk");
  addEventListener("pagehide", () => form.reset());
}

/** @param {HTMLElement} trial */
function tryScanner(trial) {
  const aloud = trial.querySelector("[data-try-aloud]");
  const say = (/** @type {string} */ which) => {
    for (const each of trial.querySelectorAll("[data-try-said]")) {
      const element = /** @type {HTMLElement} */ (each);
      element.hidden = element.dataset.trySaid !== which;
      if (!element.hidden && aloud) aloud.textContent = element.querySelector(".title")?.textContent ?? "";
    }
  };
  listen(document, (code) => say(code === trial.dataset.try ? "right" : "wrong"), { onOther: () => say("wrong") });
}

/** @param {HTMLElement} result */
function showForAWhile(result) {
  const { watch, stands = "", shownSeconds, leftSeconds } = result.dataset;
  let over = "";
  /** @type {EventSource|null} */
  let source = null;
  let late = 0;

  /** The values leave the page. @param {string} why */
  function clear(why) {
    if (over && over !== "hidden") return;
    over = why;
    result.dataset.state = why;
    result.querySelector("[data-values]")?.remove();
    if (why !== "hidden") {
      source?.close();
      clearTimeout(late);
      for (const part of result.querySelectorAll("[data-look], [data-stands-tag]")) part.remove();
    }
    for (const each of result.querySelectorAll("[data-over]")) {
      const element = /** @type {HTMLElement} */ (each);
      element.hidden = element.dataset.over !== why;
      if (element.hidden) continue;
      const aloud = result.querySelector("[data-over-aloud]");
      if (aloud) aloud.textContent = element.querySelector(".title")?.textContent ?? "";
    }
  }

  /** The stream itself does not tell why it was refused; a plain question does. */
  async function ask() {
    try {
      const { status, ok, json } = await answered(stands);
      if (status === 401) clear("signed-out");
      else if (status === 404) clear("other");
      else if (ok && !json.open) clear("ended");
      else setTimeout(follow, 5000);
    } catch {
      setTimeout(follow, 5000);
    }
  }

  /** Until the stream is refused, or stays away too long: it may be held back without a word. */
  function follow() {
    if (!watch || (over && over !== "hidden")) return;
    const stream = (source = new EventSource(watch));
    const giveUp = () => {
      stream.close();
      ask();
    };
    late = setTimeout(giveUp, OPENS_WITHIN_MS);
    stream.addEventListener("closed", (event) => clear(JSON.parse(event.data).why));
    stream.onopen = () => {
      clearTimeout(late);
      late = 0;
    };
    stream.onerror = () => {
      late ||= setTimeout(giveUp, OPENS_WITHIN_MS);
      if (stream.readyState !== EventSource.CLOSED) return;
      clearTimeout(late);
      ask();
    };
  }

  history.replaceState(null, "", "/desk");
  setTimeout(() => clear("hidden"), Number(shownSeconds) * 1000);
  if (leftSeconds && Number(leftSeconds) < 86_400) setTimeout(() => clear("expired"), Number(leftSeconds) * 1000);
  addEventListener("pagehide", () => clear("left"));
  addEventListener("pageshow", (event) => event.persisted && location.replace("/desk"));
  follow();
}

/** @param {string} address */
async function answered(address) {
  const answer = await asked(address);
  return { status: answer.status, ok: answer.ok, json: answer.ok ? await answer.json() : null };
}

if (form) takeCodes(form);
if (trial) tryScanner(trial);
if (result) showForAWhile(result);
