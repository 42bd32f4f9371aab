// What a QR code or a hand scanner says: `HTTPS://HOST/S#VG1...`, or the grant code alone
// (docs/format.md, 3 Codes). The server checks the check characters; here it is the shape that counts.

const CODE = /^VG1[0-9A-HJKMNP-TV-Z]{34}$/;

/** The grant code in a text that was read, if it is one of this installation's.
 * A code of another address stays here: it is that address's secret, and is sent to nobody.
 * @param {string} text @returns {string|null} `VG1` and 34 characters */
export function codeIn(text) {
  const [before, after] = split(text.trim());
  if (before !== "" && !isHere(before)) return null;
  const code = after.toUpperCase().replace(/[\s-]/g, "");
  const body = code.slice(3).replaceAll("O", "0").replace(/[IL]/g, "1");
  return CODE.test(code.slice(0, 3) + body) ? code.slice(0, 3) + body : null;
}

/** @param {string} text @returns {[string, string]} the address, or nothing, and what follows # */
function split(text) {
  const mark = text.indexOf("#");
  return mark < 0 ? ["", text] : [text.slice(0, mark), text.slice(mark + 1)];
}

/** @param {string} address */
function isHere(address) {
  try {
    const read = new URL(address);
    return read.origin === location.origin && read.pathname.toUpperCase().endsWith("/S");
  } catch {
    return false;
  }
}
