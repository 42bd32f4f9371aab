// Reads QR codes out of pictures, away from the page: its own response alone allows WebAssembly.
// A classic worker, since the reader is a classic script. It sees pictures and answers with texts.
//
// It is told { reader, wasm } first, the addresses of both files, and answers { ready: true }, or
// { failed: true }. Then { picture: ImageData } is answered with { texts: [...] }.

/** @type {any} */
let zxing = null;

/** @param {string} address @returns {string} the same, if it is ours */
function own(address) {
  const full = new URL(address, self.location.origin);
  if (full.origin !== self.location.origin) throw new TypeError("not ours");
  return full.href;
}

/** @param {string} reader @param {string} wasm */
async function prepare(reader, wasm) {
  self.importScripts(own(reader));
  zxing = /** @type {any} */ (self).ZXingWASM;
  const file = own(wasm);
  await zxing.prepareZXingModule({ overrides: { locateFile: () => file }, fireImmediately: true });
}

/** @param {ImageData} picture @returns {Promise<string[]>} */
async function read(picture) {
  const found = await zxing.readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 4 });
  return found.filter((/** @type {any} */ one) => one.isValid).map((/** @type {any} */ one) => one.text);
}

self.onmessage = async ({ data }) => {
  if (data.picture) {
    self.postMessage({ texts: await read(data.picture).catch(() => []) });
    return;
  }
  try {
    await prepare(data.reader, data.wasm);
    self.postMessage({ ready: true });
  } catch {
    self.postMessage({ failed: true });
  }
};
