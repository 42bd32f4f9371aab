// A hand scanner types what it reads, faster than any hand, and ends with Enter, Tab or nothing. Most
// type as an American keyboard would: on a computer that is set to AZERTY the characters come out
// wrong, and the keys are right. So both are kept, and the one that holds a code counts.

import { codeIn } from "./grantcode.js";

const GAP_MS = 80;
const CHARACTERS_MIN = 20;
const CHARACTERS_MAX = 400;

/** American characters by key: without Shift, and with it. @type {Record<string, [string, string]>} */
const KEYS = {
  Minus: ["-", "_"], Equal: ["=", "+"], BracketLeft: ["[", "{"], BracketRight: ["]", "}"],
  Backslash: ["\\", "|"], Semicolon: [";", ":"], Quote: ["'", '"'], Comma: [",", "<"],
  Period: [".", ">"], Slash: ["/", "?"], Backquote: ["`", "~"], Space: [" ", " "],
  NumpadDivide: ["/", "/"], NumpadSubtract: ["-", "-"], NumpadDecimal: [".", "."],
};
const SHIFTED_DIGITS = ")!@#$%^&*(";

/** @param {KeyboardEvent} event @returns {string} what an American keyboard types there */
function byCode({ code, shiftKey }) {
  if (/^Key[A-Z]$/.test(code)) return code[3];
  if (/^Digit\d$/.test(code)) return shiftKey ? SHIFTED_DIGITS[Number(code[5])] : code[5];
  if (/^Numpad\d$/.test(code)) return code[6];
  return KEYS[code]?.[shiftKey ? 1 : 0] ?? "";
}

/** Listens wherever the focus is. A code that a scanner typed into a field is taken out of it again,
 * and its Enter sends no form. A person who types is not noticed.
 * @param {Document|HTMLElement} element @param {(code: string) => void} onCode
 * @param {{ onOther?: () => void, gapMs?: number }} [options] `onOther`: something else was scanned
 * @returns {() => void} stops listening */
export function listen(element, onCode, { onOther = () => {}, gapMs = GAP_MS } = {}) {
  let keys = "";
  let characters = "";
  let last = -Infinity;
  let timer = 0;
  /** @type {{ field: HTMLInputElement|HTMLTextAreaElement, value: string }|null} */
  let held = null;

  function begin() {
    const field = document.activeElement;
    const typed = field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement;
    held = typed ? { field, value: field.value } : null;
    keys = characters = "";
  }

  /** @returns {boolean} whether a scanner typed a code */
  function finish() {
    clearTimeout(timer);
    const [asKeys, asCharacters, into] = [keys, characters, held];
    begin();
    last = -Infinity;
    if (Math.max(asKeys.length, asCharacters.length) < CHARACTERS_MIN) return false;
    const code = codeIn(asKeys) ?? codeIn(asCharacters);
    // A code of another address is that address's secret: it is not left where Enter would send it.
    const secret = code !== null || /VG1/i.test(`${asKeys} ${asCharacters}`);
    if (secret && into) into.field.value = into.value;
    if (code) onCode(code);
    else onOther();
    return secret;
  }

  /** @param {Event} raised */
  function down(raised) {
    const event = /** @type {KeyboardEvent} */ (raised);
    if (event.isComposing || event.metaKey || (event.ctrlKey && !event.altKey)) return;
    if (event.timeStamp - last > gapMs || event.repeat) begin();
    if (event.key === "Enter" || event.key === "Tab") {
      if (finish()) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
      return;
    }
    const key = byCode(event);
    const character = event.key.length === 1 ? event.key : "";
    if (event.repeat || (!key && !character)) return;
    last = event.timeStamp;
    if (keys.length < CHARACTERS_MAX) keys += key;
    if (characters.length < CHARACTERS_MAX) characters += character;
    clearTimeout(timer);
    timer = setTimeout(finish, 2 * gapMs);
  }

  element.addEventListener("keydown", down, true);
  return () => (clearTimeout(timer), element.removeEventListener("keydown", down, true));
}
