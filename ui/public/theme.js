// Runs before the first paint, so that a person who chose light or dark never sees a flash of the other.
// The choice is written by src/state/appearance.svelte.ts.
(function () {
  try {
    var theme = localStorage.getItem('tessera.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be closed; the system's choice then holds.
  }
})();
