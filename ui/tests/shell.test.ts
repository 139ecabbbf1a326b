// The shell: drawn before Rust answers, moved through by keyboard, heard by a screen reader, and back after a reload.
import { cdp, userEvent } from 'vitest/browser';
import { expect, test, vi } from 'vitest';
import { acme, ann, attempt, accounts, errors } from '../src/host/fake/data';
import { fail } from '../src/host/fake/fake';
import { byId, drawn, has, open, openState, said } from './open';

const focused = (): string =>
  document.activeElement?.getAttribute('data-testid') ?? document.activeElement?.id ?? '';

test('the shell is drawn before the first event', async () => {
  await open({ silent: true });
  expect(has('nav-sign-in')).toBe(true);
  expect(has('nav-accounts')).toBe(true);
  expect(has('nav-explorer')).toBe(true);
  expect(has('nav-settings')).toBe(true);
  expect(has('screen-sign-in')).toBe(true);
});

test('the first paint shows the accounts when there were some last time', async () => {
  localStorage.setItem('tessera.had-accounts', 'yes');
  await open({ silent: true });
  expect(has('screen-accounts')).toBe(true);
});

test('a wrong guess is corrected by the first event', async () => {
  localStorage.setItem('tessera.had-accounts', 'yes');
  await open({});
  expect(has('screen-sign-in')).toBe(true);
  expect(localStorage.getItem('tessera.had-accounts')).toBe('no');
});

test('who has accounts begins with them', async () => {
  await open({ accounts: [ann()] });
  expect(has('screen-accounts')).toBe(true);
  expect(localStorage.getItem('tessera.had-accounts')).toBe('yes');
});

test('a place that the person chose is not corrected', async () => {
  await open({ accounts: [ann()] }, '#/settings');
  expect(has('screen-settings')).toBe(true);
});

test('a window that was loaded again resumes a waiting attempt', async () => {
  const host = await open({ accounts: [ann()], attempt: attempt() });
  expect(has('attempt-waiting')).toBe(true);
  byId('cancel-sign-in').click();
  await drawn();
  expect(host.last('cancelSignIn')).toEqual(['attempt-1']);
});

test('every screen is reached by keyboard, and its heading takes the focus', async () => {
  await open({});
  expect(focused()).not.toBe('screen-title');
  await userEvent.keyboard('{Tab}');
  expect(document.activeElement?.textContent).toBe('Skip to the content');
  for (const screen of ['sign-in', 'accounts', 'explorer', 'flow', 'settings']) {
    await userEvent.keyboard('{Tab}');
    expect(focused()).toBe(`nav-${screen}`);
  }
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(has('screen-settings')).toBe(true);
  expect(focused()).toBe('screen-title');
  expect(byId('nav-settings').getAttribute('aria-current')).toBe('page');
  expect(document.title).toBe('Settings · Tessera');
});

test('the way past the navigation', async () => {
  await open({});
  await userEvent.keyboard('{Tab}{Enter}');
  expect(focused()).toBe('screen-title');
  await userEvent.keyboard('{Tab}');
  expect(focused()).toBe('provider-google');
});

test('the back key goes back', async () => {
  await open({}, '#/accounts');
  byId('nav-settings').click();
  await drawn();
  expect(has('screen-settings')).toBe(true);
  window.history.back();
  await vi.waitFor(() => expect(has('screen-accounts')).toBe(true));
});

test('what has the focus is seen', async () => {
  await open({});
  for (let count = 0; count < 9; count += 1) {
    await userEvent.keyboard('{Tab}');
    const style = getComputedStyle(document.activeElement ?? document.body);
    expect(`${style.outlineStyle} ${style.outlineWidth}`).toBe('solid 2px');
  }
});

test('a screen reader hears how an attempt goes', async () => {
  const host = await open({}, '#/sign-in');
  host.emit({ event: 'attempt', attempt: attempt({ stage: 'preparing' }) });
  await drawn();
  expect(said()).toBe('Signing in with Sandbox.');
  host.emit({ event: 'attempt', attempt: attempt() });
  await drawn();
  expect(said()).toBe('Go on in your browser, on the page http://127.0.0.1:46511/authorize.');
  host.emit({ event: 'attempt', attempt: attempt({ stage: 'finishing' }) });
  await drawn();
  expect(said()).toBe('The answer is here. Checking.');
  host.succeed(ann());
  await drawn();
  expect(said()).toBe('Signed in as Ann Archer.');
});

test('a screen reader hears that an attempt failed or was cancelled', async () => {
  const host = await open({ attempt: attempt() }, '#/sign-in');
  host.emit({
    event: 'attempt_ended',
    id: 'attempt-1',
    end: { outcome: 'failed', error: errors.refused },
  });
  await drawn();
  expect(said()).toBe(`Sign-in failed. ${errors.refused.message}`);
  host.emit({ event: 'attempt', attempt: attempt({ id: 'attempt-2' }) });
  host.emit({ event: 'attempt_ended', id: 'attempt-2', end: { outcome: 'cancelled' } });
  await drawn();
  expect(said()).toBe('Sign-in cancelled.');
});

test('an attempt is seen from the other screens too', async () => {
  await openState('attempt-elsewhere');
  byId('attempt-elsewhere').querySelector('button')?.click();
  await drawn();
  expect(has('attempt-waiting')).toBe(true);
});

test('a notice stays until it is dismissed', async () => {
  const host = await open({});
  host.emit({ event: 'notice', error: errors.late });
  await drawn();
  expect(byId('error').dataset['code']).toBe('callback.no_attempt');
  expect(byId('error').getAttribute('role')).toBe('alert');
  byId('notice-dismiss').click();
  await drawn();
  expect(has('error')).toBe(false);
});

test('a window that Rust does not answer says so', async () => {
  const host = await open({ silent: true, answers: { subscribe: () => fail(errors.offline) } });
  expect(byId('error').dataset['code']).toBe('network.unreachable');
  expect(byId('screen-sign-in').textContent).not.toContain('Loading');
  byId('connect').click();
  await drawn();
  expect(host.asked.filter(({ command }) => command === 'subscribe')).toHaveLength(2);
});

test('the focus is never left nowhere', async () => {
  await openState('sign-in-notice');
  byId('notice-dismiss').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(focused()).toBe('screen-title');
  byId('provider-sandbox').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  byId('cancel-sign-in').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(focused()).toBe('screen-title');
});

test('a screen that breaks says so, and the others go on', async () => {
  const broken = { ...acme, name: undefined as unknown as string };
  await open({ providers: [broken] }, '#/sign-in');
  await vi.waitFor(() => expect(byId('error').dataset['code']).toBe('window.broken'));
  byId('nav-accounts').click();
  await drawn();
  expect(has('screen-accounts')).toBe(true);
});

test('light and dark: as the system, or as the person says', async () => {
  const ground = () => getComputedStyle(document.documentElement).backgroundColor;
  const session = cdp() as unknown as {
    send: (method: string, given: unknown) => Promise<unknown>;
  };
  const system = (value: string) =>
    session.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value }],
    });
  await open({}, '#/settings');
  await system('dark');
  await vi.waitFor(() => expect(ground()).toBe('rgb(21, 21, 19)'));
  byId('option-light').click();
  await drawn();
  expect(ground()).toBe('rgb(246, 245, 242)');
  expect(localStorage.getItem('tessera.theme')).toBe('light');
  byId('option-system').click();
  await drawn();
  expect(ground()).toBe('rgb(21, 21, 19)');
  expect(localStorage.getItem('tessera.theme')).toBeNull();
  await system('light');
  await vi.waitFor(() => expect(ground()).toBe('rgb(246, 245, 242)'));
});

test('the theme is there before the first paint', async () => {
  const { default: script } = await import('../public/theme.js?raw');
  localStorage.setItem('tessera.theme', 'dark');
  const element = document.createElement('script');
  element.textContent = script;
  document.head.append(element);
  expect(document.documentElement.dataset['theme']).toBe('dark');
});

test('who wants less motion gets none', async () => {
  await openState('explorer-busy');
  expect(window.matchMedia('(prefers-reduced-motion: reduce)').matches).toBe(true);
  const moving = [...document.body.querySelectorAll('*')].filter((element) => {
    const { animationName, transitionDuration } = getComputedStyle(element);
    return animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s');
  });
  expect(moving.map(({ outerHTML }) => outerHTML.slice(0, 80))).toEqual([]);
});

test('listeners of a window that is closed are gone', async () => {
  const removed = vi.spyOn(window, 'removeEventListener');
  const { cleanup } = await import('vitest-browser-svelte');
  await open({ accounts: accounts() });
  await cleanup();
  expect(removed.mock.calls.map(([name]) => name)).toContain('hashchange');
  removed.mockRestore();
});
