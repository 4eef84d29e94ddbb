// The few icons there are, drawn with one pen.
import { html } from '../preact.js';

const paths = {
  healthy: 'M20 6 9.5 17 4 11.5',
  issue: 'M12 3.5 22 20.5H2zM12 10v4.5M12 17.6v.1',
  error: 'M8 2.5h8L21.5 8v8L16 21.5H8L2.5 16V8zM8.8 8.8l6.4 6.4M15.2 8.8l-6.4 6.4',
  pending: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7.5V12l3 2',
  none: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8 12h8',
  overview: 'M3 3h7v9H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 16h7v5H3z',
  scripts: 'M14 3H6v18h12V7zM14 3v4h4M9 12l-1.5 2L9 16M13.5 12 15 14l-1.5 2',
  devices: 'M3 4.5h18v12H3zM8 20.5h8M12 16.5v4',
  groups: 'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c.5-4 3-5.5 6.5-5.5s6 1.5 6.5 5.5M16 5a3.2 3.2 0 0 1 0 6.200M17.5 14.800c2.5.4 3.700 2.2 4 5.2',
  filters: 'M3 5h18l-7 8.5V20l-4-2v-4.5z',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 21 21',
  add: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v12H9zM5 15H4V3h11v2',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  run: 'M7 4.5v15l12-7.5z',
  edit: 'M4 20h4L20 8l-4-4L4 16z',
  remove: 'M4 6.5h16M9 6.5V4h6v2.5M6.5 6.5 7.5 21h9l1-14.5',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.400M17.6 17.6 19 19M5 19l1.4-1.400M17.6 6.4 19 5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5',
  system: 'M3 4.5h18v12H3zM12 4.5v12M8 20.5h8',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c.5-4.5 3.5-6 8-6s7.5 1.5 8 6',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v6M12 7.5v.1',
  offline: 'M3 3l18 18M5 12.5a10 10 0 0 1 4-2.400M15 10a10 10 0 0 1 4 2.5M8.5 16a5 5 0 0 1 7 0M12 20v.1',
};

/** @param {{name: keyof typeof paths}} props */
export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${paths[name]} /></svg>`;

/** The mark on a ship's hull. */
export const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
  <circle cx="16" cy="16" r="10" /><path d="M2 16h28" /></svg>`;
