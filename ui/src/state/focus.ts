// Keeps the keyboard's place. When what has the focus goes away (a dialog is answered, a notice dismissed, a wait over),
// the browser leaves the focus nowhere, and the next Tab would begin at the top of the window. The heading of the
// screen takes it instead.

/** Watches over the focus inside `container`; gives back what ends the watch. */
export function keepFocus(container: HTMLElement): () => void {
  let last: Element | null = null;
  const remember = (event: FocusEvent) => {
    last = event.target instanceof Element ? event.target : null;
  };
  const observer = new MutationObserver(() => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    container.querySelector<HTMLElement>('h1[tabindex]')?.focus({ preventScroll: true });
  });
  container.addEventListener('focusin', remember);
  observer.observe(container, { childList: true, subtree: true });
  return () => {
    container.removeEventListener('focusin', remember);
    observer.disconnect();
  };
}
