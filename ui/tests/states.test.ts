// Every state of every screen, in light and dark: nothing for axe to complain about, a heading and a title, no secret.
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { scenarios } from '../src/host/fake/scenarios';
import { has, openState } from './open';

/** What a token, a code or a verifier looks like where one leaks: a name with a value after it. */
const SECRET =
  /\b(access_token|refresh_token|id_token|client_secret|code_verifier|device_code|authorization)\b["']?\s*[:=]\s*["']?\S/i;
const QUERY = /[?&](code|state|nonce|code_challenge)=/;

async function check(name: string, theme: 'light' | 'dark') {
  document.documentElement.dataset['theme'] = theme;
  await openState(name);
  const screen = scenarios[name]!.at.split('/')[1]!;
  const arrives = ['accounts-welcome', 'accounts-already'].includes(name);
  const expected = arrives ? 'accounts' : screen;
  expect(has(`screen-${expected}`)).toBe(true);
  expect(document.querySelectorAll('h1')).toHaveLength(1);
  expect(document.title).toMatch(/ · Tessera$/);

  const page = document.documentElement.outerHTML;
  expect(page).not.toMatch(SECRET);
  expect(page).not.toMatch(QUERY);
  for (const element of document.body.querySelectorAll('*')) {
    expect(element.getAttribute('onclick')).toBeNull();
  }

  // The theme changes colours and nothing else.
  const result = await axe.run(document, {
    resultTypes: ['violations'],
    ...(theme === 'dark' && { runOnly: ['color-contrast'] }),
  });
  expect(
    result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
  ).toEqual([]);
}

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  test.each(Object.keys(scenarios))('%s', (name) => check(name, theme));
});
