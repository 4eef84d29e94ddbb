// A script to look at, and what changed between two of them.
import { html, useMemo, useState } from '../preact.js';
import { highlight, languageOf } from '../highlight.js';
import { harmless } from '../plain.js';
import { count } from '../format.js';
import { t } from '../texts.js';
import { Button } from './parts.js';

const coloured = 512 * 1024; // characters: above that, text is shown plain
const atFirst = 2000; // lines

/** @param {{source: string, platform: string|null}} props */
export function Source({ source, platform }) {
  const [all, setAll] = useState(false);
  const lines = useMemo(() => (source.length > coloured
    ? source.split('\n').map((line) => [['', line]])
    : highlight(source.replace(/\r\n/g, '\n'), languageOf(source, platform))), [source, platform]);
  const seen = all ? lines : lines.slice(0, atFirst);
  return html`<div class="source" tabindex="0" role="region" aria-label=${t.source.label}>
    <ol>${seen.map((line, i) => html`<li key=${i}><code>${line.length === 0 ? '\n' : line.map(([kind, text]) => (
      kind ? html`<span class="hl-${kind}">${harmless(text)}</span>` : harmless(text)))}</code></li>`)}</ol>
    ${lines.length > seen.length && html`<${Button} onClick=${() => setAll(true)}>${t.source.all(count(lines.length))}<//>`}
  </div>`;
}

/** The lines that differ, by their longest common subsequence, between the parts
 * that are alike in front and behind. @returns {Array<{kind: ' '|'+'|'-', text: string}>} */
export function differences(before, after) {
  const [a, b] = [before.split(/\r?\n/), after.split(/\r?\n/)];
  let [front, behind] = [0, 0];
  while (front < a.length && front < b.length && a[front] === b[front]) front++;
  while (behind < a.length - front && behind < b.length - front && a[a.length - 1 - behind] === b[b.length - 1 - behind]) behind++;
  const [x, y] = [a.slice(front, a.length - behind), b.slice(front, b.length - behind)];
  const same = (lines) => lines.map((text) => ({ kind: ' ', text }));
  return [...same(a.slice(0, front)), ...middle(x, y), ...same(a.slice(a.length - behind))];
}

function middle(x, y) {
  if (x.length * y.length > 4_000_000) { // too long to compare line by line
    return [...x.map((text) => ({ kind: '-', text })), ...y.map((text) => ({ kind: '+', text }))];
  }
  const length = Array.from({ length: x.length + 1 }, () => new Uint32Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      length[i][j] = x[i] === y[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) { lines.push({ kind: ' ', text: x[i] }); i++; j++; }
    else if (j >= y.length || (i < x.length && length[i + 1][j] >= length[i][j + 1])) lines.push({ kind: '-', text: x[i++] });
    else lines.push({ kind: '+', text: y[j++] });
  }
  return lines;
}

/** Changes with three lines around them. @param {{before: string, after: string}} props */
export function Diff({ before, after }) {
  const lines = useMemo(() => differences(before, after), [before, after]);
  const near = new Set();
  lines.forEach(({ kind }, i) => { if (kind !== ' ') for (let n = i - 3; n <= i + 3; n++) near.add(n); });
  const rows = [];
  lines.forEach((line, i) => {
    if (near.has(i)) rows.push(line);
    else if (rows.length && rows[rows.length - 1].kind !== '…') rows.push({ kind: '…', text: '' });
  });
  const names = { '+': t.diff.added, '-': t.diff.removed };
  return html`<div class="source diff" tabindex="0" role="region" aria-label=${t.diff.label}><ol>${rows.map(({ kind, text }, i) => html`
    <li key=${i} class=${{ '+': 'added', '-': 'removed', '…': 'skipped' }[kind] ?? ''}>
      <span class="kind" aria-label=${names[kind]}>${kind}</span><code>${harmless(text)}\n</code></li>`)}</ol></div>`;
}
