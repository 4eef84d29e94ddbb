// Where the focus goes when what had it goes: never to nowhere, for who uses a keyboard.

const reachable = ':is(a[href], button, input, select, textarea, summary, [tabindex="0"]):not(:disabled)';

/** What stands nearest to an element that cannot have the focus any more. */
function neighbourOf(element, around) {
  for (const one of around) {
    if (!one.isConnected || !one.closest('main')) continue;
    const near = [...one.querySelectorAll(reachable)].filter((other) => other.checkVisibility());
    const before = near.filter((other) => element.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING);
    const found = element.isConnected ? before.at(-1) ?? near[0] : near[0];
    if (found) return found;
  }
  return document.querySelector('main h1') ?? document.querySelector('main');
}

/** Remembers the element that has the focus. @returns {() => void} which gives it back, or,
 * when the element is gone or disabled then or soon, gives it to a neighbour */
export function rememberFocus() {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || element === document.body) return () => document.querySelector('main h1')?.focus();
  const around = [];
  for (let one = element.parentElement; one; one = one.parentElement) around.push(one);
  return () => {
    element.focus();
    let watch = null;
    const look = () => {
      const lost = !element.isConnected || element.disabled;
      if (lost && [element, document.body].includes(document.activeElement)) neighbourOf(element, around).focus();
      if (lost || document.activeElement !== element) watch?.disconnect();
      return lost;
    };
    if (look()) return;
    watch = new MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
  };
}
