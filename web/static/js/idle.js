/**
 * The lock that comes by itself. One minute before the server ends the session a question is
 * asked; "Yes, continue" tells the server, "Lock now" is a plain form. When the page is hidden for
 * a while its values are veiled, so that who picks up the phone does not read along.
 * The server decides: this module only warns, and leaves the page when the time is over.
 * @module
 */

const WARN_BEFORE_MS = 60_000;
const VEIL_AFTER_MS = 30_000;

/**
 * Time that has passed, whatever happens to the phone's clock: set back, it does not lengthen the
 * time; asleep, when the other clock may stand still, it is counted too.
 */
function stopwatch() {
  const began = performance.now();
  const beganAt = Date.now();
  return () => Math.max(performance.now() - began, Date.now() - beganAt);
}

/** @param {HTMLDialogElement} dialog with data-idle-seconds, -leave-to, -still-here, -csrf */
export function watchIdle(dialog) {
  const idleMs = Number(dialog.dataset.idleSeconds) * 1000;
  const channel = new BroadcastChannel(`kluis-idle${dialog.dataset.stillHere}`);
  let passed = stopwatch();
  /** The server is asked: it answers with the unlock page, and no value stays on screen. An answer
   * to a form is not asked for again: that would send the form once more. */
  const leave = () => {
    document.body.classList.add("veiled");
    location.replace(dialog.dataset.leaveTo ?? "/");
  };

  /** Each page that is loaded and each answer of the server starts the time again, in all tabs. */
  const begin = () => {
    passed = stopwatch();
    if (dialog.open) dialog.close();
  };
  const tick = () => {
    const left = idleMs - passed();
    if (left <= 0) {
      clearInterval(timer);
      dispatchEvent(new CustomEvent("kluis:locked"));
      leave();
    } else if (left <= WARN_BEFORE_MS && !dialog.open) {
      dialog.showModal();
    }
  };
  channel.onmessage = begin;
  channel.postMessage("here");
  const timer = setInterval(tick, 1000);

  const stay = async () => {
    if (!(await tellServer(dialog))) return leave();
    channel.postMessage("here");
    begin();
  };
  dialog.querySelector("[data-idle-stay]")?.addEventListener("click", stay);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault(); // Escape means "yes, I am here", and the server has to know it
    stay();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) leave(); // shown again from memory: the session may be over
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
