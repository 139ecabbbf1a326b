// Every state of every screen, by name: shown by the demo (`?state=NAME`), drawn by `npm run test:screens`, and checked
// for accessibility and secrets by the tests. A new state belongs here.
import type { Host } from '../host';
import type { AppEvent, AttemptView, CallResponse, ErrorView, FlowEventView } from '../bindings';
import * as data from './data';
import { fail, never, ok, type World } from './fake';
import * as flows from './flows';

export interface Scenario {
  /** The fragment at the start. */
  at: string;
  world: World;
  /** Told after the first event. */
  then?: AppEvent[];
  /** What a person presses (by test id) or types, in order. */
  steps?: Step[];
  /** How long the window waits before it offers another route. */
  patience?: number;
}

export type Step =
  { press: string } | { type: string; into: string } | { choose: string; in: string };

const press = (...ids: string[]): Step[] => ids.map((id) => ({ press: id }));

const waiting = (
  change: Partial<AttemptView> = {},
  more: Partial<Scenario> = {},
  answers: Partial<Host> = {},
): Scenario => ({
  at: '#/sign-in',
  world: { attempt: data.attempt(change), answers },
  ...more,
});

const failed = (error: ErrorView, steps: Step[] = [], told: FlowEventView[] = []): Scenario => ({
  at: '#/sign-in',
  world: { attempt: data.attempt(), flows: told },
  then: [{ event: 'attempt_ended', id: 'attempt-1', end: { outcome: 'failed', error } }],
  steps,
});

const called = (response: CallResponse, steps: Step[] = []): Scenario => ({
  at: '#/explorer/account-ann',
  world: { accounts: data.accounts(), answers: { call: () => ok(response) } },
  steps: [...press('call-sandbox-items', 'call-send'), ...steps],
});

const opened = (id: string, answers: Partial<Host> = {}, steps: Step[] = []): Scenario => ({
  at: `#/accounts/${id}`,
  world: { accounts: data.accounts(), answers },
  steps,
});

const flow = (
  told: FlowEventView[],
  item: number | null = null,
  steps: Step[] = [],
  answers: Partial<Host> = {},
): Scenario => ({
  at: item === null ? '#/flow' : `#/flow/${String(item)}`,
  world: { accounts: data.accounts(), flows: told, answers },
  steps,
});

const several = () =>
  flows.history(
    flows.cancelled(),
    flows.signedIn(),
    flows.callAgain(),
    flows.refreshed(),
    flows.refusedToken(),
    flows.unreachable(),
    flows.refusedCall(),
    flows.signedOut(),
  );

export const scenarios: Record<string, Scenario> = {
  'sign-in': { at: '#/sign-in', world: {} },
  'sign-in-until-quit': { at: '#/sign-in', world: {}, steps: press('until-quit-choice') },
  'sign-in-loading': { at: '#/sign-in', world: { silent: true } },
  'sign-in-organisation': {
    at: '#/sign-in',
    world: {},
    steps: press('provider-organisation', 'provider-more'),
  },
  'sign-in-organisation-empty': {
    at: '#/sign-in',
    world: {},
    steps: press('provider-organisation', 'provider-save'),
  },
  'sign-in-organisation-refused': {
    at: '#/sign-in',
    world: { answers: { saveProvider: () => fail(data.errors.discovery) } },
    steps: [
      ...press('provider-organisation'),
      { type: 'https://login.acme.example/', into: 'issuer-input' },
      { type: 'tessera', into: 'client-id-input' },
      ...press('provider-save'),
    ],
  },
  'sign-in-disconnected': {
    at: '#/sign-in',
    world: {
      silent: true,
      answers: {
        subscribe: () =>
          fail({
            code: 'window.not_connected',
            message: 'This window is not connected to Tessera.',
            hint: 'Close the window and open the app again.',
            detail: null,
          }),
      },
    },
  },
  'sign-in-notice': {
    at: '#/sign-in',
    world: {},
    then: [{ event: 'notice', error: data.errors.late }],
  },

  'attempt-preparing': waiting({ stage: 'preparing' }),
  'attempt-waiting': waiting(),
  'attempt-offer': waiting({}, { patience: 0 }),
  'attempt-offer-paste': waiting({ route: 'loopback', other_routes: ['device'] }, { patience: 0 }),
  'attempt-paste': waiting({}, { steps: press('paste-address') }),
  'attempt-paste-empty': waiting({}, { steps: press('paste-address', 'paste-submit') }),
  'attempt-browser': waiting({
    browser: { name: 'Chrome', profile: 'Work', missing: false },
  }),
  'attempt-browser-missing': waiting({
    browser: { name: 'Chrome', profile: 'Work', missing: true },
  }),
  'attempt-no-browser': waiting({ browser_opened: false }),
  'attempt-device': waiting({
    route: 'device',
    other_routes: ['scheme', 'loopback'],
    page: 'http://127.0.0.1:46511/device',
    device: { user_code: 'WDJB-MJHT', verification_uri: 'http://127.0.0.1:46511/device' },
  }),
  'attempt-finishing': waiting({ stage: 'finishing' }),
  'attempt-another': waiting({ stage: 'another_person', another: data.another }),
  'attempt-another-here': waiting({
    stage: 'another_person',
    another: { ...data.another, is_here: true },
  }),
  'attempt-another-refused': waiting(
    { stage: 'another_person', another: data.another },
    { steps: press('keep-another') },
    { keepAnother: () => fail(data.errors.late) },
  ),
  'attempt-another-elsewhere': {
    at: '#/settings',
    world: { attempt: data.attempt({ stage: 'another_person', another: data.another }) },
  },
  'attempt-elsewhere': {
    at: '#/settings',
    world: { attempt: data.attempt() },
  },
  'attempt-refused': failed(data.errors.refused),
  'attempt-refused-details': failed(data.errors.refused, press('error-details')),
  'attempt-failed': failed(data.errors.audience, [], flows.history(flows.refusedToken())),
  'attempt-keychain-missing': failed(data.errors.keychainMissing),

  accounts: { at: '#/accounts', world: { accounts: data.accounts() } },
  'accounts-loading': { at: '#/accounts', world: { silent: true } },
  'accounts-empty': { at: '#/accounts', world: {} },
  'accounts-many': { at: '#/accounts', world: { accounts: data.crowd(40) } },
  'accounts-troubled': { at: '#/accounts', world: { accounts: data.troubled() } },
  'accounts-open-sign-outs': {
    at: '#/accounts',
    world: { accounts: data.accounts().slice(0, 2), openSignOuts: data.openSignOuts() },
  },
  'accounts-open-sign-outs-alone': {
    at: '#/accounts',
    world: { openSignOuts: data.openSignOuts().slice(0, 1) },
  },
  'accounts-open-sign-outs-forget': {
    at: '#/accounts',
    world: { accounts: data.accounts(), openSignOuts: data.openSignOuts().slice(0, 1) },
    steps: press('open-sign-out-forget'),
  },
  'accounts-open-sign-outs-failed': {
    at: '#/accounts',
    world: {
      openSignOuts: data.openSignOuts().slice(0, 1),
      answers: { retrySignOut: () => fail(data.errors.busy) },
    },
    steps: press('open-sign-out-retry'),
  },
  'account-open-locked': {
    at: '#/accounts/account-bob',
    world: { accounts: data.troubled() },
  },
  'account-open-unavailable': {
    at: '#/accounts/account-ann',
    world: { accounts: data.troubled() },
  },
  'accounts-welcome': {
    at: '#/sign-in',
    world: { accounts: data.accounts(), attempt: data.attempt() },
    then: [
      {
        event: 'attempt_ended',
        id: 'attempt-1',
        end: { outcome: 'signed_in', account: 'account-ann', already: false },
      },
    ],
  },
  'accounts-already': {
    at: '#/sign-in',
    world: { accounts: data.accounts(), attempt: data.attempt() },
    then: [
      {
        event: 'attempt_ended',
        id: 'attempt-1',
        end: { outcome: 'signed_in', account: 'account-ann', already: true },
      },
    ],
  },
  'account-open': opened('account-ann'),
  'account-open-until-quit': opened('account-bob'),
  'account-open-offline': opened('account-ann-google'),
  'account-open-needs-sign-in': opened('account-acme', {
    accountDetail: () => ok(data.failedChecks(data.accounts()[3] ?? data.ann())),
  }),
  'account-open-loading': opened('account-ann', { accountDetail: () => never() }),
  'account-open-failed': opened('account-ann', { accountDetail: () => fail(data.errors.late) }),
  'account-gone': opened('account-nobody'),
  'account-sign-out': opened('account-ann', {}, press('sign-out')),
  'account-sign-out-ways': opened(
    'account-ann',
    {
      accountDetail: () =>
        ok({ ...data.detail(data.ann()), can_sign_out_everywhere: true, can_report_leak: true }),
    },
    press('sign-out'),
  ),
  'account-receipt-open': opened(
    'account-ann',
    { signOut: () => ok(data.openReceipt) },
    press('sign-out', 'sign-out-confirm'),
  ),
  'account-receipt': opened('account-ann', {}, press('sign-out', 'sign-out-confirm')),
  'account-receipt-browser': opened(
    'account-ann',
    {},
    press('sign-out', 'sign-out-confirm', 'receipt-browser'),
  ),

  explorer: { at: '#/explorer', world: { accounts: data.accounts() } },
  'explorer-empty': { at: '#/explorer', world: {} },
  'explorer-picked': {
    at: '#/explorer',
    world: { accounts: data.accounts() },
    steps: press('call-sandbox-ledger'),
  },
  'explorer-writing': {
    at: '#/explorer',
    world: { accounts: data.accounts() },
    steps: [
      { choose: 'POST', in: 'call-method' },
      { type: '{"half":', into: 'call-request-body' },
      ...press('call-send'),
    ],
  },
  'explorer-busy': {
    at: '#/explorer',
    world: { accounts: data.accounts(), answers: { call: () => never() } },
    steps: press('call-sandbox-profile', 'call-send'),
  },
  'explorer-answer': called(data.answers.page),
  'explorer-answer-text': called(data.answers.page, press('body-toggle')),
  'explorer-headers': called(data.answers.page, press('tab-headers')),
  'explorer-decisions': called(data.answers.page, press('tab-decisions')),
  'explorer-big': called(data.answers.big),
  'explorer-plain': called(data.answers.text),
  'explorer-image': called(data.answers.image),
  'explorer-binary': called(data.answers.binary),
  'explorer-nothing': called(data.answers.empty),
  'explorer-broken': called(data.answers.broken),
  'explorer-bad-gateway': called(data.answers.failed),
  'explorer-missing': called(data.answers.missing),
  'explorer-step-up': called(data.answers.stepUp),
  'explorer-asking': called(data.answers.missing, press('ask-scope')),
  'explorer-error': {
    at: '#/explorer/account-ann',
    world: { accounts: data.accounts(), answers: { call: () => fail(data.errors.policy) } },
    steps: [{ type: 'https://elsewhere.example/', into: 'call-url' }, ...press('call-send')],
  },
  'explorer-no-address': {
    at: '#/explorer/account-ann',
    world: { accounts: data.accounts() },
    steps: press('call-send'),
  },
  'explorer-needs-sign-in': { at: '#/explorer/account-acme', world: { accounts: data.accounts() } },

  flow: flow(several(), 2),
  'flow-loading': { at: '#/flow', world: { silent: true } },
  'flow-empty': { at: '#/flow', world: {} },
  'flow-open': flow(several(), 2, press('flow-step-token_request')),
  'flow-checks': flow(several(), 2, press('flow-step-id_token_check')),
  'flow-cancelled': flow(several(), 1),
  'flow-call': flow(several(), 3, press('flow-step-decision')),
  'flow-refresh': flow(several(), 4),
  'flow-failed': flow(several(), 5),
  'flow-failed-elsewhere': flow(several(), 5, press('flow-step-callback')),
  'flow-unreachable': flow(several(), 6),
  'flow-refused-call': flow(several(), 7),
  'flow-refused-by-api': flow(flows.history(flows.refusedByApi())),
  'flow-sign-out': flow(several(), 8),
  'flow-sign-out-later': flow(flows.history(flows.signedOutLater())),
  'flow-running': {
    ...flow(flows.history(flows.waitingSignIn())),
    world: { attempt: data.attempt(), flows: flows.history(flows.waitingSignIn()) },
  },
  'flow-device': flow(flows.history(flows.device(60))),
  'flow-long': flow(flows.history(flows.longValues()), null, press('flow-step-token_request')),
  'flow-replay': flow(several(), 2, press('replay', 'replay-next', 'replay-next')),
  'flow-saved': flow(several(), 2, press('save-report')),
  'flow-not-saved': flow(several(), 2, press('save-report'), {
    saveReport: () => fail(data.errors.noReport),
  }),
  'flow-unread': {
    at: '#/flow',
    world: { answers: { flows: () => fail(data.errors.late) } },
  },

  settings: { at: '#/settings', world: { accounts: data.accounts() } },
  'settings-storage': {
    at: '#/settings',
    world: { accounts: data.accounts(), openSignOuts: data.openSignOuts() },
  },
  'settings-client-id': { at: '#/settings/github', world: {} },
  'settings-add': { at: '#/settings', world: {}, steps: press('provider-add') },
  'settings-change': { at: '#/settings', world: {}, steps: press('provider-set-acme') },
  'settings-remove': { at: '#/settings', world: {}, steps: press('provider-remove-acme') },
  'settings-check-up': {
    at: '#/settings',
    world: { accounts: data.accounts() },
    steps: press('check-up-look'),
  },
  'settings-check-up-troubled': {
    at: '#/settings',
    world: { accounts: data.accounts(), troubled: true },
    steps: press('check-up-look'),
  },
  'settings-check-up-looking': {
    at: '#/settings',
    world: { answers: { checkUp: () => never() } },
    steps: press('check-up-look'),
  },
  'settings-check-up-failed': {
    at: '#/settings',
    world: { answers: { checkUp: () => fail(data.errors.checking) } },
    steps: press('check-up-look'),
  },
  'settings-file-problem': {
    at: '#/settings',
    world: {
      answers: { appInfo: () => ok({ ...data.info, providers_problem: data.errors.badFile }) },
    },
  },
};
