/**
 * The lock that comes by itself. One minute before the server ends the session a question is
 * asked; "Yes, continue" tells the server, "Lock now" is a plain form. When the page is hidden for
 * a while its values are veiled, so that who picks up the phone does not read along.
 * The server decides: this module only warns, and leaves the page when the time is over.
 * @module
 */

const WARN_BEFORE_MS = 60_000;
const VEIL_AFTER_MS = 30_000;

/** @param {HTMLDialogElement} dialog with data-idle-seconds, data-still-here, data-csrf */
export function watchIdle(dialog) {
  const idleMs = Number(dialog.dataset.idleSeconds) * 1000;
  const channel = new BroadcastChannel("kluis-idle");
  let endsAt = Date.now() + idleMs;

  /** Each page that is loaded and each answer of the server starts the time again, in all tabs. */
  const begin = () => {
    endsAt = Date.now() + idleMs;
    if (dialog.open) dialog.close();
  };
  const tick = () => {
    const left = endsAt - Date.now();
    if (left <= 0) {
      clearInterval(timer);
      dispatchEvent(new CustomEvent("kluis:locked"));
      location.reload(); // the server answers with the unlock page, and no value stays on screen
    } else if (left <= WARN_BEFORE_MS && !dialog.open) {
      dialog.showModal();
    }
  };
  channel.onmessage = begin;
  channel.postMessage("here");
  const timer = setInterval(tick, 1000);

  const stay = async () => {
    if (!(await tellServer(dialog))) return location.reload();
    channel.postMessage("here");
    begin();
  };
  dialog.querySelector("[data-idle-stay]")?.addEventListener("click", stay);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault(); // Escape means "yes, I am here", and the server has to know it
    stay();
  });
}

/** @param {HTMLDialogElement} dialog @returns {Promise<boolean>} the session still lives */
async function tellServer(dialog) {
  try {
    const answer = await fetch(dialog.dataset.stillHere ?? "", {
      method: "POST",
      body: new URLSearchParams({ csrf: dialog.dataset.csrf ?? "" }),
      redirect: "error",
    });
    return answer.ok;
  } catch {
    return false;
  }
}

/** Values are veiled once nobody looked for half a minute; a touch of the page shows them again. */
export function veilWhenHidden() {
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hiddenAt = Date.now();
    } else if (hiddenAt && Date.now() - hiddenAt > VEIL_AFTER_MS) {
      document.body.classList.add("veiled");
    }
  });
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => document.body.classList.remove("veiled"));
  }
}

const dialog = document.querySelector("dialog#idle");
if (dialog instanceof HTMLDialogElement && Number(dialog.dataset.idleSeconds) > 0) {
  watchIdle(dialog);
}
veilWhenHidden();
