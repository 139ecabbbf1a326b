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
  const options = [
    { value: SYSTEM, text: m.browser.system },
    ...browsers.flatMap((browser) =>
      browser.profiles.length > 1
        ? browser.profiles.map((profile) => ({
            value: profile.id,
            text: m.browser.profile(browser.name, profile.name),
          }))
        : [{ value: browser.id, text: browser.name }],
    ),
  ];
  if (options.some((option) => option.value === value)) return options;
  const all = browsers.flatMap((browser) => [
    { value: browser.id, text: browser.name },
    ...browser.profiles.map((profile) => ({
      value: profile.id,
      text: m.browser.profile(browser.name, profile.name),
    })),
  ]);
  const known = all.find((option) => option.value === value);
  return [...options, known ?? { value, text: m.browser.gone(value) }];
}
