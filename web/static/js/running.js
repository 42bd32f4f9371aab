// What happens with what is shared, while somebody looks on: a line for each event, and the cards of
// the grants that it is about. Events hold ids and labels, never a value.

import { wordsIn } from "./texts.js";

const LINES_MAX = 50;
const log = document.querySelector("[data-live-log]");
const text = wordsIn(document.querySelector("[data-live-texts]"));
const only = document.querySelector("[data-one-grant]") !== null;
const poll = /** @type {HTMLElement|null} */ (document.querySelector("[data-poll]"))?.dataset.poll;
const news = /** @type {HTMLElement|null} */ (document.querySelector("[data-live-new]"));

/** @typedef {{grant: string, state: string, reads: number, text: string}} Told */

/** @param {string} kind @param {Told} told */
function add(kind, told) {
  const line = document.createElement("li");
  const what = document.createElement("p");
  const when = document.createElement("p");
  what.className = "what";
  when.className = "small";
  what.textContent = told.text;
  when.textContent = new Date().toLocaleTimeString(document.documentElement.lang);
  const both = document.createElement("div");
  both.append(what, when);
  line.className = kind === "alarm" ? "alarm" : "";
  line.dataset.kind = kind;
  line.append(both);
  log?.prepend(line);
  while (log && log.children.length > LINES_MAX) log.lastElementChild?.remove();
}

/** @param {Told} told */
const isOpen = (told) => told.state === "active" || told.state === "offered";

/** @param {Told} told */
const cardOf = (told) =>
  [...document.querySelectorAll("[data-grant]")].find(
    (one) => /** @type {HTMLElement} */ (one).dataset.grant === told.grant,
  );

/** The part of a card that says something else from now on. @param {Element} card
 * @param {"grantReads"|"grantState"} name @param {string} value */
function changed(card, name, value) {
  const part = /** @type {HTMLElement|null} */ (
    card.querySelector(name === "grantReads" ? "[data-grant-reads]" : "[data-grant-state]")
  );
  if (!part || part.dataset[name] === value) return null;
  part.dataset[name] = value;
  return part;
}

/** @param {Told} told */
function show(told) {
  const card = cardOf(told);
  if (!card) return offerNews();
  const reads = changed(card, "grantReads", String(told.reads));
  const state = changed(card, "grantState", told.state);
  if (reads) reads.textContent = text("reads", { times: String(told.reads) });
  const open = isOpen(told);
  if (state && told.state !== "offered") {
    const tag = document.createElement("span");
    tag.className = `tag ${open ? "open" : "ended"}`;
    tag.textContent = text(open ? "active" : "over");
    state.replaceChildren(tag);
  }
  if (!open) card.querySelector("form")?.remove();
}

/** Something that this page does not show yet: the person decides when it changes. */
function offerNews() {
  if (news && !only) news.hidden = false;
}

for (const kind of ["offer", "grant", "read", "withdrawn", "alarm"]) {
  document.addEventListener(`kluis:${kind}`, (event) => {
    const told = /** @type {Told} */ (/** @type {CustomEvent} */ (event).detail);
    add(kind, told);
    if (only && kind === "alarm" && cardOf(told)) return lookAgain();
    show(told);
  });
}
/** How it stands: after a break, or before this page listened. @param {Told[]} grants */
function renew(grants) {
  for (const told of grants) {
    const card = cardOf(told);
    if (only && card && !isOpen(told) && changed(card, "grantState", told.state)) return lookAgain();
    if (card || isOpen(told)) show(told);
  }
}

/** The page of one grant tells why it ended, and an alarm stands on top of it. */
function lookAgain() {
  location.replace(location.href);
}

document.addEventListener("kluis:changed", (event) => {
  renew(/** @type {CustomEvent} */ (event).detail?.grants ?? []);
});
document.addEventListener("kluis:connection", async (event) => {
  if (/** @type {CustomEvent} */ (event).detail !== "live" || !poll) return;
  try {
    const answer = await fetch(poll, { redirect: "error" });
    if (answer.ok) for (const one of (await answer.json()).events) renew(one.data.grants);
  } catch {
    // no connection: live.js says it
  }
});
