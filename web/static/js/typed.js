/**
 * Codes that people type, looked at before they are sent: a slip is told beside the field, with the
 * group that it is in, and what was typed stays to be mended (docs/format.md, 3 Codes). Nothing is
 * put right here: which letter it is stands on the paper. The server looks at all of it again.
 *
 * An input with data-typed="recovery|block|grant" is looked at; without modules it is simply sent.
 * @module
 */

import { wordsIn } from "./texts.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TRIAL = "TESTTEST"; // what a scanner is tried with: has the form of a code, and is none
const encoder = new TextEncoder();

/** @typedef {{ prefix: string, shown: string, bytes: number, checkBits: number, group: number }} Kind */
/** @typedef {{ why: string, at?: number, letter?: string }} Slip `at`: where in the code */

/** @type {Record<string, Kind>} */
export const KINDS = {
  recovery: { prefix: "RC", shown: "", bytes: 16, checkBits: 22, group: 5 },
  block: { prefix: "BC", shown: "BC", bytes: 16, checkBits: 22, group: 5 },
  grant: { prefix: "VG1", shown: "VG1", bytes: 20, checkBits: 10, group: 4 },
};

/** @param {Kind} kind @returns {number} the characters after the prefix */
const sizeOf = (kind) => (kind.bytes * 8 + kind.checkBits) / 5;

/** What counts of what was typed. @param {string} typed */
export const folded = (typed) =>
  typed.toUpperCase().replace(/[\s-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");

/** Whether the check bits of a code fit. @param {Kind} kind @param {string} body */
async function fits(kind, body) {
  let number = 0n;
  for (const character of body) number = (number << 5n) | BigInt(ALPHABET.indexOf(character));
  let data = number >> BigInt(kind.checkBits);
  const bytes = new Uint8Array(kind.bytes);
  for (let at = kind.bytes - 1; at >= 0; at--, data >>= 8n) bytes[at] = Number(data & 255n);
  const said = encoder.encode(`KLUIS1/${kind.prefix}`);
  const whole = new Uint8Array(said.length + bytes.length);
  whole.set(said);
  whole.set(bytes, said.length);
  const digest = new DataView(await crypto.subtle.digest("SHA-256", whole));
  const check = digest.getUint32(0) >>> (32 - kind.checkBits);
  return Number(number & ((1n << BigInt(kind.checkBits)) - 1n)) === check;
}

/** Every code that is one slip away from this one, and where. @param {string} body @param {number} size
 * @returns {[string, number][]} */
function near(body, size) {
  /** @type {[string, number][]} */
  const found = [];
  const around = (/** @type {number} */ at, /** @type {string} */ by, /** @type {number} */ rest) =>
    found.push([body.slice(0, at) + by + body.slice(rest), Math.min(at, size - 1)]);
  for (let at = 0; at <= body.length; at++) {
    if (body.length > size && at < body.length) around(at, "", at + 1);
    if (body.length === size && at + 1 < size) around(at, body[at + 1] + body[at], at + 2);
    if (body.length > size || (body.length === size && at === size)) continue;
    for (const one of ALPHABET) around(at, one, body.length < size ? at : at + 1);
  }
  return found;
}

/** Where the one slip is, if there is one place for it; only long checks tell that.
 * @param {Kind} kind @param {string} body @returns {Promise<number|undefined>} */
async function placeOf(kind, body) {
  const size = sizeOf(kind);
  if (kind.checkBits < 20 || Math.abs(body.length - size) > 1) return undefined;
  const tried = near(body, size);
  const right = await Promise.all(tried.map(([one]) => fits(kind, one)));
  const groups = new Set(tried.filter((_, at) => right[at]).map(([, at]) => Math.floor(at / kind.group)));
  return groups.size === 1 ? [...groups][0] * kind.group : undefined;
}

/** What is wrong with a code, if anything is. What is no such code at all is the server's to tell.
 * @param {string} name of the kind @param {string} typed @returns {Promise<Slip|null>} */
export async function slipIn(name, typed) {
  const kind = KINDS[name];
  const text = folded(typed);
  if (name === "recovery" && text.startsWith("BC") && text.length === 32) return null;
  if (name === "block" && text.length === 30 && (await isWhole(KINDS.recovery, text))) return null;
  if (name === "grant" && (/[^0-9A-Z]/.test(text) || text.includes(TRIAL))) return null;
  if (!text.startsWith(kind.shown)) return { why: "prefix" };
  const body = text.slice(kind.shown.length);
  const strange = [...body].findIndex((one) => !ALPHABET.includes(one));
  if (strange >= 0) return { why: "letter", at: strange, letter: body[strange] };
  if (body.length === sizeOf(kind) && (await fits(kind, body))) return null;
  const at = await placeOf(kind, body);
  if (body.length < sizeOf(kind)) return { why: at === undefined ? "short" : "short-group", at };
  if (body.length > sizeOf(kind)) return { why: at === undefined ? "long" : "long-group", at };
  return { why: at === undefined ? "slip" : "group", at };
}

/** @param {Kind} kind @param {string} text */
const isWhole = async (kind, text) => !/[^0-9A-HJKMNP-TV-Z]/.test(text) && fits(kind, text);

/** The code in groups, as the paper has it. @param {Kind} kind @param {string} typed */
function grouped(kind, typed) {
  const body = folded(typed).slice(kind.shown.length);
  const groups = body.match(new RegExp(`.{1,${kind.group}}`, "gu")) ?? [];
  return [...(kind.shown ? [kind.shown] : []), ...groups].join(" ");
}

/** Tells a slip beside its field, with the group selected. @param {HTMLInputElement} input
 * @param {Slip} slip */
function tell(input, slip) {
  const kind = KINDS[input.dataset.typed ?? ""];
  const template = /** @type {HTMLTemplateElement} */ (document.querySelector("[data-typed-texts]"));
  const said = /** @type {HTMLElement} */ (
    /** @type {Element} */ (template.content.querySelector(".fault")).cloneNode(true)
  );
  const inGroups = slip.why !== "prefix";
  if (inGroups) input.value = grouped(kind, input.value);
  const lead = kind.shown ? kind.shown.length + 1 : 0;
  const group = Math.floor((slip.at ?? 0) / kind.group);
  const from = lead + group * (kind.group + 1);
  const count = folded(input.value).length - kind.shown.length;
  const words = wordsIn(template)(slip.why, {
    group: String(group + 1),
    text: input.value.slice(from, from + kind.group),
    prefix: kind.shown,
    letter: slip.letter ?? "",
    typed: String(count),
    needed: String(sizeOf(kind)),
  });
  const write = (/** @type {string} */ where, /** @type {string} */ text) =>
    (/** @type {Element} */ (said.querySelector(`[data-typed-${where}]`)).textContent = text);
  write("said", words);
  write("back", grouped(kind, input.value)); // all of it, where a field is narrow
  said.id = `${input.id}-typed`;
  clear(input);
  input.before(said);
  input.closest(".field")?.classList.add("wrong");
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", `${said.id} ${input.getAttribute("aria-describedby") ?? ""}`.trim());
  input.focus();
  if (inGroups && slip.at !== undefined) input.setSelectionRange(from, from + kind.group);
}

/** Takes away what was said of an earlier try. @param {HTMLInputElement} input */
function clear(input) {
  const field = input.closest(".field");
  for (const fault of field?.querySelectorAll(".fault") ?? []) fault.remove();
  field?.classList.remove("wrong");
  input.removeAttribute("aria-invalid");
  const described = (input.getAttribute("aria-describedby") ?? "").split(" ");
  const left = described.filter((id) => id && document.getElementById(id));
  if (left.length) input.setAttribute("aria-describedby", left.join(" "));
  else input.removeAttribute("aria-describedby");
}

/** Looks at a code before its form is sent; one that is right is looked at once.
 * @param {HTMLInputElement} input */
export function look(input) {
  const form = input.form;
  let right = "";
  if (!form || !crypto.subtle) return; // the server tells then
  input.addEventListener("input", () => clear(input));
  document.addEventListener(
    "submit",
    async (event) => {
      if (event.target !== form || !input.value.trim() || input.value === right) return;
      const proof = /** @type {HTMLInputElement|null} */ (form.querySelector("[name=proof]:checked"));
      if (proof && proof.value !== "code") return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const typed = input.value;
      const slip = await slipIn(input.dataset.typed ?? "", typed);
      if (slip) return tell(input, slip);
      right = typed;
      await new Promise((go) => setTimeout(go)); // a form can't be sent while it is being stopped
      form.requestSubmit(event.submitter);
    },
    true,
  );
}

for (const input of document.querySelectorAll("input[data-typed]")) {
  look(/** @type {HTMLInputElement} */ (input));
}
