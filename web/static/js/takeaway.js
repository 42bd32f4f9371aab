// The export with its progress. Without this module the form downloads the same file.

import { download } from "./download.js";
import { wordsIn } from "./texts.js";

const ENTRIES_MAX = 200_000; // a larger file does not fit a page's memory: the browser saves it itself
const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-takeaway]"));
const progress = /** @type {HTMLElement} */ (document.querySelector("[data-takeaway-progress]"));
const bytes = /** @type {HTMLElement} */ (document.querySelector("[data-takeaway-bytes]"));
const status = /** @type {HTMLElement} */ (document.querySelector("[data-takeaway-status]"));
const text = wordsIn(document.querySelector("[data-takeaway-texts]"));

/** @param {number} size */
const inWords = (size) =>
  new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit",
    unit: size < 1_000_000 ? "kilobyte" : "megabyte",
    maximumFractionDigits: 1,
  }).format(size / (size < 1_000_000 ? 1_000 : 1_000_000));

/** The whole file. Throws where it broke off. @param {Response} answer */
async function received(answer) {
  const entries = answer.headers.get("Kluis-Entries") ?? "";
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  /** @type {BlobPart[]} */
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: "application/zip" });
    parts.push(/** @type {Uint8Array<ArrayBuffer>} */ (value));
    size += value.length;
    bytes.textContent = text("bytes", { size: inWords(size), entries });
  }
}

form.addEventListener("submit", async (event) => {
  if (Number(form.dataset.entries) > ENTRIES_MAX) return;
  event.preventDefault();
  if (!progress.hidden) return; // one at a time: each is an entry
  progress.hidden = false;
  status.textContent = text("running");
  try {
    const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    const answer = await fetch(form.action, { method: "POST", body });
    if (answer.headers.get("Content-Type") !== "application/zip") {
      form.submit(); // what is wrong is a page of its own: a checkpoint that is none, a session over
      return;
    }
    const file = await received(answer);
    download(file, form.dataset.name ?? "");
    status.textContent = text("done", { size: inWords(file.size) });
  } catch {
    status.textContent = text("failed");
  } finally {
    progress.hidden = true;
    bytes.textContent = "";
  }
});
