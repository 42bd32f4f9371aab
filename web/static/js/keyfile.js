/**
 * Key files: for who has no passkey that can open a vault. The key is made here, saved as a small
 * text file, and read back from it here; the file itself is sent nowhere.
 * @module
 */

import { download } from "./download.js";

const MARK = "kluis-key-1:";
const KEY = /kluis-key-1:([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/;
const FILE_BYTES_MAX = 10_000;

/** @param {Uint8Array<ArrayBuffer>} bytes @returns {string} */
export function base64url(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** 32 random bytes in base64url. @returns {string} */
export function freshKey() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * Hands a key to the browser's downloads.
 * @param {string} key @param {string} words what the file says before the key
 */
export function save(key, words) {
  const text = `${words.trim()}\r\n\r\n${MARK}${key}\r\n`;
  download(new Blob([text], { type: "text/plain" }), "burgerkluis-key.txt");
}

/** @param {File|undefined} file @returns {Promise<string|null>} its key, or null where it has none */
export async function keyIn(file) {
  if (!file || file.size > FILE_BYTES_MAX) return null;
  return KEY.exec(await file.text())?.[1] ?? null;
}
