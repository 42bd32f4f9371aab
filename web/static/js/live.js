/**
 * What happens now, once for all tabs. One tab holds the connection (HTTP/1.1 allows six) and
 * tells the others; when it closes, another takes over. Each event is dispatched on `document` as
 * `kluis:<kind>` with the server's JSON as `detail`: ids and labels, never a value of a field.
 *
 * A page that wants this has an element with data-events="/wallet/events" and, for where no stream
 * comes through, data-poll="/wallet/events/since" which answers
 * {"last": "<id>", "events": [{"id": "...", "kind": "read", "data": {...}}]} or 401.
 * @module
 */

import { asked } from "./asking.js";

const KINDS = ["offer", "grant", "read", "withdrawn", "alarm", "changed"];
const RETRY_MS = 5_000;
const OPENS_WITHIN_MS = 7_000;
const ASK_AGAIN_MS = 8_000; // with the try before it: every 15 seconds, as the page says

/** @typedef {{kind: string, data: unknown}} News */
/** @typedef {"live"|"lost"|"polling"|"signed-out"} State */

/** @param {News} news */
function dispatch(news) {
  document.dispatchEvent(new CustomEvent(`kluis:${news.kind}`, { detail: news.data }));
}

/** @type {Record<State, string>} the data-* attribute that holds the words */
const WORDS = {
  live: "liveText",
  lost: "lostText",
  polling: "pollingText",
  "signed-out": "signedOutText",
};

/** The state in words, at every place of the page that shows it. @param {State} state */
function show(state) {
  const key = WORDS[state];
  for (const place of document.querySelectorAll("[data-live]")) {
    const element = /** @type {HTMLElement} */ (place);
    if (element.dataset.state === state) continue; // a status is said once
    element.dataset.state = state;
    element.textContent = element.dataset[key] ?? "";
  }
  document.dispatchEvent(new CustomEvent("kluis:connection", { detail: state }));
}

/**
 * Starts listening in this tab, as the one that holds the connection or as one that is told.
 * @param {string} events address of the stream
 * @param {string} poll address to ask when no stream comes through
 */
export function listen(events, poll) {
  const channel = new BroadcastChannel("kluis-live");
  /** @type {State} */
  let state = "lost";
  let leads = false;
  channel.onmessage = ({ data }) => {
    if (data.asks) {
      if (leads) channel.postMessage({ state });
    } else if (data.state) {
      show(data.state);
    } else {
      dispatch(data);
    }
  };
  const tell = (/** @type {News} */ news) => {
    channel.postMessage(news);
    dispatch(news);
  };
  const become = (/** @type {State} */ next) => {
    state = next;
    channel.postMessage({ state });
    show(state);
  };
  const lead = () => {
    leads = true;
    return hold(events, poll, tell, become);
  };
  channel.postMessage({ asks: true });
  if (navigator.locks) navigator.locks.request("kluis-live", lead);
  else lead();
}

/**
 * Holds the connection for as long as this tab lives or until the session has ended. While no
 * stream comes through, the server is asked between one try and the next.
 * @param {string} events @param {string} poll
 * @param {(news: News) => void} tell @param {(state: State) => void} become
 * @returns {Promise<void>} settles when there is nothing to listen to any more
 */
async function hold(events, poll, tell, become) {
  let known = "";
  for (;;) {
    const opened = await stream(events, tell, become);
    const answer = await ask(poll, known);
    if (answer === "signed-out") return become("signed-out");
    become(answer && !opened ? "polling" : "lost");
    if (answer) {
      known = answer.last;
      for (const { kind, data } of answer.events) if (KINDS.includes(kind)) tell({ kind, data });
    }
    await pause(opened ? RETRY_MS : ASK_AGAIN_MS);
  }
}

/**
 * One stream, until the browser gives it up or it stays away too long: what stands between may
 * hold back a stream without a word. After a short break the browser itself connects again.
 * @param {string} events @param {(news: News) => void} tell @param {(state: State) => void} become
 * @returns {Promise<boolean>} whether it was open at all
 */
function stream(events, tell, become) {
  return new Promise((resolve) => {
    const source = new EventSource(events);
    let opened = false;
    const giveUp = () => {
      source.close();
      resolve(opened);
    };
    let late = setTimeout(giveUp, OPENS_WITHIN_MS);
    source.onopen = () => {
      clearTimeout(late);
      late = 0;
      opened = true;
      become("live");
    };
    source.onerror = () => {
      if (opened) become("lost");
      late ||= setTimeout(giveUp, OPENS_WITHIN_MS);
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(late);
      resolve(opened);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => tell({ kind, data: parsed(event.data) }));
    }
  });
}

/**
 * What is new since `known`; the stream itself does not tell why it was refused, this does.
 * @param {string} poll @param {string} known
 * @returns {Promise<{last: string, events: News[]} | "signed-out" | undefined>}
 */
async function ask(poll, known) {
  try {
    const address = `${poll}?after=${encodeURIComponent(known)}`;
    const answer = await asked(address);
    if (answer.status === 401) return "signed-out";
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} text @returns {unknown} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {number} ms @returns {Promise<void>} */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const place = document.querySelector("[data-events]");
if (place instanceof HTMLElement) {
  listen(place.dataset.events ?? "", place.dataset.poll ?? "");
}
