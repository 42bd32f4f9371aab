// Signing in at a counter: a passkey signs the server's challenge, and the server checks it.

const TIMEOUT_MS = 120_000;
const form = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-officer]"));
const invitation = /** @type {HTMLFormElement|null} */ (document.querySelector("form[data-invitation]"));

/** @param {HTMLFormElement} form @param {string} name */
const input = (form, name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** @param {string} challenge base64url @param {string} name */
const create = (challenge, name) =>
  navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON({
      rp: { id: location.hostname, name: "Burgerkluis" },
      user: { id: randomId(), name, displayName: name },
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

/** @param {HTMLFormElement} form */
function signWithPasskey(form) {
  const { officer, challenge = "", name = "Burgerkluis" } = form.dataset;
  const status = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-status]"));
  const texts = /** @type {HTMLTemplateElement} */ (document.querySelector("[data-passkey-texts]")).content;
  const tell = (/** @type {string} */ key) => {
    status.textContent = texts.querySelector(`[data-text="${key}"]`)?.textContent ?? "";
  };
  form.addEventListener("submit", async (event) => {
    if (input(form, "credential").value) return;
    event.preventDefault();
    if (!window.PublicKeyCredential) return tell("unsupported");
    tell("waiting");
    try {
      const made = await (officer === "create" ? create(challenge, name) : get(challenge));
      input(form, "credential").value = JSON.stringify(made);
      form.requestSubmit();
      input(form, "credential").value = "";
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
  input(form, "invitation").value = code;
  form.requestSubmit();
}

if (form) signWithPasskey(form);
if (invitation) {
  openInvitation(invitation);
  addEventListener("hashchange", () => openInvitation(invitation));
}
