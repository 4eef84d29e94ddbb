// Numbers and times as the reader's locale writes them.
import { t } from './texts.js';

const locale = navigator.languages?.length ? [...navigator.languages] : undefined;
const whole = new Intl.NumberFormat(locale);
const short = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(locale, { signDisplay: 'exceptZero' });
const near = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const far = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'long' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'long' });

/** @param {number} n */
export const count = (n) => whole.format(n);
/** A number where room is short: 12.3K. @param {number} n */
export const compact = (n) => (Math.abs(n) < 10000 ? whole.format(n) : short.format(n));
/** @param {number} n with its sign, but for 0 */
export const change = (n) => signed.format(n);

/** A share, never rounded to all or nothing: 99.97 % of devices are not all of them.
 * @param {number} part @param {number} of */
export function percent(part, of) {
  if (of === 0) return '–';
  const share = part / of;
  if (share > 0.999 && share < 1) return tenths.format(0.999);
  if (share > 0 && share < 0.001) return `< ${tenths.format(0.001)}`;
  return tenths.format(share);
}

/** @param {number|null} n of bytes, in powers of 1024 */
export function bytes(n) {
  if (!n) return '–';
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const step = Math.min(Math.floor(Math.log2(n) / 10), units.length - 1);
  return new Intl.NumberFormat(locale, {
    style: 'unit', unit: units[step], unitDisplay: 'short', maximumFractionDigits: step > 2 ? 1 : 0,
  }).format(n / 1024 ** step);
}

/** The instant of an API's text, or null where there is none: the year 1 says so too.
 * @param {string|null|undefined} text */
export function instant(text) {
  if (!text || text.startsWith('0001-')) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The year is told where it is another. @param {Date} date */
export const dateTime = (date) => (date.getFullYear() === new Date().getFullYear() ? near : far).format(date);
/** @param {Date} date in local time and in UTC, for a tooltip */
export const bothTimes = (date) => `${exact.format(date)}\n${date.toISOString().replace('T', ' ').replace(/\.\d+Z$/, '')} UTC`;

const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const clockSeconds = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const monthOfYear = new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric' });
const dayOfMonth = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });

/** How the marks of a time axis are written: those of one day by the clock, the first of
 * each day by its date, and none as one before it. @param {number[]} marks in seconds of the epoch */
export function moments(marks) {
  const step = marks.length > 1 ? marks[1] - marks[0] : 60;
  const said = new Set();
  return (seconds, i) => {
    const date = new Date(seconds * 1000);
    const before = new Date(i > 0 ? marks[i - 1] * 1000 : date.getTime() - 1);
    const format = step >= 28 * 86_400 ? monthOfYear : before.toDateString() !== date.toDateString() ? dayOfMonth : step < 60 ? clockSeconds : clock;
    const text = format.format(date);
    if (said.has(text)) return '';
    said.add(text);
    return text;
  };
}

/** How long ago, or how soon. What is but a little ahead has happened by another clock, unless
 * it is to come. @param {Date} date @param {number} now in ms @param {boolean} [coming] */
export function ago(date, now, coming) {
  const seconds = (date.getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return coming && seconds > 0 ? t.time.soon : t.time.justNow;
  for (const [unit, length, upTo] of [['minute', 60, 50 * 60], ['hour', 3600, 22 * 3600], ['day', 86400, 60 * 86400], ['month', 2629800, 700 * 86400]]) {
    if (size < upTo) return relative.format(Math.round(seconds / length), unit);
  }
  return relative.format(Math.round(seconds / 31557600), 'year');
}
