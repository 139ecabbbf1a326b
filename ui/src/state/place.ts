// Where the person is: a screen, and which account or provider. Lives in the address's fragment, so that a reload
// and the back key do what they say.

export const screens = ['sign-in', 'accounts', 'explorer', 'flow', 'settings'] as const;
export type Screen = (typeof screens)[number];

export interface Place {
  screen: Screen;
  /** On Accounts the account that is open, in Explorer the one that calls, in Flow the flow that is shown, in Settings the provider to set up. */
  item: string | null;
}

/** Reads a fragment; `null` when it names no screen. */
export function readPlace(fragment: string): Place | null {
  const [name, item] = fragment.replace(/^#\/?/, '').split('/');
  const screen = screens.find((known) => known === name);
  if (!screen) return null;
  try {
    return { screen, item: item ? decodeURIComponent(item) : null };
  } catch {
    return { screen, item: null };
  }
}

/** Writes a fragment. */
export const writePlace = (screen: Screen, item: string | null = null): string =>
  item === null ? `#/${screen}` : `#/${screen}/${encodeURIComponent(item)}`;
