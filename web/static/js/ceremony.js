/**
 * What every ceremony with a passkey shares, a citizen's and an officer's: which keys are made, how
 * long one may take, and the words beside the form. The words stand in the page, by their key.
 * @module
 */

import { wordsIn } from "./texts.js";

export const TIMEOUT_MS = 120_000;

/** ES256, EdDSA, RS256: what any authenticator has. @type {PublicKeyCredentialParameters[]} */
export const KEYS = [-7, -8, -257].map((alg) => ({ type: "public-key", alg }));

/** A key that its device finds by itself, and gives to a person that it has recognised.
 * @type {AuthenticatorSelectionCriteria} */
export const SELECTION = {
  residentKey: "required",
  requireResidentKey: true,
  userVerification: "required",
};

/** @param {HTMLFormElement} form @param {string} name */
export const input = (form, name) =>
  /** @type {HTMLInputElement|null} */ (form.elements.namedItem(name));

/** How a form is spoken for: `text` finds words by their key, `tell` shows them as its status.
 * @param {HTMLFormElement} form */
export function voice(form) {
  const status = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-status]"));
  const text = wordsIn(document.querySelector("[data-passkey-texts]"));
  const tell = (/** @type {string} */ key) => {
    status.textContent = text(key);
    status.dataset.state = key;
  };
  return { text, tell };
}
