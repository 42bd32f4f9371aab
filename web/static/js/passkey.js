// Passkeys whose PRF output becomes the secret that opens the vault. The server sees that secret once,
// in a form; what the authenticator says goes nowhere.

const PRF_INPUT = "burgerkluis/passkey/prf/1";
const HKDF_INFO = "burgerkluis/passkey/device-secret/1";
const TIMEOUT_MS = 120_000;
const encoder = new TextEncoder();

/** @returns {Promise<ArrayBuffer>} the one salt of all passkeys: a constant, so any device finds it */
const prfSalt = () => crypto.subtle.digest("SHA-256", encoder.encode(PRF_INPUT));

/** @param {ArrayBuffer} bytes */
function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The unlock secret that follows from a PRF output; the output itself is wiped.
 * @param {ArrayBuffer} output @returns {Promise<string>} 32 bytes in base64url */
async function secretOf(output) {
  const key = await crypto.subtle.importKey("raw", output, "HKDF", false, ["deriveBits"]);
  new Uint8Array(output).fill(0);
  const derived = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: encoder.encode(HKDF_INFO) };
  return base64url(await crypto.subtle.deriveBits(derived, key, 256));
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
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
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

/** @param {number} size */
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** Puts a passkey between a form and its sending. @param {HTMLFormElement} form */
export function guard(form) {
  const status = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-status]"));
  const texts = /** @type {HTMLTemplateElement} */ (document.querySelector("[data-passkey-texts]")).content;
  const tell = (/** @type {string} */ key) => {
    status.textContent = texts.querySelector(`[data-text="${key}"]`)?.textContent ?? "";
  };
  form.addEventListener("submit", async (event) => {
    const secret = /** @type {HTMLInputElement} */ (form.elements.namedItem("device_secret"));
    if (secret.value) return;
    event.preventDefault();
    if (!window.PublicKeyCredential) return tell("unsupported");
    tell("waiting");
    try {
      const label = /** @type {HTMLInputElement|null} */ (form.elements.namedItem("label"));
      const found = form.dataset.passkey === "create"
        ? await create(form.dataset.rpName ?? "Burgerkluis", label?.value ?? "", tell)
        : await get();
      if (found === null) return tell("no-prf");
      tell("sending");
      secret.value = found;
      form.requestSubmit();
      secret.value = "";
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      tell("cancelled");
    }
  });
}

document.querySelectorAll("form[data-passkey]").forEach((form) => guard(/** @type {HTMLFormElement} */ (form)));
