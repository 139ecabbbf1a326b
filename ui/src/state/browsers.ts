import type { BrowserView } from '../host';
import { m } from '../messages';

/** The system's default browser, as Rust calls it in a choice. */
export const SYSTEM = 'system';

/**
 * What can be chosen: the default, each browser with several profiles by these, and each other by itself. What was
 * chosen and is not here any more stays in the list, or the list would say something else than what is the case.
 */
export function browserOptions(
  browsers: BrowserView[],
  value: string,
): { value: string; text: string }[] {
  const all = browsers.flatMap((browser) => {
    const several = browser.profiles.length > 1;
    return [
      { value: browser.id, text: browser.name, offered: !several },
      ...browser.profiles.map((profile) => ({
        value: profile.id,
        text: m.browser.profile(browser.name, profile.name),
        offered: several,
      })),
    ];
  });
  const chosen = all.filter((option) => option.offered || option.value === value);
  const options = [{ value: SYSTEM, text: m.browser.system }, ...chosen].map(({ value, text }) => ({
    value,
    text,
  }));
  return options.some((option) => option.value === value)
    ? options
    : [...options, { value, text: m.browser.gone(value) }];
}
