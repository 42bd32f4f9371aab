/**
 * Reads a chosen file into a text area, here in the browser: the person sees what will be sent.
 * Without modules the text is pasted.
 * @module
 */

/** @param {HTMLInputElement} input with data-into, data-bytes-max and its texts */
export function readInto(input) {
  const area = document.getElementById(input.dataset.into ?? "");
  const said = document.getElementById(input.dataset.said ?? "");
  const part = input.closest("[data-file-part]");
  if (!(area instanceof HTMLTextAreaElement) || !said) return;
  if (part instanceof HTMLElement) part.hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    if (file.size > Number(input.dataset.bytesMax)) {
      said.textContent = input.dataset.tooLarge ?? "";
      input.value = "";
      return;
    }
    try {
      area.value = await file.text();
      said.textContent = input.dataset.read ?? "";
    } catch {
      said.textContent = input.dataset.failed ?? "";
    }
    input.value = ""; // the file itself is never sent
  });
}

for (const input of document.querySelectorAll("input[data-into]")) {
  readInto(/** @type {HTMLInputElement} */ (input));
}
