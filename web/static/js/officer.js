// Signing in at a counter: a passkey signs the server's challenge, and the server checks it.

const TIMEOUT_MS = 120_000;
const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-officer]"));
const status = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-status]"));
const texts = /** @type {HTMLTemplateElement} */ (document.querySelector("[data-passkey-texts]")).content;

/** @param {string} key */
const tell = (key) => {
  status.textContent = texts.querySelector(`[data-text="${key}"]`)?.textContent ?? "";
};

/** @param {string} name */
const input = (name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** @param {string} challenge base64url */
const create = (challenge) =>
  navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON({
      rp: { id: location.hostname, name: "Burgerkluis" },
      user: { id: randomId(), name: "Burgerkluis", displayName: "Burgerkluis" },
      challenge,
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
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

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

if (form.dataset.officer === "create") {
  input("invitation").value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname); // the invitation leaves the address
  if (!input("invitation").value) tell("no-invitation");
}

form.addEventListener("submit", async (event) => {
  if (input("credential").value) return;
  event.preventDefault();
  if (!window.PublicKeyCredential) return tell("unsupported");
  tell("waiting");
  try {
    const challenge = form.dataset.challenge ?? "";
    const made = await (form.dataset.officer === "create" ? create(challenge) : get(challenge));
    input("credential").value = JSON.stringify(made);
    form.requestSubmit();
    input("credential").value = "";
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    tell("cancelled");
  }
});
