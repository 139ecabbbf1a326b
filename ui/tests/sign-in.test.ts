// Signing in: picking a provider, waiting, other ways, failing, and what comes after.
import { userEvent } from 'vitest/browser';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ann, attempt, errors, google, sandbox } from '../src/host/fake/data';
import { fail, ok } from '../src/host/fake/fake';
import { m } from '../src/messages';
import { byId, drawn, has, open, openState } from './open';

afterEach(() => {
  vi.useRealTimers();
});

const usual = {
  provider: 'sandbox',
  route: null,
  until_quit: false,
  account: null,
  choose: false,
  step_up: null,
  browser: null,
};

test('pressing a provider starts a sign-in and shows the wait', async () => {
  const host = await open({}, '#/sign-in');
  byId('provider-sandbox').click();
  await drawn();
  expect(host.last('signIn')).toEqual([usual]);
  expect(byId('attempt-page').textContent).toBe('http://127.0.0.1:46511/authorize');
  expect(document.activeElement?.textContent).toBe('Go on in your browser');
  expect(has('provider-sandbox')).toBe(false);
});

test('signing in ends at the accounts, with a welcome', async () => {
  const host = await open({}, '#/sign-in');
  byId('provider-sandbox').click();
  await drawn();
  host.succeed(ann());
  await drawn();
  expect(has('screen-accounts')).toBe(true);
  expect(byId('welcome').textContent).toContain('Signed in as Ann Archer.');
  expect(byId('account-card').dataset['account']).toBe('account-ann');
});

test('that a sign-in is to last until the app quits can be said before it begins', async () => {
  const host = await openState('sign-in-until-quit');
  const choice = byId('until-quit-choice');
  expect(document.getElementById(choice.getAttribute('aria-describedby') ?? '')?.textContent).toBe(
    m.attempt.untilQuitHint,
  );
  byId('provider-sandbox').click();
  await drawn();
  expect(host.last('signIn')).toEqual([{ ...usual, until_quit: true }]);
});

test('a provider that is not set up says what is missing and leads to its settings', async () => {
  await open({}, '#/sign-in');
  const tile = byId('provider-github');
  expect(tile.textContent).toContain('Needs a client id.');
  tile.click();
  await vi.waitFor(() => expect(has('screen-settings')).toBe(true));
  expect(document.activeElement).toBe(byId('client-id-github'));
});

describe('an organisation', () => {
  test('is saved and signed in to, by keyboard alone', async () => {
    const host = await open({}, '#/sign-in');
    byId('provider-organisation').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(document.activeElement).toBe(byId('issuer-input'));
    await userEvent.keyboard(' https://login.acme.example {Tab}tessera{Enter}');
    await drawn();
    expect(host.last('saveProvider')).toEqual([
      { id: '', name: '', issuer: 'https://login.acme.example', client_id: 'tessera', apis: [] },
    ]);
    expect(host.last('signIn')).toEqual([{ ...usual, provider: 'provider-4' }]);
    expect(has('attempt-waiting')).toBe(true);
  });

  test('sends the APIs line by line', async () => {
    const host = await open({}, '#/sign-in');
    byId('provider-organisation').click();
    await drawn();
    byId('provider-more').click();
    await userEvent.fill(byId('issuer-input'), 'https://login.acme.example');
    await userEvent.fill(byId('client-id-input'), 'tessera');
    await userEvent.fill(byId('name-input'), 'Acme');
    await userEvent.fill(byId('apis-input'), 'https://a.example\n\n  https://b.example ');
    byId('provider-save').click();
    await drawn();
    expect(host.last('saveProvider')).toEqual([
      {
        id: '',
        name: 'Acme',
        issuer: 'https://login.acme.example',
        client_id: 'tessera',
        apis: ['https://a.example', 'https://b.example'],
      },
    ]);
  });

  test('asks for what is missing and sends nothing', async () => {
    const host = await openState('sign-in-organisation-empty');
    expect(byId('issuer-input').getAttribute('aria-invalid')).toBe('true');
    expect(byId('client-id-input').getAttribute('aria-invalid')).toBe('true');
    expect(host.last('saveProvider')).toBeUndefined();
  });

  test('that is refused keeps what was typed', async () => {
    await openState('sign-in-organisation-refused');
    expect(byId('error').dataset['code']).toBe('provider.issuer_mismatch');
    expect((byId('issuer-input') as HTMLInputElement).value).toBe('https://login.acme.example/');
  });
});

describe('while the browser is open', () => {
  test('the link is copied by Rust, and the page opened again', async () => {
    const host = await openState('attempt-waiting');
    byId('copy-link').click();
    byId('open-again').click();
    await drawn();
    expect(host.last('copyLink')).toEqual(['attempt-1']);
    expect(host.last('openAgain')).toEqual(['attempt-1']);
    expect(byId('copy-link').textContent).toContain('Link copied');
    expect(byId('open-again').textContent).toContain('Opened again');
  });

  test('Cancel ends it, and the providers are back', async () => {
    const host = await openState('attempt-waiting');
    byId('cancel-sign-in').click();
    await drawn();
    expect(host.last('cancelSignIn')).toEqual(['attempt-1']);
    expect(has('provider-google')).toBe(true);
    expect(has('error')).toBe(false);
  });

  test('a failing command is told', async () => {
    await open({ attempt: attempt(), answers: { copyLink: () => fail(errors.late) } }, '#/sign-in');
    byId('copy-link').click();
    await drawn();
    expect(byId('error').dataset['code']).toBe('callback.no_attempt');
    expect(byId('copy-link').textContent).toContain('Copy link');
  });

  test('the next route is offered after eight seconds, and only offered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const host = await open({ attempt: attempt() }, '#/sign-in');
    vi.advanceTimersByTime(7_900);
    await drawn();
    expect(has('offer')).toBe(false);
    vi.advanceTimersByTime(200);
    await drawn();
    expect(has('offer')).toBe(true);
    expect(host.asked.map(({ command }) => command)).not.toContain('signIn');
    expect(host.asked.map(({ command }) => command)).not.toContain('goBy');
    expect(host.asked.map(({ command }) => command)).not.toContain('openAgain');
    byId('other-route-loopback').click();
    await drawn();
    expect(host.last('goBy')).toEqual(['attempt-1', 'loopback']);
    expect(host.last('signIn')).toBeUndefined();
    expect(has('offer')).toBe(false);
    expect(byId('attempt-waiting').dataset['stage']).toBe('waiting');
  });

  test('an error on the page, which sends nobody back, is spoken of in time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await open({ attempt: attempt() }, '#/sign-in');
    expect(has('page-error')).toBe(false);
    vi.advanceTimersByTime(8_100);
    await drawn();
    expect(byId('page-error').textContent).toContain('the client id');
    expect(byId('page-error').querySelector('a')?.getAttribute('href')).toBe(
      `#/settings/${attempt().provider}`,
    );
  });

  test('when it takes long to begin, the keychain may be asking', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const host = await open({ attempt: attempt({ stage: 'preparing' }) }, '#/sign-in');
    vi.advanceTimersByTime(3_900);
    await drawn();
    expect(has('keychain-hint')).toBe(false);
    vi.advanceTimersByTime(200);
    await drawn();
    expect(byId('keychain-hint').textContent).toContain('look for its window');
    host.emit({ event: 'attempt', attempt: attempt() });
    await drawn();
    expect(has('keychain-hint')).toBe(false);
  });

  test('nothing is offered once the answer is there', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const host = await open({ attempt: attempt() }, '#/sign-in');
    vi.advanceTimersByTime(7_000);
    host.emit({ event: 'attempt', attempt: attempt({ stage: 'finishing' }) });
    await drawn();
    vi.advanceTimersByTime(60_000);
    await drawn();
    expect(has('offer')).toBe(false);
    expect(has('copy-link')).toBe(false);
  });

  test('the address can be pasted, by keyboard alone', async () => {
    const host = await openState('attempt-waiting');
    byId('paste-address').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(document.activeElement).toBe(byId('paste-input'));
    await userEvent.keyboard('http://127.0.0.1:1/callback?a=b{Enter}');
    await drawn();
    expect(host.last('pasteCallback')).toEqual(['attempt-1', 'http://127.0.0.1:1/callback?a=b']);
    expect(has('paste-input')).toBe(false);
  });

  test('a pasted address that is refused can be pasted anew', async () => {
    await open(
      { attempt: attempt(), answers: { pasteCallback: () => fail(errors.late) } },
      '#/sign-in',
    );
    byId('paste-address').click();
    await drawn();
    await userEvent.fill(byId('paste-input'), 'nonsense');
    byId('paste-submit').click();
    await drawn();
    expect(byId('error').dataset['code']).toBe('callback.no_attempt');
    expect((byId('paste-input') as HTMLInputElement).value).toBe('');
  });

  test('the device route shows code and page, and copies the code', async () => {
    await openState('attempt-device');
    expect(byId('device-code').textContent).toBe('WDJB-MJHT');
    expect(byId('device-page').textContent).toBe('http://127.0.0.1:46511/device');
    expect(has('copy-link')).toBe(false);
    byId('copy-code').focus();
    await userEvent.keyboard('{Enter}');
    await vi.waitFor(() => expect(byId('copy-code').textContent).toContain('Code copied'));
  });

  test('a browser that did not start is said', async () => {
    await openState('attempt-no-browser');
    expect(byId('browser-not-opened').textContent).toContain('Copy the link');
  });
});

describe('a sign-in that does not work', () => {
  test('says what and why, and can be tried again as it was', async () => {
    const host = await open({}, '#/sign-in');
    byId('provider-google').click();
    await drawn();
    host.emit({
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'failed', error: errors.refused },
    });
    await drawn();
    const error = byId('error');
    expect(error.dataset['code']).toBe('sign_in.refused');
    expect(error.textContent).toContain('You were not signed in with Google');
    expect(error.textContent).toContain(errors.refused.message);
    expect(error.textContent).toContain(errors.refused.hint);
    expect(has('until-quit')).toBe(false);
    byId('try-again').click();
    await drawn();
    expect(host.last('signIn')).toEqual([{ ...usual, provider: 'google' }]);
    expect(has('error')).toBe(false);
  });

  test('has its details and a report behind a line', async () => {
    await openState('attempt-refused');
    expect(byId('copy-report').checkVisibility()).toBe(false);
    byId('error-details').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(byId('copy-report').checkVisibility()).toBe(true);
    byId('copy-report').focus();
    await userEvent.keyboard('{Enter}');
    await vi.waitFor(() => expect(byId('copy-report').textContent).toContain('Report copied'));
  });

  test('for want of a keychain can last until the app quits', async () => {
    const host = await open({}, '#/sign-in');
    byId('provider-sandbox').click();
    await drawn();
    host.emit({
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'failed', error: errors.keychainMissing },
    });
    await drawn();
    byId('until-quit').click();
    await drawn();
    expect(host.last('signIn')).toEqual([{ ...usual, until_quit: true }]);
  });

  test('also when it could not even start', async () => {
    await open({ answers: { signIn: () => fail(errors.discovery) } }, '#/sign-in');
    byId('provider-sandbox').click();
    await drawn();
    expect(byId('error').dataset['code']).toBe('provider.issuer_mismatch');
    byId('failure-dismiss').click();
    await drawn();
    expect(has('error')).toBe(false);
  });
});

test('a new sign-in replaces the old one, whatever arrives late', async () => {
  const host = await open({ providers: [google, sandbox], attempt: attempt() }, '#/sign-in');
  byId('other-route-device').click();
  await drawn();
  const id = host.attempt?.id ?? '';
  host.emit({
    event: 'attempt_ended',
    id: 'attempt-0',
    end: { outcome: 'failed', error: errors.refused },
  });
  await drawn();
  expect(has('device-code')).toBe(true);
  expect(has('error')).toBe(false);
  expect(id).not.toBe('');
});

describe('the browser', () => {
  const choice = () => byId('browser-choice') as HTMLSelectElement;

  test('is the default unless another one is chosen', async () => {
    const host = await open({}, '#/sign-in');
    expect([...choice().options].map((option) => option.text)).toEqual([
      'Your default browser',
      'Chrome – Ann',
      'Chrome – Work',
      'Firefox',
    ]);
    expect(choice().value).toBe('system');
    await userEvent.selectOptions(choice(), 'Chrome – Work');
    byId('provider-sandbox').click();
    await drawn();
    expect(host.last('signIn')).toEqual([{ ...usual, browser: 'chrome:Profile 1' }]);
  });

  test('is not asked for where none can be chosen', async () => {
    await open({ answers: { browsers: () => ok([]) } }, '#/sign-in');
    expect(has('browser-choice')).toBe(false);
    await open({ answers: { browsers: () => fail(errors.late) } }, '#/sign-in');
    expect(has('browser-choice')).toBe(false);
  });

  test('that the page is in is named, and one that is gone too', async () => {
    await openState('attempt-browser');
    expect(byId('attempt-browser').textContent).toContain('Chrome, with the profile “Work”');
    await openState('attempt-browser-missing');
    expect(byId('attempt-browser-missing').textContent).toContain('the page is in your default');
  });
});
