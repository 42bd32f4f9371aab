// Finds texts in pictures: by the browser's own reader where it knows QR codes, else by ours in a
// worker, which is fetched at the first use.

import { workerUrl } from "./trusted.js";

const WAIT_MS = 20_000;

/** @typedef {{ read: (picture: ImageData) => Promise<string[]>, close: () => void }} Reader */

/** @param {{ worker: string, reader: string, wasm: string }} addresses of the worker and its files
 * @returns {Promise<Reader>} rejects where there is neither reader */
export async function openReader(addresses) {
  return (await nativeReader()) ?? workerReader(addresses);
}

/** @returns {Promise<Reader|null>} */
async function nativeReader() {
  const Detector = /** @type {any} */ (window).BarcodeDetector;
  if (!Detector) return null;
  const known = await Detector.getSupportedFormats().catch(() => []);
  if (!known.includes("qr_code")) return null;
  const detector = new Detector({ formats: ["qr_code"] });
  return {
    read: async (picture) => {
      const found = await detector.detect(picture).catch(() => []);
      return found.map((/** @type {any} */ one) => one.rawValue);
    },
    close: () => {},
  };
}

/** @param {{ worker: string, reader: string, wasm: string }} addresses @returns {Promise<Reader>} */
async function workerReader({ worker: address, reader, wasm }) {
  if (!reader || !wasm) throw new Error("the reader is not installed");
  const worker = new Worker(workerUrl(address));
  try {
    const answer = await asked(worker, { reader, wasm });
    if (!answer.ready) throw new Error("the reader did not start");
  } catch (error) {
    worker.terminate();
    throw error;
  }
  /** @type {Promise<unknown>} */
  let before = Promise.resolve();
  return {
    read: async (picture) => {
      const mine = before.then(() => asked(worker, { picture }, [picture.data.buffer]));
      before = mine.catch(() => {});
      return (await mine).texts ?? [];
    },
    close: () => worker.terminate(),
  };
}

/** One question, one answer. @param {Worker} worker @param {object} question
 * @param {Transferable[]} [given] @returns {Promise<any>} */
function asked(worker, question, given = []) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no answer")), WAIT_MS);
    worker.onmessage = ({ data }) => (clearTimeout(late), resolve(data));
    worker.onerror = (event) => (event.preventDefault(), clearTimeout(late), reject(new Error("worker")));
    worker.postMessage(question, given);
  });
}
