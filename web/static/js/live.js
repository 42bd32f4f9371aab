/**
 * What happens now, once for all tabs. One tab holds the connection (HTTP/1.1 allows six) and
 * tells the others; when it closes, another takes over. Each event is dispatched on `document` as
 * `kluis:<kind>` with the server's JSON as `detail`: ids and labels, never a value of a field.
 *
 * A page that wants this has <body> or any element with data-events="/wallet/events" and, for a
 * browser that cannot stream, data-poll="/wallet/events/since" which answers
 * {"last": "<id>", "events": [{"id": "...", "kind": "read", "data": {...}}]} or 401.
 * @module
 */

const KINDS = ["offer", "grant", "read", "withdrawn", "alarm", "changed"];
const POLL_MS = 15_000;
const RETRY_MS = 5_000;
const TRIES_BEFORE_POLLING = 3;

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
 * @param {string} [poll] address to ask when no stream comes through
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
 * Holds the connection for as long as this tab lives or until the session has ended.
 * @param {string} events @param {string|undefined} poll
 * @param {(news: News) => void} tell @param {(state: State) => void} become
 * @returns {Promise<void>} settles when there is nothing to listen to any more
 */
async function hold(events, poll, tell, become) {
  let tries = 0;
  while (tries < TRIES_BEFORE_POLLING || !poll) {
    const opened = await stream(events, tell, become);
    tries = opened ? 0 : tries + 1;
    if (await signedOut(poll ?? events)) return become("signed-out");
    become("lost");
    await pause(RETRY_MS);
  }
  await pollForever(poll, tell, become);
}

/**
 * One stream, until the browser gives it up; the browser itself reconnects after a short break.
 * @param {string} events @param {(news: News) => void} tell @param {(state: State) => void} become
 * @returns {Promise<boolean>} whether it was open at all
 */
function stream(events, tell, become) {
  return new Promise((resolve) => {
    const source = new EventSource(events);
    let opened = false;
    source.onopen = () => {
      opened = true;
      become("live");
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) resolve(opened);
      else become("lost");
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => tell({ kind, data: parsed(event.data) }));
    }
  });
}

/**
 * @param {string} poll
 * @param {(news: News) => void} tell @param {(state: State) => void} become
 */
async function pollForever(poll, tell, become) {
  let last = "";
  for (;;) {
    try {
      const address = `${poll}?after=${encodeURIComponent(last)}`;
      const answer = await fetch(address, { redirect: "error" });
      if (answer.status === 401) return become("signed-out");
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      last = body.last;
      become("polling");
      for (const { kind, data } of body.events) if (KINDS.includes(kind)) tell({ kind, data });
    } catch {
      become("lost");
    }
    await pause(POLL_MS);
  }
}

/**
 * The stream itself does not tell why it was refused; a plain question does.
 * @param {string} address
 */
async function signedOut(address) {
  const stop = new AbortController();
  try {
    return (await fetch(address, { redirect: "error", signal: stop.signal })).status === 401;
  } catch {
    return false;
  } finally {
    stop.abort();
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
if (place instanceof HTMLElement) listen(place.dataset.events ?? "", place.dataset.poll);
