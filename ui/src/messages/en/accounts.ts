// The words about accounts: what they are, what is kept of them, and how signing out went.
import type { AccountStateView } from '../../host';

const accountStates: Record<AccountStateView, string> = {
  signed_in: 'Signed in',
  refreshing: 'Refreshing',
  offline: 'Offline',
  provider_unavailable: 'Provider unavailable',
  keychain_locked: 'Keychain locked',
  keychain_unavailable: 'Keychain unavailable',
  needs_sign_in: 'Needs sign-in',
};

export const accounts = {
  title: 'Accounts',
  lead: 'Everyone you are signed in as. Tokens stay where only Tessera can reach them.',
  count: (n: number, text: string) => (n === 1 ? 'One account' : `${text} accounts`),
  empty: {
    title: 'No accounts yet',
    text: 'Sign in once with your browser. The account then stays here, also after you close Tessera.',
    action: 'Sign in',
  },
  filter: 'Find an account',
  more: 'Show more',
  filterEmpty: 'No account matches.',
  states: accountStates,
  open: (name: string, provider: string) => `Open ${name}, ${provider}`,
  untilQuit: 'Until you quit',
  picture: (name: string) => `Picture of ${name}`,
  signedInAt: (when: string) => `Signed in ${when}`,
  justNow: 'just now',
  since: (when: string) => `It began ${when}.`,
  forecast: (why: string, when: string) => {
    switch (why) {
      case 'until_quit':
        return 'You will need to sign in again when Tessera is opened the next time.';
      case 'testing_limit':
        return `You will need to sign in again by ${when}: Google ends sign-ins of apps in testing after seven days.`;
      case 'not_renewable':
        return `You will need to sign in again by ${when}: the provider gave nothing to renew this sign-in with.`;
      default:
        return `You will need to sign in again by ${when}, unless the provider extends it before.`;
    }
  },
  triesAgain: (time: string) => `Tessera tries again at ${time}.`,
  nextTry: (time: string) => `The provider wants to be left alone until ${time}.`,
  back: 'All accounts',
  gone: {
    title: 'This account is not here any more',
    text: 'It was signed out, or it never was on this computer.',
  },
  again: 'Sign in again',
  unlock: 'Unlock the keychain',
  call: 'Call an API',
  add: 'Add an account',
  another: 'Add another account with',
  anotherWith: (provider: string) => `Add another account with ${provider}`,
  identity: 'Who you are',
  identityLead: (provider: string) => `What ${provider} said about you.`,
  /** What a person calls what a provider said of them. Anything else keeps the provider's own name for it. */
  claims: {
    name: 'Name',
    given_name: 'First name',
    middle_name: 'Middle name',
    family_name: 'Family name',
    nickname: 'Nickname',
    preferred_username: 'User name',
    login: 'User name',
    email: 'E-mail',
    phone_number: 'Telephone',
    picture: 'Picture',
  },
  provider: 'Provider’s address',
  providerTerm: 'issuer',
  number: 'Your id there',
  numberTerm: 'subject',
  moreClaims: 'What else the provider said',
  permissions: 'What Tessera may do',
  noPermissions: 'No permission beside knowing who you are.',
  granted: 'Allowed',
  notGranted: 'Asked for, not allowed',
  apis: 'Where its token may go',
  apisLead: 'Tessera sends this account’s token to these addresses and to no other.',
  checks: 'How the last sign-in was checked',
  checksPassed: (n: number, text: string) =>
    n === 1 ? 'One check passed.' : `${text} checks passed.`,
  checksFailed: (n: number, text: string) =>
    n === 1 ? 'One check did not pass.' : `${text} checks did not pass.`,
  checksIdle: (n: number, text: string) =>
    n === 1 ? 'One does not apply.' : `${text} do not apply.`,
  noChecks: 'Nothing was written down about this sign-in.',
  outcomes: {
    passed: 'Passed',
    failed: 'Failed',
    not_applicable: 'Does not apply',
    not_reached: 'Not reached',
  },
  expected: 'Expected',
  seen: 'Seen',
  storage: 'Where the secret is kept',
  kept: {
    what: {
      refresh_token: 'What keeps you signed in',
      access_token: 'Current access',
      dpop_key: 'Key that your tokens are bound to',
      client_secret: 'The app’s own secret',
      id_token: 'Proof of who you are',
      account: 'The account itself',
      open_sign_out: 'A sign-out that is not finished',
      attempt: 'The sign-in that is under way',
      keychain_mark: 'Mark of this keychain',
      probe: 'Trial',
      leftover: 'Left over',
      unknown: 'Not known here',
    },
    in: (place: string) => `in ${place}`,
    nothing: 'Nothing is kept of this account now.',
    toMemory: 'Keep in memory until Tessera quits',
    toKeychain: 'Move to the keychain',
  },
  accessUntil: (when: string) =>
    `The access that Tessera holds now ends ${when}; it is renewed by itself where the provider lets it.`,
  accessEnded:
    'The access that Tessera held has ended; the next call gets a new one where the provider lets it.',
  signOut: 'Sign out',
  confirm: {
    title: (name: string) => `Sign out ${name}?`,
    text: (provider: string) =>
      `Tessera deletes what it keeps for this account and tells ${provider} to end its access. You stay signed in to ${provider} in your browser.`,
    yes: 'Sign out',
    no: 'Stay signed in',
    ways: {
      legend: 'How far should it go?',
      here: {
        title: 'This computer',
        text: (provider: string) => `Ends what Tessera holds here, and tells ${provider}.`,
      },
      everywhere: {
        title: 'Every device',
        text: (provider: string) =>
          `Ends all that you allowed Tessera at ${provider}, on your other devices too.`,
      },
      leaked: {
        title: 'Somebody else saw my token',
        text: (provider: string) => `${provider} ends it at once and writes to you about it.`,
      },
    },
  },
  open_sign_outs: {
    title: 'Not finished signing out',
    lead: 'You are signed out here. These providers could not be told yet.',
    waiting: 'Not finished',
    over: 'Could not be finished',
    since: (when: string) => `Signed out ${when}`,
    again: (at: string | null) =>
      at === null
        ? 'Tessera tries again when it starts and when a network comes.'
        : `Tessera tries again by itself, at ${at} or when a network comes.`,
    mayStay: (provider: string) => `Tessera’s access may stay good at ${provider}.`,
    try: 'Try now',
    tryLabel: (name: string) => `Try now to finish signing out ${name}`,
    forget: 'Forget it',
    seen: 'I have seen it',
    retried: {
      done: (provider: string, name: string) =>
        `Signing out of ${provider} as ${name} is finished.`,
      open: (provider: string, name: string) =>
        `Signing out of ${provider} as ${name} is still not finished.`,
      over: (provider: string, name: string) =>
        `Signing out of ${provider} as ${name} could not be finished.`,
    },
    confirm: {
      title: (name: string) => `Forget about signing out ${name}?`,
      text: (provider: string) =>
        `Tessera deletes what it keeps to finish this, and does not try again. ${provider} may still hold what you allowed; you can end it on its own page.`,
      yes: 'Forget it',
      no: 'Keep trying',
    },
  },
  receipt: {
    title: (name: string) => `${name} is signed out`,
    lead: (provider: string) => `What was done here and at ${provider}:`,
    what: {
      refresh_token_revoked: 'Staying signed in',
      access_token_revoked: 'Current access',
      everywhere_revoked: 'Every device',
      leaked_tokens_revoked: 'The token that leaked',
      secrets_deleted: 'Tokens on this computer',
      account_removed: 'The account in Tessera',
      browser_session: 'Your browser',
    },
    outcomes: {
      done: 'Done',
      open: 'Not finished',
      failed: 'Failed',
      not_possible: 'Not possible',
      offered: 'Up to you',
    },
    browser: {
      action: 'Sign out in the browser too',
      again: 'Open the page again',
      waiting: {
        title: 'Your browser opens',
        text: (provider: string) =>
          `Finish it on ${provider}’s page. Some providers do not send your browser back; that is fine, you can go on here.`,
      },
      returned: {
        title: 'Your browser came back',
        text: (provider: string) =>
          `${provider} sent it back, as it does when it has ended your session there.`,
      },
      not_returned: {
        title: 'Your browser did not come back',
        text: (provider: string) =>
          `Look on ${provider}’s site whether you are signed out there. Here you are.`,
      },
    },
    page: (provider: string) => `Open ${provider}’s page about this`,
    close: 'Done',
  },
};
