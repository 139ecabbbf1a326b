// The words in the person's language, and numbers and dates as that language writes them.
import en from './en';

/** What every language has to say. */
export type Messages = typeof en;

const languages: Record<string, Messages> = { en };

/** The first of the person's languages that Tessera speaks, with the region they prefer; else English. */
export function choose(
  wanted: readonly string[],
  spoken: readonly string[],
): { tag: string; language: string } {
  for (const tag of wanted) {
    const language = tag.split('-')[0] ?? '';
    if (spoken.includes(language)) return { tag, language };
  }
  return { tag: 'en', language: 'en' };
}

const chosen = choose(navigator.languages, Object.keys(languages));

export const locale = chosen.tag;
export const m: Messages = languages[chosen.language] ?? en;

const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const seconds = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
const plain = new Intl.NumberFormat(locale);
const exact = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});
const fine = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** The time of day of `seconds` since 1970. */
export const time = (seconds: number): string => clock.format(seconds * 1000);

/** Day and time of `seconds` since 1970. */
export const moment = (seconds: number): string => day.format(seconds * 1000);

/** The time of day of `milliseconds` since 1970, to the second. */
export const second = (milliseconds: number): string => seconds.format(milliseconds);

/** How far `seconds` since 1970 is from `now`, in the largest fitting unit: "2 hours ago", "in 5 minutes". */
export function distance(seconds: number, now: number = Date.now() / 1000): string {
  const away = seconds - now;
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_557_600],
    ['month', 2_629_800],
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ];
  for (const [unit, length] of units) {
    if (Math.abs(away) >= length) return relative.format(Math.trunc(away / length), unit);
  }
  return relative.format(0, 'second');
}

/** How long `seconds` since 1970 are past; a clock that runs behind makes nothing lie in the future. */
export const ago = (seconds: number): string => {
  const now = Date.now() / 1000;
  return now - seconds < 60 ? m.accounts.justNow : distance(seconds, now);
};

/** A whole number. */
export const number = (value: number): string => plain.format(value);

/** A count of bytes, in units of 1,000. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${fine.format(value)} ${units[unit] ?? ''}`;
}

/** Milliseconds as seconds, to the millisecond: a column of them is aligned. */
export const inSeconds = (milliseconds: number): string => exact.format(milliseconds / 1000);

/** A span in milliseconds, or in seconds when it is long. */
export const span = (milliseconds: number): string =>
  milliseconds < 1000
    ? `${plain.format(Math.round(milliseconds))} ms`
    : `${fine.format(milliseconds / 1000)} s`;
