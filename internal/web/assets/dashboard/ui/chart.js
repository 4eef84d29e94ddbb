// A script's numbers over time, stacked, by uPlot, which is fetched when it is needed.
import { html, useEffect, useRef, useState } from '../preact.js';
import { useEvent } from '../hooks.js';
import { count, dateTime, moments } from '../format.js';
import { t } from '../texts.js';
import { counts } from './marks.js';

let loading = null;
const darkness = window.matchMedia('(prefers-color-scheme: dark)');

/** uPlot comes as a classic script, of which a page sees nothing but its one name. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const policy = window.trustedTypes?.createPolicy('plimsoll', { createScriptURL: (url) => url });
    const url = new URL('../vendor/uplot.js', import.meta.url).pathname;
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = new URL('../vendor/uplot.css', import.meta.url).pathname;
    const script = document.createElement('script');
    script.src = policy ? policy.createScriptURL(url) : url;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => { loading = null; reject(new Error(t.errors.unreachable)); };
    document.head.append(style, script);
  });
  return loading;
}

/** @param {{entries: any[], days?: number}} props summaries with their recordedDateTime, the newest
 *   first; days up to now that are shown, or 0 for all since the first entry */
export function Trend({ entries, days = 0 }) {
  const box = useRef(null);
  const [turn, setTurn] = useState(0);
  const redraw = () => setTurn((n) => n + 1);
  useEvent(window, 'plimsoll-theme', redraw);
  useEvent(darkness, 'change', redraw);
  useEffect(() => {
    let [plot, gone] = [null, false];
    const observer = new ResizeObserver(() => plot?.setSize({ width: box.current.clientWidth, height: 240 }));
    library().then((uPlot) => {
      if (gone) return;
      const { options, data } = drawing(entries, days, box.current);
      plot = new uPlot({ ...options, width: box.current.clientWidth, height: 240 }, data, box.current);
      observer.observe(box.current);
    }, () => {});
    return () => { gone = true; observer.disconnect(); plot?.destroy(); };
  }, [entries, days, turn]);
  const latest = entries[0];
  return html`<div class="trend" ref=${box} role="img" aria-label=${t.trend.label(latest && dateTime(new Date(latest.recordedDateTime)))} />`;
}

const atLeast = 3600; // s: what all entries are shown in, where they are of a moment
const [hour, day] = [3600, 86_400];
// What lies between two marks of the time axis: nothing that its labels would not tell apart.
const steps = [60, 300, 900, 1800, hour, 2 * hour, 3 * hour, 6 * hour, day, 2 * day, 7 * day, 30 * day, 90 * day, 365 * day];

/** The largest sum is drawn first, and the smaller ones over it. What was counted last
 * holds until now. */
function drawing(entries, days, element) {
  const sorted = [...entries].reverse().sort((a, b) => Date.parse(a.recordedDateTime) - Date.parse(b.recordedDateTime));
  const times = sorted.map((entry) => Date.parse(entry.recordedDateTime) / 1000);
  const now = Math.max(Date.now() / 1000, times.at(-1));
  const from = days ? now - days * day : Math.min(times[0], now - atLeast);
  const ahead = from < times[0] ? [from] : []; // when nothing was known yet
  const entryAt = (i) => (i === null ? sorted.at(-1) : sorted[Math.min(i - ahead.length, sorted.length - 1)]);
  const colours = getComputedStyle(element);
  const colour = (name) => {
    const probe = document.createElement('i');
    probe.className = `colour-${name}`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const order = [counts[1], counts[2], counts[0], counts[3]]; // what needs attention stands at the bottom
  const sums = [];
  const sofar = sorted.map(() => 0);
  for (const { property } of order) {
    sorted.forEach((entry, i) => { sofar[i] += Math.max(entry[property], 0); });
    sums.push([...sofar]);
  }
  const series = order.map(({ kind, property }) => ({
    label: t.kinds[kind], stroke: colour(kind), fill: colour(`${kind}-fill`), width: 1.5, points: { show: false },
    paths: window.uPlot.paths.stepped({ align: 1 }), value: (_, __, ___, i) => (entryAt(i) ? count(entryAt(i)[property]) : '–'),
  })).reverse();
  const axis = { stroke: colour('muted'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false }, font: `12px ${colours.fontFamily}` };
  return {
    data: [[...ahead, ...times, now], ...sums.reverse().map((sum) => [...ahead.map(() => null), ...sum, sum.at(-1)])],
    options: {
      padding: [8, 8, 0, 0], cursor: { drag: { x: true, y: false } },
      scales: { y: { range: (_, __, max) => [0, Math.max(max * 1.05, 1)] } },
      axes: [{ ...axis, space: 90, incrs: steps, values: (_, seconds) => seconds.map(moments(seconds)) }, { ...axis, size: 56, values: (_, values) => values.map((v) => (Number.isInteger(v) ? count(v) : '')) }],
      series: [{ label: t.trend.time, value: (_, seconds) => dateTime(new Date((seconds ?? times.at(-1)) * 1000)) }, ...series],
    },
  };
}
