// What is kept of accounts that never were, and how signing them out went, for tests and for the demo.
import type { AccountView, KeptView, OpenSignOutView, ReceiptView } from '../bindings';
import { now } from './people';

export const kept = (account: AccountView): KeptView[] => {
  const place = account.until_quit
    ? { place: 'memory', place_name: 'Tessera’s memory' }
    : { place: 'keychain', place_name: 'the GNOME keyring' };
  const of = null;
  return [
    {
      what: 'refresh_token',
      of,
      bytes: 1_214,
      why: 'Keeps you signed in: new access is had with it.',
      ...place,
    },
    {
      what: 'access_token',
      of,
      bytes: 982,
      why: 'Calls APIs for you, and is kept so that the next start needs no new one.',
      ...place,
    },
    {
      what: 'id_token',
      of,
      bytes: 1_046,
      why: 'Tells the provider whose session it is when you sign out in the browser.',
      ...place,
    },
    {
      what: 'account',
      of,
      bytes: 388,
      why: 'No secret: who you are and what you allowed, so that the account comes back if Tessera’s list of accounts is damaged.',
      ...place,
    },
  ];
};

/** What is kept beside the accounts: of each sign-out that is not finished, and what marks the keychain. */
export const beside = (open: OpenSignOutView[]): KeptView[] => {
  const place = { place: 'keychain', place_name: 'the GNOME keyring' };
  return [
    ...open
      .filter(({ over }) => !over)
      .map((one) => ({
        what: 'open_sign_out',
        of: `${one.name}, ${one.provider_name}`,
        bytes: 1_380,
        why: 'Ends Tessera’s access at the provider as soon as that can be reached, and is used for nothing else.',
        ...place,
      })),
    {
      what: 'keychain_mark',
      of: null,
      bytes: 32,
      why: 'No secret: a made-up name of this keychain, so that another one is not taken for it.',
      ...place,
    },
  ];
};

export const receipt: ReceiptView = {
  account: 'account-ann',
  name: 'Ann Archer',
  provider_name: 'Sandbox',
  provider_page: 'https://myaccount.example/connections',
  browser: true,
  lines: [
    {
      what: 'secrets_deleted',
      outcome: 'done',
      sentence: 'It was deleted from the GNOME keyring.',
    },
    {
      what: 'refresh_token_revoked',
      outcome: 'done',
      sentence: 'Sandbox was told to end it, and confirmed.',
    },
    {
      what: 'account_removed',
      outcome: 'done',
      sentence: 'What Tessera knew about this account was deleted.',
    },
    {
      what: 'browser_session',
      outcome: 'offered',
      sentence:
        'Your browser may still be signed in with Sandbox. You can have it signed out there too.',
    },
  ],
};

/** A sign-out that could not reach the provider. */
export const openReceipt: ReceiptView = {
  ...receipt,
  lines: receipt.lines.map((line) =>
    line.what === 'refresh_token_revoked'
      ? {
          ...line,
          outcome: 'open',
          sentence:
            'The permission to stay signed in could not be revoked at Sandbox yet. You cannot reach 127.0.0.1:46511 from here right now. Tessera tries again until it is done.',
        }
      : line,
  ),
};

/** One that is tried again, one that waits for its provider, and one that cannot be finished. */
export const openSignOuts = (): OpenSignOutView[] => [
  {
    id: '0123456789abcdef',
    provider: 'sandbox',
    provider_name: 'Sandbox',
    kind: 'sandbox',
    name: 'Cleo Carter',
    since: now() - 7_200,
    over: false,
    reason: 'You cannot reach 127.0.0.1:46511 from here right now.',
    next_try_at: now() + 600,
    page: false,
  },
  {
    id: '123456789abcdef0',
    provider: 'work-github',
    provider_name: 'GitHub at Acme',
    kind: 'github',
    name: 'Dora Diaz',
    since: now() - 90_000,
    over: false,
    reason: 'There is no provider called `work-github` here.',
    next_try_at: null,
    page: false,
  },
  {
    id: '23456789abcdef01',
    provider: 'google',
    provider_name: 'Google',
    kind: 'google',
    name: 'Ed Eriksen',
    since: now() - 400_000,
    over: true,
    reason: 'You are signed out here, but the provider did not end this app’s access on its side.',
    next_try_at: null,
    page: true,
  },
];
