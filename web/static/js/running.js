// What happens with what is shared, while somebody looks on: a line for each event, and the cards of
// the grants that it is about. Events hold ids and labels, never a value.

const LINES_MAX = 50;
const log = document.querySelector("[data-live-log]");
const found = /** @type {HTMLTemplateElement|null} */ (document.querySelector("[data-live-texts]"));
const news = /** @type {HTMLElement|null} */ (document.querySelector("[data-live-new]"));

/** @typedef {{grant: string, state: string, reads: number, text: string}} Told */

/** @param {string} key @param {string} times */
const text = (key, times = "") =>
  (found?.content.querySelector(`[data-text="${key}"]`)?.textContent ?? "").replace("{times}", times);

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
function show(told) {
  const card = [...document.querySelectorAll("[data-grant]")].find(
    (one) => /** @type {HTMLElement} */ (one).dataset.grant === told.grant,
  );
  if (!card) return offerNews();
  const reads = card.querySelector("[data-grant-reads]");
  const state = card.querySelector("[data-grant-state]");
  if (reads) reads.textContent = text("reads", String(told.reads));
  const open = told.state === "active" || told.state === "offered";
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
  if (news) news.hidden = false;
}

for (const kind of ["offer", "grant", "read", "withdrawn", "alarm"]) {
  document.addEventListener(`kluis:${kind}`, (event) => {
    const told = /** @type {Told} */ (/** @type {CustomEvent} */ (event).detail);
    add(kind, told);
    show(told);
  });
}
document.addEventListener("kluis:changed", (event) => {
  for (const told of /** @type {CustomEvent} */ (event).detail?.grants ?? []) show(told);
});
