// What keeps a fault of a page to that page: the way to the others stays.
import { html, useEffect, useErrorBoundary } from '../preact.js';
import { useApp } from '../hooks.js';
import { usePlace } from '../router.js';
import { t } from '../texts.js';
import { Head, Problem } from './parts.js';

/** Tells where a page could not be drawn, instead of leaving nothing. Another place may be drawn again.
 * @param {{children: any}} props */
export function Guarded({ children }) {
  const place = usePlace(useApp().router);
  const [fault, forget] = useErrorBoundary((error) => console.error(error));
  useEffect(() => { if (fault) forget(); }, [place.text]);
  if (fault) return html`<${Head} title=${t.errors.title} /><${Problem} error=${fault} retry=${() => location.reload()} />`;
  return html`<div class="guarded" key="page">${children}</div>`; // which takes with it what was drawn by half
}
