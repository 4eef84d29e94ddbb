// Foreign text, made harmless to look at: what a terminal or a bidirectional
// layout would obey is shown as a sign instead.
import { html, useState } from './preact.js';
import { count } from './format.js';
import { t } from './texts.js';

// Sequences of a terminal first, so that they stay together; then single characters.
const strange = new RegExp([
  '\\u001b\\[[0-?]*[ -/]*[@-~]', // ECMA-48, section 5.4
  '\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)',
  '\\r(?!\\n)', '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]',
  '[\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ufff9-\\ufffb]',
].join('|'), 'gu');

const controls = 'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(' ');
const names = new Map(Object.entries({
  0x061c: 'ALM', 0x200b: 'ZWSP', 0x200e: 'LRM', 0x200f: 'RLM', 0x2028: 'LS', 0x2029: 'PS', 0x202a: 'LRE', 0x202b: 'RLE',
  0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO', 0x2060: 'WJ', 0x2066: 'LRI', 0x2067: 'RLI', 0x2068: 'FSI', 0x2069: 'PDI',
  0x7f: 'DEL', 0xad: 'SHY', 0xfeff: 'BOM',
}).map(([code, name]) => [Number(code), name]));

/** @param {string} char one character that is not to be obeyed */
function sign(char) {
  const code = char.codePointAt(0);
  return `‹${controls[code] ?? names.get(code) ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`}›`;
}

/** Text in pieces: those that are as they were, and those that stand for something.
 * @param {string} text @returns {Array<string|{sign: string}>} */
function pieces(text) {
  const found = [];
  let from = 0;
  const whole = text.toWellFormed ? text.toWellFormed() : text;
  for (const match of whole.matchAll(strange)) {
    if (match.index > from) found.push(whole.slice(from, match.index));
    found.push({ sign: match[0].replace(/[\u0000-\u001f]|[^\u0020-\u007e]/gu, sign) });
    from = match.index + match[0].length;
  }
  if (from < whole.length) found.push(whole.slice(from));
  return found;
}

/** The same as one text, for where there are no elements: titles and labels.
 * @param {string} text */
export const plainly = (text) => pieces(text).map((piece) => piece.sign ?? piece).join('');

/** The same as elements. @param {string} text */
export const harmless = (text) => pieces(text).map((piece) => (typeof piece === 'string' ? piece : html`<span class="sign">${piece.sign}</span>`));

/** A name or another short text: one line, cut by the style sheet where room ends.
 * @param {{text: string|null|undefined}} props */
export function Plain({ text, most = 300 }) {
  const whole = text?.replace(/\r?\n$/, ''); // as a line of output ends
  if (!whole) return html`<span class="muted">–</span>`;
  const line = whole.length > most ? `${whole.slice(0, most)}…` : whole;
  return html`<bdi class="plain">${harmless(line.replace(/\r?\n/g, '⏎'))}</bdi>`;
}

const shortOutput = 4096;

/** Output in full, over many lines; what is long begins folded.
 * @param {{text: string|null|undefined, label: string}} props */
export function Output({ text, label }) {
  const [open, setOpen] = useState(false);
  if (!text) return null;
  const long = text.length > shortOutput;
  return html`<figure class="output">
    <figcaption>${label}</figcaption>
    <pre tabindex="0" aria-label=${label}><bdi>${harmless(open || !long ? text : text.slice(0, shortOutput))}</bdi></pre>
    ${long && html`<button class="quiet" onClick=${() => setOpen(!open)}>
      ${open ? t.output.less : t.output.more(count(text.length - shortOutput))}</button>`}
  </figure>`;
}
