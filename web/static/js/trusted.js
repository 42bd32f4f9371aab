/**
 * The one Trusted Types policy of these pages. A page can start a worker only from the addresses
 * named here; nothing here makes HTML or script text, so nothing can be injected through it.
 * @module
 */

const WORKERS = Object.freeze([
  "/scan-worker.js",
  ...["nl", "fr", "de", "en"].map((language) => `/sw.js?speaks=${language}`),
]);

/** @param {string} address @returns {string} the same address, if it is one of ours */
function allowed(address) {
  if (!WORKERS.includes(address)) throw new TypeError(`not a worker of ours: ${address}`);
  return address;
}

const policy = globalThis.trustedTypes?.createPolicy("kluis", { createScriptURL: allowed });

/**
 * The address of a worker, as the browser wants it: trusted where it knows that, else plain text.
 * @param {string} address "/sw.js?speaks=nl" or "/scan-worker.js"; anything else throws
 * @returns {string}
 */
export function workerUrl(address) {
  return /** @type {any} */ (policy?.createScriptURL(address) ?? allowed(address));
}
