/**
 * Hands a file that was made or put together here to the browser's downloads.
 * @module
 */

const KEPT_MS = 60_000; // the browser may ask first where to put it

/** @param {Blob} file @param {string} name */
export function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
