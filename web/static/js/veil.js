/**
 * Shows or hides all values of a page at once, for who is not alone. Without modules the button is
 * not there and the values are.
 * @module
 */

/** @param {HTMLButtonElement} button with data-veil, a selector; data-hide and data-show, its texts */
export function veilWith(button) {
  const area = document.querySelector(button.dataset.veil ?? "");
  const text = button.querySelector("[data-veil-text]");
  if (!(area instanceof HTMLElement) || !text) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const veiled = area.classList.toggle("veiled");
    text.textContent = (veiled ? button.dataset.show : button.dataset.hide) ?? "";
    // What is veiled is not read out either.
    for (const value of area.querySelectorAll("[data-value]")) {
      if (veiled) value.setAttribute("aria-hidden", "true");
      else value.removeAttribute("aria-hidden");
    }
  });
}

for (const button of document.querySelectorAll("button[data-veil]")) {
  veilWith(/** @type {HTMLButtonElement} */ (button));
}
