// Tables that can be sorted here, without looking anything up again: each look is recorded.

/** @param {Element | undefined} cell what a cell is sorted by: its data-key, else its words */
const keyOf = (cell) => {
  const key = /** @type {HTMLElement | undefined} */ (cell)?.dataset.key;
  if (key !== undefined) return Number(key);
  return (cell?.textContent ?? "").trim();
};

/** @param {number | string} one @param {number | string} other */
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), document.documentElement.lang);
}

/** @param {HTMLTableElement} table @param {HTMLElement} head @param {number} column */
function sort(table, head, column) {
  const rising = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("thead [aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].sort(
    (one, other) => compare(keyOf(one.cells[column]), keyOf(other.cells[column])) * (rising ? 1 : -1),
  );
  body.append(...rows);
}

for (const found of document.querySelectorAll("[data-sort-table]")) {
  const table = /** @type {HTMLTableElement} */ (found);
  for (const [column, head] of /** @type {HTMLElement[]} */ ([...table.querySelectorAll("thead th")]).entries()) {
    if (!head.dataset.sort) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.title = table.dataset.sortHint ?? "";
    button.addEventListener("click", () => sort(table, head, column));
    head.append(button);
  }
}
