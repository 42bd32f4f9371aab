// Signing in at a counter: a passkey signs the server's challenge, and the server checks it.

import { KEYS, SELECTION, TIMEOUT_MS, input, voice } from "./ceremony.js";
import { base64url } from "./keyfile.js";

const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-officer]"));
const invitation = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-invitation]"));

/** @param {string} challenge base64url @param {string} name */
const create = (challenge, name) =>
  navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON({
      rp: { id: location.hostname, name: "Burgerkluis" },
      user: { id: base64url(crypto.getRandomValues(new Uint8Array(16))), name, displayName: name },
      challenge,
      pubKeyCredParams: KEYS,
      authenticatorSelection: SELECTION,
      timeout: TIMEOUT_MS,
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });

/** @param {string} challenge base64url */
const get = (challenge) =>
  navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({
      rpId: location.hostname,
      challenge,
      userVerification: "required",
      timeout: TIMEOUT_MS,
    }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });

/** Whether this browser knows passkeys, and how to write them down. */
const isAble = () =>
  "PublicKeyCredential" in window &&
  ["parseCreationOptionsFromJSON", "parseRequestOptionsFromJSON"].every((one) => one in PublicKeyCredential);

/** @param {HTMLFormElement} form */
function signWithPasskey(form) {
  const { officer, challenge = "", name = "Burgerkluis" } = form.dataset;
  const credential = /** @type {HTMLInputElement} */ (input(form, "credential"));
  const { tell } = voice(form);
  form.addEventListener("submit", async (event) => {
    if (credential.value) return;
    event.preventDefault();
    if (!isAble()) return tell("unsupported");
    tell("waiting");
    try {
      const made = await (officer === "create" ? create(challenge, name) : get(challenge));
      credential.value = JSON.stringify(made);
      form.requestSubmit();
      credential.value = "";
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      tell("cancelled");
    }
  });
}

/** The invitation stands after the # of the link, which is sent to nobody. It leaves the address and
 * goes with the form: who it is for is shown before anything is made. @param {HTMLFormElement} form */
function openInvitation(form) {
  const code = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (!code) return;
  const field = input(form, "invitation");
  if (field) field.value = code;
  form.requestSubmit();
}

if (form) signWithPasskey(form);
if (invitation) {
  openInvitation(invitation);
  addEventListener("hashchange", () => openInvitation(invitation));
}
