// The code on the phone: how long it is good, and that the counter has scanned it.

const card = /** @type {HTMLElement} */ (document.querySelector("[data-offer]"));
const countdown = /** @type {HTMLElement} */ (document.querySelector("[data-offer-left]"));
const live = /** @type {HTMLElement} */ (document.querySelector("[data-offer-said]"));
const texts = /** @type {HTMLTemplateElement} */ (document.querySelector("[data-offer-texts]")).content;
const ends = performance.now() + Number(card.dataset.livesSeconds) * 1000;

/** @param {string} key @param {Record<string, string>} values */
function text(key, values = {}) {
  const found = texts.querySelector(`[data-text="${key}"]`)?.textContent ?? "";
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function tick() {
  const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  if (card.dataset.state) return;
  if (left === 0) return over("expired", text("expired"));
  countdown.textContent = text("left", { seconds: String(left) });
  setTimeout(tick, 1000 - ((ends - performance.now()) % 1000) % 1000 + 5);
}

/** The code is of no use any more: it goes from the screen. @param {string} state @param {string} said */
function over(state, said) {
  card.dataset.state = state;
  card.querySelector(".qr")?.replaceChildren();
  card.querySelector("[data-code]")?.replaceChildren();
  countdown.textContent = "";
  live.textContent = said;
}

document.addEventListener("kluis:grant", (event) => {
  const grant = /** @type {CustomEvent} */ (event).detail;
  if (grant.grant !== card.dataset.offer || card.dataset.state) return;
  if (grant.state === "active") over("redeemed", text("redeemed", { agency: grant.agency }));
});

tick();
