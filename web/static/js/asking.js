/**
 * A plain question to the server, for so long and no longer: what stands between may hold back an
 * answer without a word, as it may hold back a stream.
 * @module
 */

const ANSWERS_WITHIN_MS = 7_000;

/**
 * @param {string} address
 * @returns {Promise<Response>} rejects where none came in time, and where it leads elsewhere
 */
export function asked(address) {
  const limit = new AbortController();
  setTimeout(() => limit.abort(), ANSWERS_WITHIN_MS);
  return fetch(address, { redirect: "error", signal: limit.signal });
}
