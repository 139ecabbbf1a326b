// People and providers that do not exist, for tests and for the demo.
import type {
  AccountDetail,
  AccountView,
  AnotherPersonView,
  AppInfo,
  AttemptView,
  BrowserView,
  ProviderView,
  SignInRequest,
} from '../bindings';
import { errors } from './errors';

/** What the scripted host takes for the present, in seconds since 1970. */
export const now = (): number => Date.now() / 1000;

export const info: AppInfo = {
  version: '0.1.0',
  development: true,
  platform: 'linux',
  providers_file: '/home/ann/.local/share/app.tessera.desktop/providers.toml',
  providers_problem: null,
};

export const google: ProviderView = {
  id: 'google',
  name: 'Google',
  kind: 'google',
  issuer: 'https://accounts.google.com',
  ready: true,
  problem: null,
  client_id: '1029384756-abcdefgh.apps.googleusercontent.com',
  routes: ['loopback', 'device'],
  apis: [],
  editable: false,
};

export const github: ProviderView = {
  id: 'github',
  name: 'GitHub',
  kind: 'github',
  issuer: 'https://github.com',
  ready: false,
  problem: errors.noClientId,
  client_id: null,
  routes: ['scheme', 'device'],
  apis: [],
  editable: false,
};

export const acme: ProviderView = {
  id: 'acme',
  name: 'Acme',
  kind: 'oidc',
  issuer: 'https://login.acme.example',
  ready: true,
  problem: null,
  client_id: 'tessera-desktop',
  routes: ['scheme', 'loopback'],
  apis: ['https://api.acme.example'],
  editable: true,
};

export const sandbox: ProviderView = {
  id: 'sandbox',
  name: 'Sandbox',
  kind: 'sandbox',
  issuer: 'http://127.0.0.1:46511',
  ready: true,
  problem: null,
  client_id: 'tessera-desktop',
  routes: ['scheme', 'loopback', 'device'],
  apis: [],
  editable: false,
};

export const providers = [google, github, acme, sandbox];

// A picture of one tile, drawn here.
export const picture = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="#d9b48f"/><circle cx="32" cy="25" r="12" fill="#7a4a2b"/><path d="M8 64c2-18 12-25 24-25s22 7 24 25z" fill="#35506b"/></svg>',
)}`;

export const ann = (): AccountView => ({
  id: 'account-ann',
  provider: 'sandbox',
  provider_name: 'Sandbox',
  kind: 'sandbox',
  issuer: sandbox.issuer,
  subject: 'ann-5d0f',
  name: 'Ann Archer',
  email: 'ann@example.test',
  picture: null,
  state: 'signed_in',
  reason: null,
  need: null,
  since: null,
  next_try_at: null,
  next_try_named: false,
  signed_in_at: now() - 7_300,
  until_quit: false,
  forecast: null,
});

export const accounts = (): AccountView[] => [
  ann(),
  {
    ...ann(),
    id: 'account-bob',
    subject: 'bob-77aa',
    name: 'Bob Baker',
    email: 'bob@example.test',
    state: 'refreshing',
    reason: null,
    until_quit: true,
    forecast: { at: null, why: 'until_quit', notice_from: null },
    signed_in_at: now() - 90,
  },
  {
    ...ann(),
    id: 'account-ann-google',
    provider: 'google',
    provider_name: 'Google',
    kind: 'google',
    issuer: google.issuer,
    subject: '110169484474386276334',
    email: 'ann.archer@gmail.example',
    picture,
    state: 'offline',
    reason: 'Google cannot be reached right now. Nothing is lost; Tessera tries again by itself.',
    since: now() - 1_500,
    signed_in_at: now() - 530_000,
    forecast: {
      at: now() - 530_000 + 604_800,
      why: 'testing_limit',
      notice_from: now() - 530_000 + 518_400,
    },
  },
  {
    ...ann(),
    id: 'account-acme',
    provider: 'acme',
    provider_name: 'Acme',
    kind: 'oidc',
    issuer: acme.issuer,
    subject: '00u1a2b3c4',
    name: 'Annabel Archer-Featherstonehaugh',
    email: null,
    state: 'needs_sign_in',
    reason: 'Your password at Acme was changed, which ends sign-ins that were made before.',
    need: 'password_changed',
    signed_in_at: now() - 3_000_000,
  },
];

/** The states in which something outside is in the way. */
export const troubled = (): AccountView[] => [
  {
    ...ann(),
    state: 'provider_unavailable',
    reason: 'You could not go on: the provider answered with status 503.',
    since: now() - 700,
    next_try_at: now() + 900,
    next_try_named: true,
  },
  {
    ...ann(),
    id: 'account-bob',
    subject: 'bob-77aa',
    name: 'Bob Baker',
    email: 'bob@example.test',
    state: 'keychain_locked',
    reason: 'Your keychain is locked, so nothing could be read or kept.',
  },
  {
    ...ann(),
    id: 'account-cleo',
    subject: 'cleo-31bc',
    name: 'Cleo Carver',
    email: 'cleo@example.test',
    state: 'keychain_unavailable',
    reason: 'Your keychain did not do what was asked.',
  },
];

export const crowd = (count: number): AccountView[] =>
  Array.from({ length: count }, (_, index) => ({
    ...ann(),
    id: `account-${String(index)}`,
    subject: `person-${String(index)}`,
    name: `Person ${String(index + 1)}`,
    email: `person${String(index + 1)}@example.test`,
  }));

export const detail = (account: AccountView): AccountDetail => ({
  account,
  claims: [
    { name: 'aud', value: 'tessera-desktop' },
    { name: 'auth_time', value: '1763900000' },
    { name: 'email', value: account.email ?? 'not given' },
    { name: 'email_verified', value: 'true' },
    { name: 'exp', value: '1763903600' },
    { name: 'family_name', value: 'Archer' },
    { name: 'given_name', value: 'Ann' },
    { name: 'iat', value: '1763900000' },
    { name: 'iss', value: account.issuer },
    { name: 'locale', value: 'en-GB' },
    { name: 'name', value: account.name },
    { name: 'sub', value: account.subject },
  ],
  permissions: [
    { scope: 'openid', meaning: 'Know who you are', granted: true },
    { scope: 'profile', meaning: 'See your name and picture', granted: true },
    { scope: 'email', meaning: 'See your e-mail address', granted: true },
    { scope: 'offline_access', meaning: 'Keep you signed in', granted: true },
    { scope: 'ledger:read', meaning: 'Read the ledger', granted: false },
  ],
  checks: [
    {
      id: 'callback.state',
      title: 'The answer belongs to this sign-in',
      section: 'RFC 6749 10.12',
      outcome: 'passed',
      expected: null,
      seen: null,
    },
    {
      id: 'callback.iss',
      title: 'The answer comes from the provider that was asked',
      section: 'RFC 9207 2.4',
      outcome: 'passed',
      expected: account.issuer,
      seen: account.issuer,
    },
    {
      id: 'id_token.signature',
      title: 'The provider signed it and nobody changed it',
      section: 'OpenID Connect Core 3.1.3.7 (6)',
      outcome: 'passed',
      expected: null,
      seen: 'ES256, key 2026-11',
    },
    {
      id: 'id_token.iss',
      title: 'It was issued by the provider that was asked',
      section: 'OpenID Connect Core 3.1.3.7 (2)',
      outcome: 'passed',
      expected: account.issuer,
      seen: account.issuer,
    },
    {
      id: 'id_token.aud',
      title: 'It was issued for this app and for no other',
      section: 'OpenID Connect Core 3.1.3.7 (3)',
      outcome: 'passed',
      expected: 'tessera-desktop',
      seen: 'tessera-desktop',
    },
    {
      id: 'id_token.azp',
      title: 'This app is the one that it was handed to',
      section: 'OpenID Connect Core 3.1.3.7 (5)',
      outcome: 'not_applicable',
      expected: null,
      seen: null,
    },
    {
      id: 'id_token.exp',
      title: 'It has not expired',
      section: 'OpenID Connect Core 3.1.3.7 (9)',
      outcome: 'passed',
      expected: 'later than 1763900010',
      seen: '1763903600',
    },
    {
      id: 'id_token.nonce',
      title: 'It answers this sign-in and no earlier one',
      section: 'OpenID Connect Core 3.1.3.7 (11)',
      outcome: 'passed',
      expected: null,
      seen: null,
    },
    {
      id: 'id_token.at_hash',
      title: 'The access token belongs to it',
      section: 'OpenID Connect Core 3.1.3.8',
      outcome: 'passed',
      expected: null,
      seen: null,
    },
    {
      id: 'userinfo.sub',
      title: "The profile is the signed-in person's own",
      section: 'OpenID Connect Core 5.3.2',
      outcome: 'passed',
      expected: account.subject,
      seen: account.subject,
    },
  ],
  apis:
    account.provider === 'acme'
      ? [account.issuer, 'https://api.acme.example']
      : [account.issuer, 'http://127.0.0.1:46512'],
  storage: account.until_quit
    ? 'In the memory of this app only.'
    : 'In the GNOME keyring, under the name “Tessera”.',
  access_expires_at: now() + 1_500,
  browser: null,
  can_sign_out_everywhere: account.kind === 'google',
  can_report_leak: account.kind === 'github',
});

export const browsers: BrowserView[] = [
  {
    id: 'chrome',
    name: 'Chrome',
    profiles: [
      { id: 'chrome:Default', name: 'Ann' },
      { id: 'chrome:Profile 1', name: 'Work' },
    ],
  },
  { id: 'firefox', name: 'Firefox', profiles: [{ id: 'firefox:default', name: 'default' }] },
];

export const failedChecks = (account: AccountView): AccountDetail => {
  const whole = detail(account);
  return {
    ...whole,
    checks: whole.checks.map((check, index) => {
      if (check.id === 'id_token.aud') return { ...check, outcome: 'failed', seen: 'another-app' };
      return index > 4 ? { ...check, outcome: 'not_reached', expected: null, seen: null } : check;
    }),
  };
};

export const request = (provider: string): SignInRequest => ({
  provider,
  route: null,
  until_quit: false,
  account: null,
  choose: false,
  step_up: null,
  browser: null,
});

export const attempt = (change: Partial<AttemptView> = {}): AttemptView => ({
  id: 'attempt-1',
  revision: 1,
  provider: 'sandbox',
  provider_name: 'Sandbox',
  route: 'scheme',
  other_routes: ['loopback', 'device'],
  page: 'http://127.0.0.1:46511/authorize',
  browser_opened: true,
  stage: 'waiting',
  expires_at: now() + 600,
  device: null,
  browser: null,
  another: null,
  ...change,
});

/** Bob came, and Ann was expected. */
export const another: AnotherPersonView = {
  expected: { name: 'Ann Archer', email: 'ann@example.test' },
  came: { name: 'Bob Baker', email: 'bob@example.test' },
  is_here: false,
};
