// Every word that the window itself says, in English. Sentences about an account, a check, an error or a call come
// from Rust. A second language is a file like this one of type `Messages`: a missing entry is a type error.
import type { AttemptStage, FlowKindView, PartyView, RouteView } from '../host';
import { accounts } from './en/accounts';
import { checkUp, settings } from './en/settings';

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

  accounts,

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

  settings,

  checkUp,

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
