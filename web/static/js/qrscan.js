// Scanning with the camera, which starts when somebody taps and at no other time; or with a photo.
// Pictures stay in the browser.
//
// Inside the element: [data-scan="start"] and [data-scan="stop"] (buttons), [data-scan="video"] (muted
// playsinline), [data-scan="photo"] (a file input), [data-scan="status"] (role=status), and a
// <template data-scan-texts> with a [data-text] for each of: starting, looking, found, stopped, denied,
// no-camera, no-reader, not-a-code, nothing-in-photo. The element's data-worker, data-reader and
// data-wasm are the addresses of the worker and its files; without the latter two only a browser's
// own reader can help.

import { codeIn } from "./grantcode.js";
import { openReader } from "./qrreader.js";
import { wordsIn } from "./texts.js";

const PAUSE_MS = 100;
const PHOTO_PIXELS_MAX = 1600;
const WANTED = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };

/** @param {HTMLElement} element @param {(code: string) => void} onCode gets each code that was read
 * @returns {() => void} stops the camera and the reader */
export function scan(element, onCode) {
  const part = (/** @type {string} */ name) =>
    /** @type {HTMLElement|null} */ (element.querySelector(`[data-scan="${name}"]`));
  const video = /** @type {HTMLVideoElement} */ (part("video"));
  const photo = /** @type {HTMLInputElement|null} */ (part("photo"));
  const start = part("start");
  const stop = part("stop");
  const tell = teller(element, part("status"));
  const { worker = "/scan-worker.js", reader = "", wasm = "" } = element.dataset;
  /** @type {Promise<import("./qrreader.js").Reader>|null} */
  let opened = null;
  /** @type {MediaStream|null} */
  let stream = null;
  let turn = 0;

  const open = () => (opened ??= openReader({ worker, reader, wasm }).catch((error) => {
    opened = null;
    throw error;
  }));

  /** @param {string} said */
  function close(said) {
    turn += 1;
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    show(false);
    tell(said);
  }

  /** @param {boolean} running */
  function show(running) {
    const held = document.activeElement;
    video.hidden = !running;
    if (stop) stop.hidden = !running;
    if (start) start.hidden = running;
    if (held === start && running) stop?.focus();
    if (held === stop && !running) start?.focus();
  }

  async function begin() {
    const mine = (turn += 1);
    tell("starting");
    const reading = open();
    reading.catch(() => {});
    try {
      const got = await camera();
      if (mine !== turn) return got.getTracks().forEach((track) => track.stop());
      stream = got;
      video.srcObject = got;
      show(true);
      await video.play();
      const ready = await reading;
      if (mine !== turn) return;
      tell("looking");
      await look(ready, () => mine === turn);
    } catch (error) {
      if (mine === turn) close(reason(error));
    }
  }

  /** @param {import("./qrreader.js").Reader} ready @param {() => boolean} going */
  async function look(ready, going) {
    while (going()) {
      const texts = video.videoWidth ? await ready.read(pictureOf(video, video.videoWidth, video.videoHeight)) : [];
      if (!going()) return;
      const code = firstCode(texts);
      if (code) {
        close("found");
        onCode(code);
        return;
      }
      if (texts.length) tell("not-a-code");
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async function readPhoto() {
    const file = photo?.files?.[0];
    if (!photo || !file) return;
    tell("starting");
    try {
      const ready = await open();
      const bitmap = await createImageBitmap(file).catch(() => null);
      const texts = bitmap ? await ready.read(scaled(bitmap)) : [];
      const code = firstCode(texts);
      tell(code ? "found" : texts.length ? "not-a-code" : "nothing-in-photo");
      if (code) onCode(code);
    } catch (error) {
      tell(reason(error));
    } finally {
      photo.value = "";
    }
  }

  start?.addEventListener("click", begin);
  stop?.addEventListener("click", () => close("stopped"));
  photo?.addEventListener("change", readPhoto);
  const leave = () => stream && document.hidden && close("stopped");
  document.addEventListener("visibilitychange", leave);
  const end = () => {
    close("stopped");
    opened?.then((ready) => ready.close(), () => {});
    opened = null;
  };
  window.addEventListener("pagehide", end);
  return end;
}

/** @param {HTMLElement} element @param {HTMLElement|null} status */
function teller(element, status) {
  const text = wordsIn(element.querySelector("template[data-scan-texts]"));
  return (/** @type {string} */ key) => {
    if (!status || status.dataset.state === key) return;
    status.dataset.state = key;
    status.textContent = text(key);
  };
}

/** @param {string[]} texts */
const firstCode = (texts) => texts.map(codeIn).find((code) => code !== null) ?? null;

/** @returns {Promise<MediaStream>} */
function camera() {
  if (!navigator.mediaDevices) throw new DOMException("no camera here", "NotFoundError");
  return navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof DOMException)) return "no-reader";
  return error.name === "NotAllowedError" ? "denied" : "no-camera";
}

/** @param {ImageBitmap} bitmap */
function scaled(bitmap) {
  const factor = Math.min(1, PHOTO_PIXELS_MAX / Math.max(bitmap.width, bitmap.height));
  return pictureOf(bitmap, Math.round(bitmap.width * factor), Math.round(bitmap.height * factor));
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height */
function pictureOf(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  pen.drawImage(source, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height);
}
