// Accounts: how each stands, what is inside, and the way out.
import { userEvent } from 'vitest/browser';
import { describe, expect, test, vi } from 'vitest';
import {
  accounts,
  ann,
  crowd,
  detail,
  errors,
  openSignOuts,
  receipt,
  troubled,
} from '../src/host/fake/data';
import { fail, ok } from '../src/host/fake/fake';
import { moment, time } from '../src/messages';
import { byId, drawn, has, open, openState, said } from './open';

const all = (id: string): HTMLElement[] => [
  ...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`),
];

test('every state has its own word and sign', async () => {
  await open({ accounts: accounts() }, '#/accounts');
  const badges = all('account-state');
  expect(badges.map((badge) => badge.textContent.trim())).toEqual([
    'Signed in',
    'Refreshing',
    'Offline',
    'Needs sign-in',
  ]);
  const signs = badges.map((badge) => badge.querySelector('path')?.getAttribute('d'));
  expect(new Set(signs).size).toBe(4);
  expect(byId('account-2').textContent).toContain('Nothing is lost');
  expect(byId('account-1').textContent).toContain('Until you quit');
});

test('what is in the way is told, since when, and until when the provider is left alone', async () => {
  await open({ accounts: troubled() }, '#/accounts');
  expect(all('account-state').map((badge) => badge.textContent.trim())).toEqual([
    'Provider unavailable',
    'Keychain locked',
    'Keychain unavailable',
  ]);
  const until = troubled()[0]?.next_try_at ?? 0;
  expect(all('account-times').map((times) => times.textContent)).toEqual([
    `It began 11 minutes ago. The provider wants to be left alone until ${time(until)}.`,
  ]);
});

describe('an unavailable provider that named no time', () => {
  const account = (at: number) =>
    troubled()
      .slice(0, 1)
      .map((other) => ({ ...other, next_try_at: at, next_try_named: false }));

  test('is tried again at one that is told', async () => {
    const soon = Date.now() / 1000 + 300;
    await open({ accounts: account(soon) }, '#/accounts');
    expect(byId('account-times').textContent).toContain(`Tessera tries again at ${time(soon)}.`);
  });

  test('is not said to be tried in the past', async () => {
    await open({ accounts: account(Date.now() / 1000 - 5) }, '#/accounts');
    expect(byId('account-times').textContent).not.toContain('again');
  });
});

test('a sign-in that is about to end is told a day before, and its page always says so', async () => {
  const day = 86_400;
  const ends = (at: number, name: string) => ({
    ...ann(),
    id: name,
    name,
    forecast: { at, why: 'expired', notice_from: at - day },
  });
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  try {
    const now = Date.now() / 1000;
    const [soon, later] = [ends(now + day / 2, 'soon'), ends(now + 3 * day, 'later')];
    await open({ accounts: [soon, later, ann()] }, '#/accounts');
    const told = () => all('account-forecast').map((line) => line.textContent.trim());
    const line = (at: number) =>
      `You will need to sign in again by ${moment(at)}, unless the provider extends it before.`;
    expect(told()).toEqual([line(now + day / 2)]);
    await vi.advanceTimersByTimeAsync(2 * day * 1000 + 1000);
    expect(told()).toEqual([line(now + day / 2), line(now + 3 * day)]);
  } finally {
    vi.useRealTimers();
  }
  await open({ accounts: [ends(Date.now() / 1000 + 30 * day, 'far')] }, '#/accounts/far');
  expect(byId('account-forecast').dataset['soon']).toBe('false');
});

test('a state that changes is seen at once', async () => {
  const host = await open({ accounts: [ann()] }, '#/accounts');
  host.emit({
    event: 'accounts',
    accounts: [{ ...ann(), state: 'offline', reason: 'No network.' }],
  });
  await drawn();
  expect(byId('account-state').dataset['state']).toBe('offline');
  expect(byId('account-card').textContent).toContain('No network.');
});

test('an account opens by keyboard, and the way back leads to the list', async () => {
  await open({ accounts: accounts() }, '#/accounts');
  byId('account-open').focus();
  await userEvent.keyboard('{Enter}');
  await vi.waitFor(() => expect(has('account-detail')).toBe(true));
  expect(document.activeElement?.textContent).toBe('Ann Archer');
  byId('account-back').click();
  await vi.waitFor(() => expect(has('account-card')).toBe(true));
});

test('inside are identity, permissions, every check and the place of the secret', async () => {
  await openState('account-open');
  const text = byId('screen-accounts').textContent;
  expect(text).toContain('ann-5d0f');
  expect(text).toContain('email_verified');
  expect(byId('permission-ledger:read').textContent).toContain('Asked for, not allowed');
  expect(all('check-id_token.nonce')).toHaveLength(1);
  expect(byId('check-id_token.nonce').dataset['outcome']).toBe('passed');
  // Times are told as times.
  expect(byId('check-id_token.exp').textContent).toContain(`later than ${moment(1_763_900_010)}`);
  expect(byId('check-id_token.exp').textContent).toContain(moment(1_763_903_600));
  expect(byId('account-apis').textContent).toContain('http://127.0.0.1:46512');
  expect(text).toContain('9 checks passed. One does not apply.');
  expect(text).toContain('GNOME keyring');
});

test('each secret is told with its place, size and reason, and moves to another place and back', async () => {
  const host = await open({ accounts: [ann()] }, `#/accounts/${ann().id}`);
  await vi.waitFor(() => expect(has('kept-refresh_token')).toBe(true));
  const row = byId('kept-refresh_token');
  expect(row.dataset['place']).toBe('keychain');
  expect(row.textContent).toContain('the GNOME keyring');
  expect(row.textContent).toContain('1.2 kB');
  expect(row.textContent).toContain('Keeps you signed in');
  expect(byId('move-storage').textContent).toContain('Keep in memory until Tessera quits');
  byId('move-storage').click();
  await vi.waitFor(() => expect(byId('kept-refresh_token').dataset['place']).toBe('memory'));
  expect(host.last('moveStorage')).toEqual([ann().id, true]);
  expect(byId('move-storage').textContent).toContain('Move to the keychain');
  byId('move-storage').click();
  await vi.waitFor(() => expect(byId('kept-refresh_token').dataset['place']).toBe('keychain'));
});

test('a keychain that does not give the secrets is told where they are told of', async () => {
  await open(
    { accounts: [ann()], answers: { accountStorage: () => fail(errors.keychainMissing) } },
    `#/accounts/${ann().id}`,
  );
  await vi.waitFor(() =>
    expect(byId('screen-accounts').textContent).toContain(errors.keychainMissing.message),
  );
  expect(has('move-storage')).toBe(false);
});

test('a move that fails says why and changes nothing', async () => {
  await open(
    { accounts: [ann()], answers: { moveStorage: () => fail(errors.keychainMissing) } },
    `#/accounts/${ann().id}`,
  );
  await vi.waitFor(() => expect(has('move-storage')).toBe(true));
  byId('move-storage').click();
  await vi.waitFor(() =>
    expect(byId('screen-accounts').textContent).toContain(errors.keychainMissing.message),
  );
  expect(byId('kept-refresh_token').dataset['place']).toBe('keychain');
});

test('a check that failed is not hidden among those that passed', async () => {
  await openState('account-open-needs-sign-in');
  expect(byId('screen-accounts').textContent).toContain('One check did not pass.');
  const check = byId('check-id_token.aud');
  expect(check.dataset['outcome']).toBe('failed');
  expect(check.textContent).toContain('another-app');
});

test('what is open is read again when something about an account changes', async () => {
  const host = await open({ accounts: [ann()] }, '#/accounts/account-ann');
  const reads = (command: string) => host.asked.filter((asked) => asked.command === command).length;
  await vi.waitFor(() => expect(reads('accountStorage')).toBe(1));
  expect(reads('accountDetail')).toBe(1);
  // Where a token is can change, and the account looks the same.
  for (const signed_in_at of [5, 5]) {
    const before = { detail: reads('accountDetail'), storage: reads('accountStorage') };
    host.emit({ event: 'accounts', accounts: [{ ...ann(), signed_in_at }] });
    await vi.waitFor(() => expect(reads('accountStorage')).toBeGreaterThan(before.storage));
    expect(reads('accountDetail')).toBe(before.detail + 1);
  }
});

describe('signing in again', () => {
  test('asks for the same account, and shows the wait', async () => {
    const host = await open({ accounts: accounts() }, '#/accounts');
    byId('account-sign-in-again').click();
    await drawn();
    expect(host.last('signIn')).toEqual([
      {
        provider: 'acme',
        route: null,
        until_quit: false,
        account: 'account-acme',
        choose: false,
        step_up: null,
        browser: null,
      },
    ]);
    expect(has('attempt-waiting')).toBe(true);
  });

  test('keeps a secret where it was kept', async () => {
    const host = await open({ accounts: accounts() }, '#/accounts/account-bob');
    byId('account-sign-in-again').click();
    await drawn();
    expect(host.last('signIn')).toEqual([
      expect.objectContaining({ account: 'account-bob', until_quit: true }),
    ]);
  });
});

describe('signing out', () => {
  test('asks first, and Escape is no', async () => {
    const host = await openState('account-open');
    byId('sign-out').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(document.activeElement?.closest('dialog')).not.toBeNull();
    await userEvent.keyboard('{Escape}');
    await drawn();
    expect(has('sign-out-confirm')).toBe(false);
    expect(host.last('signOut')).toBeUndefined();
    expect(has('account-detail')).toBe(true);
    expect(document.activeElement).toBe(byId('sign-out'));
  });

  test('gives a receipt, which stays until it is read', async () => {
    const host = await openState('account-receipt');
    expect(host.last('signOut')).toEqual(['account-ann', 'here']);
    const receipt = byId('receipt');
    expect(receipt.textContent).toContain('Ann Archer is signed out');
    expect([...receipt.querySelectorAll('li')].map((line) => line.dataset['outcome'])).toEqual([
      'done',
      'done',
      'done',
      'offered',
    ]);
    byId('receipt-page').click();
    await drawn();
    expect(host.last('openProviderPage')).toEqual(['sandbox']);
    byId('receipt-close').click();
    await drawn();
    expect(has('receipt')).toBe(false);
  });

  test('goes on in the browser when asked to, and says how that ended', async () => {
    const host = await openState('account-receipt');
    byId('receipt-browser').click();
    await drawn();
    expect(host.last('signOutInBrowser')).toEqual(['account-ann']);
    expect(byId('receipt-browser-notice').textContent).toContain('Your browser opens');
    expect(byId('receipt-browser').textContent).toContain('Open the page again');

    // Of another sign-out.
    const account = 'account-bob';
    host.emit({ event: 'browser_sign_out', account, end: { outcome: 'returned' } });
    await drawn();
    expect(byId('receipt-browser-notice').textContent).toContain('Your browser opens');

    host.emit({
      event: 'browser_sign_out',
      account: 'account-ann',
      end: { outcome: 'not_returned' },
    });
    await drawn();
    expect(byId('receipt-browser-notice').textContent).toContain('did not come back');
    expect(has('error')).toBe(false);
    byId('receipt-browser').click();
    await drawn();
    expect(byId('receipt-browser-notice').textContent).toContain('Your browser opens');

    host.emit({ event: 'browser_sign_out', account: 'account-ann', end: { outcome: 'returned' } });
    await drawn();
    expect(byId('receipt-browser-notice').textContent).toContain(
      'Sandbox sent it back, as it does when it has ended',
    );
    expect(has('receipt-browser')).toBe(false);
  });

  test('in the browser that cannot begin says so, and nothing comes back', async () => {
    const host = await open(
      { accounts: [ann()], answers: { signOutInBrowser: () => fail(errors.offline) } },
      '#/accounts/account-ann',
    );
    byId('sign-out').click();
    await drawn();
    byId('sign-out-confirm').click();
    await drawn();
    byId('receipt-browser').click();
    await drawn();
    expect(byId('error').dataset['code']).toBe('network.unreachable');
    expect(has('receipt-browser')).toBe(true);
    expect(host.accounts).toEqual([]);
  });

  test('offers no browser where the provider has no page for it', async () => {
    await open(
      { accounts: [ann()], answers: { signOut: () => ok({ ...receipt, browser: false }) } },
      '#/accounts/account-ann',
    );
    byId('sign-out').click();
    await drawn();
    byId('sign-out-confirm').click();
    await drawn();
    expect(has('receipt')).toBe(true);
    expect(has('receipt-browser')).toBe(false);
  });

  test('that does not work says so and leaves the account', async () => {
    await open(
      { accounts: [ann()], answers: { signOut: () => fail(errors.offline) } },
      '#/accounts/account-ann',
    );
    byId('sign-out').click();
    await drawn();
    byId('sign-out-confirm').click();
    await drawn();
    expect(byId('error').dataset['code']).toBe('network.unreachable');
    expect(has('account-detail')).toBe(true);
  });
});

describe('a thousand accounts', () => {
  test('are drawn as far as they are looked at', async () => {
    await open({ accounts: crowd(1_000) }, '#/accounts');
    const count = () => all('account-card').length;
    expect(count()).toBeLessThan(200);
    for (let before = count(); before < 1_000; before = count()) {
      byId('accounts-more').scrollIntoView();
      await vi.waitFor(() => expect(count()).toBeGreaterThan(before));
    }
    expect(has('accounts-more')).toBe(false);
    expect(byId('account-999').getAttribute('aria-posinset')).toBe('1000');
  });

  test('are all within reach of the keyboard', async () => {
    await open({ accounts: crowd(200) }, '#/accounts');
    const before = all('account-card').length;
    byId('accounts-more').focus();
    await userEvent.keyboard('{Enter}');
    await vi.waitFor(() => expect(all('account-card').length).toBeGreaterThan(before));
  });

  test('are found by typing', async () => {
    await open({ accounts: crowd(1_000) }, '#/accounts');
    expect(byId('account-0').getAttribute('aria-setsize')).toBe('1000');
    await userEvent.fill(byId('account-filter'), 'SANDBOX person77@');
    await drawn();
    expect(all('account-card').map(({ dataset }) => dataset['account'])).toEqual(['account-76']);
    await userEvent.fill(byId('account-filter'), 'nobody of that name');
    await drawn();
    expect(byId('screen-accounts').textContent).toContain('No account matches.');
  });
});

test('a picture that cannot be shown gives way to letters', async () => {
  await open({ accounts: [{ ...ann(), picture: 'data:image/png;base64,AAAA' }] }, '#/accounts');
  await vi.waitFor(() => expect(byId('account-card').textContent).toContain('AA'));
});

test('only data: pictures are drawn', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>';
  const picture = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  await open({ accounts: [{ ...ann(), picture }] }, '#/accounts');
  expect(byId('account-card').querySelector('img')).toBeNull();
  URL.revokeObjectURL(picture);
});

describe('the browser of an account', () => {
  const choice = () => byId('browser-choice') as HTMLSelectElement;

  test('is chosen there, and the default too', async () => {
    const host = await open({ accounts: [ann()] }, '#/accounts/account-ann');
    expect(choice().value).toBe('system');
    await userEvent.selectOptions(choice(), 'Firefox');
    await drawn();
    expect(host.last('setBrowser')).toEqual(['account-ann', 'firefox']);
    expect(choice().value).toBe('firefox');
    await userEvent.selectOptions(choice(), 'Your default browser');
    await drawn();
    expect(host.last('setBrowser')).toEqual(['account-ann', null]);
  });

  test('is what it was when it could not be written down', async () => {
    await open(
      { accounts: [ann()], answers: { setBrowser: () => fail(errors.late) } },
      '#/accounts/account-ann',
    );
    await userEvent.selectOptions(choice(), 'Firefox');
    await drawn();
    expect(choice().value).toBe('system');
    expect(has('error')).toBe(true);
  });

  test('that is gone stays in the list', async () => {
    await open(
      {
        accounts: [ann()],
        answers: { accountDetail: () => ok({ ...detail(ann()), browser: 'edge:Default' }) },
      },
      '#/accounts/account-ann',
    );
    expect(choice().value).toBe('edge:Default');
    expect(choice().selectedOptions[0]?.text).toContain('not on this computer');
  });
});

describe('how far a sign-out goes', () => {
  test('is asked only where the provider leaves a choice', async () => {
    await openState('account-sign-out');
    expect(has('sign-out-confirm')).toBe(true);
    expect(has('sign-out-way-here')).toBe(false);
  });

  test.each(['everywhere', 'leaked'] as const)('%s is what Rust is asked for', async (way) => {
    const host = await openState('account-sign-out-ways');
    expect(byId('sign-out-way-here')).toHaveProperty('checked', true);
    byId(`sign-out-way-${way}`).click();
    await drawn();
    byId('sign-out-confirm').click();
    await drawn();
    expect(host.last('signOut')).toEqual(['account-ann', way]);
  });

  test('is this computer again when it is asked anew', async () => {
    const host = await openState('account-sign-out-ways');
    byId('sign-out-way-everywhere').click();
    byId('sign-out-keep').click();
    await drawn();
    byId('sign-out').click();
    await drawn();
    byId('sign-out-confirm').click();
    await drawn();
    expect(host.last('signOut')).toEqual(['account-ann', 'here']);
  });
});

describe('a sign-out that is not finished', () => {
  const rows = () => all('open-sign-out').map((row) => row.textContent);

  test('stands on the receipt as such', async () => {
    await openState('account-receipt-open');
    const line = byId('receipt').querySelector('[data-what="refresh_token_revoked"]');
    expect(line?.getAttribute('data-outcome')).toBe('open');
    expect(line?.textContent).toContain('Not finished');
    expect(line?.textContent).toContain('tries again');
  });

  test('is shown below the accounts, with why, and when it is tried again', async () => {
    const host = await openState('accounts-open-sign-outs');
    const at = host.openSignOuts[0]?.next_try_at ?? 0;
    const [waits, apart, over] = rows();
    expect(rows()).toHaveLength(3);
    expect(waits).toContain('You cannot reach 127.0.0.1:46511');
    expect(waits).toContain(`Tessera tries again by itself, at ${time(at)}`);
    expect(apart).toContain('when it starts and when a network comes');
    expect(over).toContain('may stay good at Google');
    expect(all('open-sign-out-retry')).toHaveLength(2);
    expect(all('open-sign-out-page')).toHaveLength(1);
  });

  test('comes and goes as Rust tells it', async () => {
    const host = await open({}, '#/accounts');
    expect(has('open-sign-outs')).toBe(false);
    host.emit({ event: 'open_sign_outs', open_sign_outs: openSignOuts() });
    await drawn();
    expect(rows()).toHaveLength(3);
    host.emit({ event: 'open_sign_outs', open_sign_outs: [] });
    await drawn();
    expect(has('open-sign-outs')).toBe(false);
  });

  test('is tried again, and what came of it is said', async () => {
    const host = await openState('accounts-open-sign-outs-alone');
    byId('open-sign-out-retry').click();
    await drawn();
    expect(host.last('retrySignOut')).toEqual(['0123456789abcdef']);
    expect(said()).toBe('Signing out of Sandbox as Cleo Carter is finished.');
    expect(has('open-sign-outs')).toBe(false);
  });

  test('that cannot be tried now says why, and stays', async () => {
    await openState('accounts-open-sign-outs-failed');
    expect(byId('error').dataset['code']).toBe('provider_unavailable');
    expect(rows()).toHaveLength(1);
  });

  test('is forgotten only after a question', async () => {
    const host = await openState('accounts-open-sign-outs-forget');
    expect(host.last('forgetSignOut')).toBeUndefined();
    byId('open-sign-out-keep').click();
    await drawn();
    expect(rows()).toHaveLength(1);
    byId('open-sign-out-forget').click();
    await drawn();
    byId('open-sign-out-forget-confirm').click();
    await drawn();
    expect(host.last('forgetSignOut')).toEqual(['0123456789abcdef']);
    expect(has('open-sign-outs')).toBe(false);
  });

  test('that cannot be finished is gone when it was seen', async () => {
    const host = await openState('accounts-open-sign-outs');
    all('open-sign-out-page')[0]?.click();
    await drawn();
    expect(host.last('openProviderPage')).toEqual(['google']);
    all('open-sign-out-forget')[2]?.click();
    await drawn();
    expect(host.last('forgetSignOut')).toEqual(['23456789abcdef01']);
    expect(rows()).toHaveLength(2);
  });
});

describe('a locked keychain', () => {
  const locked = () => {
    const account = troubled().find(({ state }) => state === 'keychain_locked');
    if (!account) throw new Error('there is none');
    return account;
  };

  test('is unlocked where it is told', async () => {
    const host = await open({ accounts: [locked()] }, `#/accounts/${locked().id}`);
    byId('account-unlock').click();
    await drawn();
    expect(host.last('repair')).toEqual(['unlock_keychain']);
    expect(has('error')).toBe(false);
  });

  test('that stays locked says so', async () => {
    await open(
      { accounts: [locked()], answers: { repair: () => fail(errors.late) } },
      `#/accounts/${locked().id}`,
    );
    byId('account-unlock').click();
    await drawn();
    expect(has('error')).toBe(true);
  });

  test('is not offered to be unlocked where it is not locked', async () => {
    await open({ accounts: [ann()] }, '#/accounts/account-ann');
    expect(has('account-unlock')).toBe(false);
  });
});
