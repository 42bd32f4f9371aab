/**
 * Small helps on every page; each page works without them. Puts the focus on what went wrong,
 * closes the language list, stops a form from being sent twice, counts down in words, and keeps
 * the offline page ready.
 * @module
 */

import { startCountdowns } from "./countdown.js";
import { workerUrl } from "./trusted.js";

/** A person who hears the page gets the mistake first, and sees it in the tab's title. */
function focusFirstFault() {
  const summary = document.querySelector("[data-focus]");
  if (summary instanceof HTMLElement) summary.focus();
}

function closeLanguagesFromOutside() {
  const list = document.querySelector("details.languages");
  if (!(list instanceof HTMLDetailsElement)) return;
  document.addEventListener("click", (event) => {
    if (!list.contains(/** @type {Node} */ (event.target))) list.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !list.open) return;
    list.open = false;
    list.querySelector("summary")?.focus();
  });
}

/** A double tap sends once; [data-again], such as a download, as often as one likes. A page that
 * comes back from memory can send again. */
function sendOnce() {
  const busy = new Set();
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (busy.has(form)) {
      event.preventDefault();
    } else if (!event.defaultPrevented && form.method === "post" && !("again" in form.dataset)) {
      busy.add(form);
      event.submitter?.setAttribute("aria-busy", "true");
    }
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    busy.clear();
    for (const button of document.querySelectorAll("[aria-busy]")) {
      button.removeAttribute("aria-busy");
    }
  });
}

/** [data-print]: shown where there are modules, since only they can print. */
function printByButton() {
  for (const button of document.querySelectorAll("[data-print]")) {
    /** @type {HTMLElement} */ (button).hidden = false;
    button.addEventListener("click", () => print());
  }
}

/** Tells the page that it came from the network or not; a page may say so with [data-offline]. */
function showOffline() {
  const show = () => {
    for (const part of document.querySelectorAll("[data-offline]")) {
      /** @type {HTMLElement} */ (part).hidden = navigator.onLine;
    }
  };
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}

async function keepOfflinePage() {
  if (!("serviceWorker" in navigator)) return;
  try {
    const speaks = `/sw.js?speaks=${document.documentElement.lang}`;
    await navigator.serviceWorker.register(workerUrl(speaks), { scope: "/" });
  } catch {
    // Without it the pages work; only the offline page is the browser's own.
  }
}

focusFirstFault();
closeLanguagesFromOutside();
sendOnce();
printByButton();
showOffline();
startCountdowns(document);
keepOfflinePage();
