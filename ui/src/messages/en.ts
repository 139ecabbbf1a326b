// Every word that the window itself says, in English. Sentences about an account, a check, an error or a call come
// from Rust. A second language is a file like this one of type `Messages`: a missing entry is a type error.
import type { AccountStateView, AttemptStage, FlowKindView, PartyView, RouteView } from '../host';

const routes: Record<RouteView, { name: string; offer: string; why: string }> = {
  scheme: {
    name: 'Use the app link',
    offer: 'Use the app link',
    why: 'Your browser asks to open Tessera at the end. Say yes.',
  },
  loopback: {
    name: 'Use a local address',
    offer: 'Use a local address',
    why: 'Your browser can answer to an address on this computer instead, which needs no app link.',
  },
  device: {
    name: 'Use a code on another device',
    offer: 'Use a code instead',
    why: 'You can type a short code on a page instead, on any phone or computer.',
  },
};

const stages: Record<
  Exclude<AttemptStage, 'another_person'>,
  { title: (provider: string) => string; step: string }
> = {
  preparing: { title: (provider) => `Asking ${provider} where to sign in`, step: 'Prepare' },
  waiting: { title: () => 'Go on in your browser', step: 'Your browser' },
  finishing: { title: () => 'Checking the answer', step: 'Check' },
};

const accountStates: Record<AccountStateView, string> = {
  signed_in: 'Signed in',
  refreshing: 'Refreshing',
  offline: 'Offline',
  provider_unavailable: 'Provider unavailable',
  keychain_locked: 'Keychain locked',
  keychain_unavailable: 'Keychain unavailable',
  needs_sign_in: 'Needs sign-in',
};

/** What a flow is called, with its provider's name where that is known. */
const flowNames: Record<FlowKindView, (provider: string | null) => string> = {
  sign_in: (provider) => (provider === null ? 'Sign-in' : `Sign-in with ${provider}`),
  refresh: (provider) => (provider === null ? 'Fresh token' : `Fresh token from ${provider}`),
  call: (provider) => (provider === null ? 'API call' : `API call with ${provider}`),
  sign_out: (provider) => (provider === null ? 'Sign-out' : `Sign-out from ${provider}`),
};

const parties: Record<PartyView, string> = {
  person: 'You',
  tessera: 'Tessera',
  browser: 'Browser',
  provider: 'Provider',
  api: 'API',
  keychain: 'Keychain',
};

const en = {
  app: {
    name: 'Tessera',
    skip: 'Skip to the content',
    menu: 'Screens',
    loading: 'Loading',
    development: 'Development build',
    dismiss: 'Dismiss',
    lost: {
      message: 'This window is not connected to Tessera.',
      hint: 'Close the window and open the app again.',
    },
    broken: {
      message: 'Tessera did not answer as expected.',
      hint: 'Try again. If it happens once more, close the app and open it again.',
    },
  },

  nav: {
    'sign-in': 'Sign in',
    accounts: 'Accounts',
    explorer: 'Explorer',
    flow: 'Flow',
    settings: 'Settings',
  },

  signIn: {
    title: 'Sign in',
    lead: 'Your own browser opens, and you sign in there. Tessera never sees your password.',
    providers: 'Where is your account?',
    notReady: 'Set it up in Settings',
    trying: 'For trying things out',
    organisation: {
      name: 'Your organisation',
      what: 'Any provider, by its address',
      title: 'Sign in with your organisation',
      lead: 'Your organisation’s IT people can tell you both. Tessera remembers them for next time.',
      issuer: 'Issuer address',
      issuerEmpty: 'Type the address of your provider.',
      clientIdEmpty: 'Type the client id.',
      more: 'More',
      issuerHint: 'It starts with https:// and is exactly as your provider writes it.',
      issuerExample: 'https://login.example.com',
      clientId: 'Client id',
      clientIdHint: 'The public name under which your provider knows Tessera.',
      apis: 'APIs that may be called',
      apisHint:
        'One address a line, such as https://api.example.com. Tessera asks you about each. The issuer’s own is always allowed.',
      apisChangeHint:
        'One address a line. Tessera asks you about a new one; once you allow it, it counts at once.',
      name_: 'Name to show',
      nameHint: 'Leave it empty to use the address.',
      optional: 'optional',
      go: 'Save and sign in',
    },
  },

  attempt: {
    label: (provider: string) => `Signing in with ${provider}`,
    routes,
    stages,
    progress: 'Progress',
    stepDone: 'done',
    stepNow: 'now',
    stepNext: 'to come',
    lookFor: 'Look for this page in your browser:',
    comesBack: 'When you are done there, this window comes forward by itself.',
    notOpened: 'No browser could be started.',
    notOpenedHint: 'Copy the link and open it in a browser yourself.',
    finishing: 'The answer is here. It takes a moment to fetch and check the rest.',
    preparing: 'Your browser opens in a moment.',
    keychain: 'If your keychain asks you something, look for its window.',
    copyLink: 'Copy link',
    linkCopied: 'Link copied',
    openAgain: 'Open again',
    openedAgain: 'Opened again',
    openHere: 'Open the page here',
    cancel: 'Cancel',
    until: (time: string) => `Waits until ${time}.`,
    otherWays: 'Does nothing come back?',
    nothingYet: 'Nothing came back yet',
    pageError:
      'Does the page show an error about the client or the redirect address? Then the provider does not know the client id that is set here, or not this way back.',
    checkClientId: 'Check the client id',
    offerRoute: (why: string) => `That can happen: some browsers do not pass the answer on. ${why}`,
    offerPaste:
      'If your browser already shows a finished or an error page, its address holds the answer.',
    paste: {
      open: 'Paste the address',
      label: 'Address of the page your browser shows at the end',
      hint: 'Copy the whole address, even if the page shows an error.',
      submit: 'Use it',
      close: 'Close',
      empty: 'Paste the address first.',
    },
    device: {
      title: 'Type this code on any device',
      page: 'On the page',
      code: 'Code',
      copyCode: 'Copy code',
      codeCopied: 'Code copied',
      wait: 'When you have typed it and agreed, Tessera goes on by itself.',
    },
    another: {
      title: (came: string, expected: string) => `You chose ${came}, but this was for ${expected}`,
      chose: 'You chose',
      wasFor: 'This was for',
      nothingYet: 'Nothing is kept yet. You decide:',
      keep: (came: string) => `Add ${came}`,
      keepWhy: (expected: string) =>
        `It becomes an account of its own. ${expected} stays as it is.`,
      renew: (came: string) => `Renew ${came}`,
      renewWhy: (expected: string) =>
        `This account is here already, and is signed in anew. ${expected} stays as it is.`,
      again: 'Choose again',
      againWhy: (expected: string) =>
        `Your browser opens once more, so that you can choose ${expected}.`,
      cancelWhy: 'If you cancel, what came is forgotten and nothing is changed.',
      asks: (provider: string) => `Signing in with ${provider}: Tessera asks you something`,
    },
    failed: (provider: string) => `You were not signed in with ${provider}`,
    tryAgain: 'Try again',
    opensIn: (browser: string, profile: string | null) =>
      profile === null
        ? `It is open in ${browser}.`
        : `It is open in ${browser}, with the profile “${profile}”.`,
    browserMissing: (browser: string, profile: string | null) =>
      profile === null
        ? `${browser} is not on this computer any more: the page is in your default browser.`
        : `${browser} with the profile “${profile}” is not on this computer any more: the page is in your default browser.`,
    untilQuit: 'Keep me signed in until I quit',
    onlyUntilQuit: 'Keep me signed in only until I quit',
    untilQuitHint:
      'Nothing goes into the keychain: what keeps you signed in stays in Tessera’s memory, and is gone when you quit.',
    seeWhat: 'See what happens',
    seeWhere: 'See where it failed',
    goingOn: (provider: string) => `Signing in with ${provider}`,
    show: 'Show',
    say: {
      preparing: (provider: string) => `Signing in with ${provider}.`,
      waiting: (page: string) => `Go on in your browser, on the page ${page}.`,
      device: (code: string, page: string) => `Type the code ${code} on ${page}.`,
      finishing: 'The answer is here. Checking.',
      signedIn: (name: string | null) => (name === null ? 'Signed in.' : `Signed in as ${name}.`),
      already: (name: string) => `You are already signed in as ${name}; that was renewed.`,
      failed: (message: string) => `Sign-in failed. ${message}`,
      cancelled: 'Sign-in cancelled.',
    },
  },

  browser: {
    title: 'Browser',
    lead: 'Where Tessera opens pages for this account.',
    label: 'Open the page in',
    system: 'Your default browser',
    profile: (browser: string, profile: string) => `${browser} – ${profile}`,
    gone: (id: string) => `${id} (not on this computer)`,
  },

  accounts: {
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
        account: 'Who you are',
        open_sign_out: 'A sign-out that is not finished',
        attempt: 'The sign-in that is under way',
        keychain_mark: 'Mark of this keychain',
        probe: 'Trial',
        leftover: 'Left over',
        unknown: 'Not known here',
      },
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
  },

  explorer: {
    title: 'Explorer',
    lead: 'Call an API as one of your accounts. Tessera adds the token; you never handle it.',
    empty: {
      title: 'No account to call with',
      text: 'Sign in first. Then pick a call here and see what comes back.',
      action: 'Sign in',
    },
    account: 'Account',
    known: 'Known calls',
    noKnown: 'No calls are known for this provider. Type an address below.',
    needs: (scope: string) => `needs ${scope}`,
    needsPermission: (scope: string) => `This call needs the permission ${scope}.`,
    request: 'Request',
    method: 'Method',
    address: 'Address',
    addressExample: 'https://',
    body: 'Body (JSON)',
    bodyBroken: (why: string) => `This is not JSON: ${why}`,
    addressMissing: 'Type an address, or pick a known call.',
    send: 'Send',
    sending: 'Waiting for the answer',
    sendingHint: 'The account’s token is added on the way out.',
    answer: 'Answer',
    idle: {
      title: 'Nothing called yet',
      text: 'Pick a known call, or type an address and press Send.',
    },
    status: 'Status',
    time: 'Time',
    size: 'Size',
    tabs: { body: 'Body', headers: 'Headers', decisions: 'Decisions' },
    decisionsLead: 'What Tessera decided before and after it sent this, in order.',
    decisionsNone: 'Nothing had to be decided.',
    headersNone: 'The answer had no header fields.',
    emptyBody: 'The answer has no body.',
    truncated: 'Only the beginning is shown: the answer is long.',
    binary: (type: string, size: string) => `${size} of ${type}, which cannot be shown here.`,
    image: 'The picture that the API sent',
    next: 'Next page',
    copy: 'Copy',
    copied: 'Copied',
    missing: {
      title: 'This call needs a permission you have not given',
      text: 'You can give it in your browser. The call is then made again by itself.',
      ask: 'Ask for it',
      other: (name: string) =>
        `You signed in as ${name}, which is another account. The call was not made again.`,
    },
    stepUp: {
      title: 'This call needs another sign-in',
      text: 'You sign in again in your browser, as the same account. The call is then made again by itself.',
      ask: 'Sign in again for this',
    },
    stillWanted:
      'You have just signed in for this call, and the API is still not content. Ask whoever runs it.',
    tree: {
      label: 'The answer as a tree',
      root: 'Answer',
      items: (n: number, text: string) => (n === 1 ? '1 item' : `${text} items`),
      keys: (n: number, text: string) => (n === 1 ? '1 field' : `${text} fields`),
      path: 'Path',
      value: 'Value',
      asText: 'Text',
      asTree: 'Tree',
      expandAll: 'Open all',
      collapseAll: 'Close all',
      broken: 'This calls itself JSON but cannot be read as JSON.',
      selected: 'Selected value',
    },
    statusClass: {
      good: 'Worked',
      redirect: 'Points elsewhere',
      refused: 'Refused',
      failed: 'The API failed',
    },
  },

  flow: {
    title: 'Flow',
    lead: 'What happens when you sign in, call an API or sign out: every message between those who take part, and why. Of a secret you see only how long it is.',
    empty: {
      title: 'Nothing has happened yet',
      text: 'Sign in, call an API or sign out. Each message is drawn here while it is sent.',
      action: 'Sign in',
    },
    unread: 'What happened before could not be read.',
    list: 'What happened last',
    names: flowNames,
    parties,
    outcomes: {
      running: 'Going on',
      done: 'Done',
      cancelled: 'Cancelled',
      refused: 'Refused by the API',
      failed: 'Failed',
    },
    as: (name: string) => `as ${name}`,
    took: (text: string) => `took ${text}`,
    messages: (n: number, text: string) => (n === 1 ? 'one message' : `${text} messages`),
    steps: 'Messages, in order',
    time: 'Seconds',
    seconds: ' seconds',
    keys: 'Go along the messages with the arrow keys; open one with Enter.',
    idle: 'Select a message to see what was in it, what was checked, and why it exists.',
    fromTo: (from: string, to: string) => `${from} to ${to}:`,
    alone: (party: string) => `${party}:`,
    decides: 'Tessera decides',
    unseen: 'Tessera does not see this',
    failedHere: 'It failed here',
    goingOn: 'Waiting for the next message',
    ends: {
      done: (text: string) => `Done after ${text}`,
      cancelled: (text: string) => `Cancelled after ${text}`,
      refused: (text: string) => `Refused by the API after ${text}`,
      failed: (text: string) => `Failed after ${text}`,
    },
    checks: (n: number, text: string) => (n === 1 ? 'one check passed' : `${text} checks passed`),
    checkFailed: 'a check did not pass',
    why: 'Why this step exists',
    ownRule: 'Tessera’s own rule',
    sent: 'What was sent',
    received: 'What was received',
    content: 'What was in it',
    nothing: 'Nothing but the message itself.',
    hidden: (n: number, text: string) =>
      n === 1 ? 'one character, not shown' : `${text} characters, not shown`,
    checked: 'What was checked',
    decided: 'What Tessera decided',
    at: (time: string) => `At ${time}`,
    showFailed: 'Show the step that failed',
    replay: {
      start: 'Replay',
      controls: 'Replay',
      play: 'Play',
      pause: 'Pause',
      next: 'Next',
      previous: 'Previous',
      stop: 'End replay',
      position: (index: string, count: string) => `Step ${index} of ${count}`,
    },
    report: {
      save: 'Save report',
      saved: 'The report is saved',
      savedText:
        'Both files say the same. No secret is in them, so you can show them to somebody who helps.',
      json: 'For programs',
      markdown: 'For people',
    },
  },

  settings: {
    title: 'Settings',
    providers: 'Providers',
    providersLead:
      'A provider knows Tessera by a client id, which is public. You get one where you register an app with the provider.',
    ready: 'Ready',
    notReady: 'Not ready',
    clientId: 'Client id',
    noClientId: 'None yet',
    setClientId: 'Set client id',
    change: 'Change',
    changeOf: (name: string) => `Change ${name}`,
    save: 'Save',
    cancel: 'Cancel',
    remove: 'Remove',
    removeOf: (name: string) => `Remove ${name}`,
    confirmRemove: {
      title: (name: string) => `Remove ${name}?`,
      text: 'You can add it again later with its address and client id.',
      yes: 'Remove',
      no: 'Keep',
    },
    add: 'Add a provider',
    saved: (name: string) => `${name} is saved.`,
    removed: (name: string) => `${name} is removed.`,
    clientIdEmpty: 'Type the client id first.',
    file: 'The file behind this',
    fileLead:
      'What you set above is written into providers.toml. What has no field here goes into it with any editor: client secrets, which never pass through this window, ports and permissions. Tessera reads it when it starts.',
    fileWhere: 'It is here:',
    fileFirst:
      'The first provider that you add above makes the file. You can also begin it yourself, with one such part for each provider:',
    fileExample: [
      '[[provider]]',
      'id = "acme"',
      'name = "Acme"',
      'issuer = "https://login.acme.example"',
      'client_id = "what the provider gave you"',
    ].join('\n'),
    fileBuiltIn:
      'For Google and GitHub, the id is google or github, and name and issuer are left out. How a client secret is written, and every other setting, is in docs/providers.md.',
    copyPath: 'Copy path',
    pathCopied: 'Path copied',
    secrets: 'Where secrets are',
    secretsLead:
      'Tokens are kept by the Rust half of Tessera in your system’s keychain. This window never has one, and no file holds one.',
    keychains: {
      linux: 'On Linux that is the Secret Service: GNOME Keyring, KWallet or KeePassXC.',
      macos: 'On macOS that is your login keychain.',
      windows: 'On Windows that is the Credential Manager.',
    },
    kept: (n: number, text: string) =>
      n === 1 ? 'One account is in the keychain.' : `${text} accounts are in the keychain.`,
    keptNone: 'No account is in the keychain now.',
    keptWhere: 'Each account’s page lists what is kept of it.',
    beside: 'What else is kept',
    untilQuit: (n: number, text: string) =>
      n === 1
        ? 'One account is kept only until you quit.'
        : `${text} accounts are kept only until you quit.`,
    appearance: 'Appearance',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    about: 'About',
    version: 'Version',
    platform: 'System',
    platforms: { linux: 'Linux', macos: 'macOS', windows: 'Windows' },
    licence: 'Licence',
    licenceValue: 'Apache-2.0 or MIT, as you like',
  },

  checkUp: {
    title: 'Check-up',
    lead: 'Tries what a sign-in needs, before any browser opens: in less than two seconds, and without a page or a password.',
    look: 'Look now',
    again: 'Look again',
    good: 'Everything a sign-in needs works.',
    bad: (n: number, text: string) =>
      n === 1 ? 'One thing needs your attention.' : `${text} things need your attention.`,
    detail: 'What the system said',
    commandCopied: 'Command copied',
    standings: { ok: 'Works', tolerated: 'Worth knowing', failed: 'Does not work' },
    checks: {
      data_folder: 'Tessera’s own folder',
      providers: 'Where you can sign in',
      session_bus: 'Your desktop',
      keychain: 'Keychain',
      loopback: 'Back from the browser, by a local address',
      browser: 'Browser',
      scheme: 'Back from the browser, by the app link',
      single_instance: 'One Tessera at a time',
      provider: 'Provider',
      clock: 'This computer’s clock',
      providers_left: 'Other providers',
    },
    /** What whoever helps calls it, where that is another word. */
    terms: {
      providers: 'providers.toml',
      session_bus: 'session bus, Secret Service',
      loopback: 'loopback redirect',
      scheme: 'private-use URI scheme',
      single_instance: 'single instance',
      provider: 'discovery, TLS, proxy',
    },
  },

  error: {
    details: 'Details',
    code: 'Code',
    copyReport: 'Copy report',
    reportCopied: 'Report copied',
    report: 'Report without secrets',
  },

  copy: {
    done: 'Copied',
    failed: 'Could not copy. Select the text and copy it yourself.',
  },
};

export default en;
