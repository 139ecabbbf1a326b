// The replay of a flow: step by step, by itself or by hand, and never by itself for who wants less motion.
import { cdp, userEvent } from 'vitest/browser';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import words from '../src/host/fake/words.json';
import { pace } from '../src/state/replay.svelte';
import { byId, drawn, has, openState, said } from './open';

async function motion(value: 'reduce' | 'no-preference') {
  const session = cdp() as unknown as {
    send: (method: string, given: unknown) => Promise<unknown>;
  };
  await session.send('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-reduced-motion', value }],
  });
  const query = '(prefers-reduced-motion: reduce)';
  await vi.waitFor(() => expect(window.matchMedia(query).matches).toBe(value === 'reduce'));
}

const position = () => byId('replay-position').textContent.trim();
const openStep = () =>
  document
    .querySelector('[data-testid="sequence"] [aria-expanded="true"]')
    ?.getAttribute('data-testid');
const visible = () =>
  [...byId('sequence').querySelectorAll('ol > li')].filter(
    (item) => getComputedStyle(item).visibility === 'visible',
  ).length;
const focused = () => document.activeElement?.getAttribute('data-testid');

async function begin() {
  await openState('flow');
  byId('replay').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
}

/** How long the message of this name is looked at. */
const pause = (id: string) => {
  const { title, why } = words.messages.find((message) => message.id === id)!;
  return pace(title.length + why.length);
};

describe('by hand', () => {
  test('goes one step on or back, shows what each holds, and hides what is to come', async () => {
    await begin();
    expect(focused()).toBe('replay-toggle');
    expect(position()).toBe('Step 1 of 15');
    expect(openStep()).toBe('flow-step-sign_in');
    expect(visible()).toBe(1);
    byId('replay-next').click();
    await drawn();
    expect(position()).toBe('Step 2 of 15');
    expect(openStep()).toBe('flow-step-metadata_request');
    expect(visible()).toBe(2);
    expect(said()).toBe('Step 2 of 15. Tessera to Provider: How does one sign in with you?');
    byId('replay-previous').click();
    byId('replay-previous').click();
    await drawn();
    expect(position()).toBe('Step 1 of 15');
  });

  test('ends where it is, with everything drawn again and the focus where it began', async () => {
    await begin();
    byId('replay-next').click();
    await drawn();
    byId('replay-stop').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(focused()).toBe('replay');
    expect(visible()).toBe(15);
    expect(openStep()).toBe('flow-step-metadata_request');
    expect(has('replay-stop')).toBe(false);
  });

  test('does not go past the last step', async () => {
    await begin();
    for (let count = 0; count < 20; count += 1) byId('replay-next').click();
    await drawn();
    expect(position()).toBe('Step 15 of 15');
    expect(visible()).toBe(15);
  });

  test('does not let the arrow keys go to what is not shown yet', async () => {
    await begin();
    byId('flow-step-sign_in').focus();
    await userEvent.keyboard('{End}');
    expect(focused()).toBe('flow-step-sign_in');
  });
});

describe('for who wants less motion', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  test('nothing goes on by itself, until they ask for it', async () => {
    await begin();
    expect(byId('replay-toggle').textContent).toContain('Play');
    await vi.advanceTimersByTimeAsync(600_000);
    await drawn();
    expect(position()).toBe('Step 1 of 15');
    byId('replay-toggle').click();
    await drawn();
    await vi.advanceTimersByTimeAsync(pause('sign_in'));
    await drawn();
    expect(position()).toBe('Step 2 of 15');
  });

  test('nothing on the screen moves', async () => {
    for (const state of ['flow-running', 'flow-replay']) {
      await openState(state);
      const moving = [...byId('screen-flow').querySelectorAll('*')].filter((element) => {
        const { animationName, transitionDuration } = getComputedStyle(element);
        return (
          animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s')
        );
      });
      expect(moving.map(({ outerHTML }) => outerHTML.slice(0, 80))).toEqual([]);
    }
  });
});

describe('by itself', () => {
  beforeEach(async () => {
    await motion('no-preference');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await motion('reduce');
  });

  const pass = async (milliseconds: number) => {
    await vi.advanceTimersByTimeAsync(milliseconds);
    await drawn();
  };

  test('gives each step the time that a person needs to read it', async () => {
    await begin();
    expect(byId('replay-toggle').textContent).toContain('Pause');
    await pass(pause('sign_in') - 1);
    expect(position()).toBe('Step 1 of 15');
    await pass(1);
    expect(position()).toBe('Step 2 of 15');
    await pass(pause('metadata_request'));
    expect(position()).toBe('Step 3 of 15');
    expect(openStep()).toBe('flow-step-metadata_response');
  });

  test('waits while it is paused, and goes on', async () => {
    await begin();
    byId('replay-toggle').click();
    await pass(600_000);
    expect(position()).toBe('Step 1 of 15');
    byId('replay-toggle').click();
    await drawn();
    await pass(pause('sign_in'));
    expect(position()).toBe('Step 2 of 15');
  });

  test('waits when the person turns the pages, or looks at something else', async () => {
    await begin();
    byId('replay-next').click();
    await pass(600_000);
    expect(position()).toBe('Step 2 of 15');
    byId('replay-toggle').click();
    await drawn();
    byId('flow-step-sign_in').click();
    await pass(600_000);
    expect(position()).toBe('Step 2 of 15');
    expect(openStep()).toBe('flow-step-sign_in');
  });

  test('stops at the end, and begins again from there', async () => {
    await begin();
    for (let step = 0; step < 15; step += 1) await pass(60_000);
    expect(position()).toBe('Step 15 of 15');
    expect(byId('replay-toggle').textContent).toContain('Play');
    byId('replay-toggle').click();
    await drawn();
    expect(position()).toBe('Step 1 of 15');
  });

  test('ends with the screen', async () => {
    await begin();
    byId('nav-accounts').click();
    await drawn();
    expect(vi.getTimerCount()).toBe(0);
  });
});
