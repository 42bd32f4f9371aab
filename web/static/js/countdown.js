/**
 * Time that is left, in words. Shown each second; said aloud only at 30 and at 10 seconds and at
 * the end, so that a screen reader is not drowned. At the end `kluis:over` is dispatched on the
 * element, with which a page may hide its code.
 * @module
 */

export const SAID_AT_SECONDS = [30, 10];
export const ENDING_SECONDS = 30;

/** @param {ParentNode} root every [data-countdown] in it begins to count */
export function startCountdowns(root) {
  for (const element of root.querySelectorAll("[data-countdown]")) {
    start(/** @type {HTMLElement} */ (element));
  }
}

/** @param {HTMLElement} element */
function start(element) {
  const said = element.nextElementSibling?.matches("[data-countdown-said]")
    ? element.nextElementSibling
    : null;
  const tick = () => {
    const left = Math.ceil((Number(element.dataset.countdown) - Date.now()) / 1000);
    element.textContent = words(element, left);
    element.classList.toggle("ending", left <= ENDING_SECONDS);
    const aloud = SAID_AT_SECONDS.includes(left) || left <= 0;
    if (said && aloud) said.textContent = element.textContent;
    if (left > 0 || !element.isConnected) return;
    clearInterval(timer);
    element.dispatchEvent(new CustomEvent("kluis:over", { bubbles: true }));
  };
  const timer = setInterval(tick, 1000);
  tick();
}

/** @param {HTMLElement} element @param {number} left seconds @returns {string} */
function words(element, left) {
  const { minutes = "", seconds = "", over = "" } = element.dataset;
  if (left <= 0) return over;
  if (left < 60) return seconds.replace("{seconds}", String(left));
  return minutes
    .replace("{minutes}", String(Math.floor(left / 60)))
    .replace("{seconds}", String(left % 60));
}
