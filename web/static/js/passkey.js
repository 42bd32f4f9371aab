/**
 * What opens a vault, made and used in the browser: a passkey whose PRF output becomes the secret,
 * or a key file. The server sees that secret once, in a form; what the authenticator says goes
 * nowhere, and nothing is stored.
 *
 * A form with data-passkey="create|get|add|prove" gets its secrets just before it is sent:
 * `device_secret` (create: of a new key; get: of one that is there), `unlock_secret` (add, prove: of
 * one that is there). data-key="file" makes the new key a key file.
 * @module
 */

import { KEYS, SELECTION, TIMEOUT_MS, input, voice } from "./ceremony.js";
import { base64url, freshKey, keyIn, save } from "./keyfile.js";

const PRF_INPUT = "burgerkluis/passkey/prf/1";
const HKDF_INFO = "burgerkluis/passkey/device-secret/1";
const GIVEN_UP = ["NotAllowedError", "AbortError", "TimeoutError"];
const encoder = new TextEncoder();

/** Why there is no secret: a key of the page's texts. */
class NoSecret extends Error {}

/** @returns {Promise<ArrayBuffer>} the one salt of all passkeys: a constant, so any device finds it */
const prfSalt = () => crypto.subtle.digest("SHA-256", encoder.encode(PRF_INPUT));

/** @param {number} size */
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** The unlock secret that follows from a PRF output; the output itself is wiped.
 * @param {ArrayBuffer} output @returns {Promise<string>} 32 bytes in base64url */
async function secretOf(output) {
  const key = await crypto.subtle.importKey("raw", output, "HKDF", false, ["deriveBits"]);
  new Uint8Array(output).fill(0);
  const info = encoder.encode(HKDF_INFO);
  const derived = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return base64url(new Uint8Array(await crypto.subtle.deriveBits(derived, key, 256)));
}

/** A fresh passkey; then a real use of it, since only that shows whether it can open a vault.
 * @param {string} rpName @param {string} label @param {(key: string) => void} tell
 * @returns {Promise<string|null>} the secret; null where the authenticator knows no PRF */
export async function create(rpName, label, tell) {
  const made = /** @type {PublicKeyCredential|null} */ (
    await navigator.credentials.create({
      publicKey: {
        rp: { id: location.hostname, name: rpName },
        user: { id: random(16), name: label || rpName, displayName: label || rpName },
        challenge: random(32),
        pubKeyCredParams: KEYS,
        authenticatorSelection: SELECTION,
        extensions: { prf: { eval: { first: await prfSalt() } } },
        timeout: TIMEOUT_MS,
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  );
  if (!made?.getClientExtensionResults().prf?.enabled) return null;
  tell("checking");
  return get(made.rawId);
}

/** The secret of a passkey that the citizen chooses, or of this one.
 * @param {ArrayBuffer} [id] @returns {Promise<string|null>} null where it gives no PRF output */
export async function get(id) {
  const found = /** @type {PublicKeyCredential|null} */ (
    await navigator.credentials.get({
      publicKey: {
        rpId: location.hostname,
        challenge: random(32),
        allowCredentials: id ? [{ type: "public-key", id }] : [],
        userVerification: "required",
        extensions: { prf: { eval: { first: await prfSalt() } } },
        timeout: TIMEOUT_MS,
      },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  );
  const output = found?.getClientExtensionResults().prf?.results?.first;
  return output ? secretOf(/** @type {ArrayBuffer} */ (output)) : null;
}

/** @param {HTMLFormElement} form @param {string} what @returns {Promise<string>} */
async function fromFile(form, what) {
  const chosen = /** @type {HTMLInputElement|null} */ (form.querySelector(`[data-key-file="${what}"]`));
  if (!chosen?.files?.length) throw new NoSecret("no-file");
  const key = await keyIn(chosen.files[0]);
  if (key === null) throw new NoSecret("not-a-key-file");
  return key;
}

/** The secret of a key that is there. Nothing for a code: that is typed, and sent as it is.
 * @param {HTMLFormElement} form @param {(key: string) => void} tell @returns {Promise<string>} */
async function present(form, tell) {
  const proof = /** @type {HTMLInputElement|null} */ (form.querySelector("[name=proof]:checked"));
  const kind = form.dataset.with ?? proof?.value ?? "passkey";
  if (kind === "code") return "";
  if (kind === "file") return fromFile(form, "present");
  if (!window.PublicKeyCredential) throw new NoSecret("unsupported");
  tell("waiting");
  const found = await get();
  if (found === null) throw new NoSecret("no-prf-get");
  return found;
}

/** The secret of a new key: a passkey, or the file that was saved and chosen again.
 * @param {HTMLFormElement} form @param {(key: string) => void} tell
 * @param {{key: string|null}} file @returns {Promise<string>} */
async function fresh(form, tell, file) {
  if (form.dataset.key === "file") {
    if (file.key === null) throw new NoSecret("save-first");
    if ((await fromFile(form, "new")) !== file.key) throw new NoSecret("other-file");
    return file.key;
  }
  if (!window.PublicKeyCredential) throw new NoSecret("unsupported");
  tell("waiting");
  const label = input(form, "label")?.value ?? "";
  const made = await create(form.dataset.rpName ?? "Burgerkluis", label, tell);
  if (made === null) throw new NoSecret("no-prf");
  return made;
}

/** Puts a key between a form and its sending. @param {HTMLFormElement} form */
export function guard(form) {
  const { text, tell } = voice(form);
  /** @type {{key: string|null}} */
  const file = { key: null };
  form.querySelector("[data-key-save]")?.addEventListener("click", () => {
    file.key ??= freshKey(); // saved twice: the same key
    save(file.key, text("file"));
    tell("saved");
  });
  const mode = form.dataset.passkey;
  let ready = false;
  form.addEventListener("submit", async (event) => {
    const pressed = /** @type {HTMLButtonElement|null} */ (event.submitter);
    if (ready || pressed?.name === "lang") return; // another language: no key is made for that
    event.preventDefault();
    const held = input(form, "unlock_secret");
    const own = input(form, "device_secret");
    try {
      if (held && !held.value) held.value = await present(form, tell);
      if (own) own.value = mode === "get" ? await present(form, tell) : await fresh(form, tell, file);
      await new Promise((go) => setTimeout(go)); // a form can't be sent while it is being stopped
      ready = true;
      tell("sending");
      form.requestSubmit();
    } catch (error) {
      tell(why(error));
    } finally {
      if (ready) for (const one of [held, own]) if (one) one.value = "";
      ready = false;
    }
  });
}

/** @param {unknown} error @returns {string} */
function why(error) {
  if (error instanceof NoSecret) return error.message;
  if (error instanceof DOMException) return GIVEN_UP.includes(error.name) ? "cancelled" : "failed";
  throw error;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  guard(/** @type {HTMLFormElement} */ (form));
}
