// What crosses between the window and Rust. Mirrors src-tauri/src/wire.rs.
//
// Nothing here has a place for a token, a code, a verifier or a client secret; tests/secrets.test.ts keeps it so.

export interface ErrorView {
  code: string;
  message: string;
  hint: string;
  detail: string | null;
}

export interface AppInfo {
  version: string;
  development: boolean;
  platform: string;
  providers_file: string;
  providers_problem: ErrorView | null;
}

export type RouteView = 'scheme' | 'loopback' | 'device';

export interface ProviderView {
  id: string;
  name: string;
  kind: string;
  issuer: string;
  ready: boolean;
  problem: ErrorView | null;
  client_id: string | null;
  routes: RouteView[];
  editable: boolean;
}

export interface ProviderInput {
  id: string;
  name: string;
  issuer: string;
  client_id: string;
  apis: string[];
}

export interface SignInRequest {
  provider: string;
  route: RouteView | null;
  until_quit: boolean;
  account: string | null;
  extra_scopes: string[];
}

export type AttemptStage = 'preparing' | 'waiting' | 'finishing';

export interface DeviceView {
  user_code: string;
  verification_uri: string;
}

export interface AttemptView {
  id: string;
  provider: string;
  provider_name: string;
  route: RouteView;
  other_routes: RouteView[];
  page: string;
  browser_opened: boolean;
  stage: AttemptStage;
  expires_at: number;
  device: DeviceView | null;
}

export type AttemptEnd =
  | { outcome: 'signed_in'; account: string }
  | { outcome: 'failed'; error: ErrorView }
  | { outcome: 'cancelled' };

export type AppEvent =
  | {
      event: 'snapshot';
      accounts: AccountView[];
      attempt: AttemptView | null;
      providers: ProviderView[];
    }
  | { event: 'attempt'; attempt: AttemptView }
  | { event: 'attempt_ended'; id: string; end: AttemptEnd }
  | { event: 'accounts'; accounts: AccountView[] }
  | { event: 'providers'; providers: ProviderView[] }
  | { event: 'notice'; error: ErrorView };

export type AccountStateView = 'signed_in' | 'refreshing' | 'offline' | 'needs_sign_in';

export interface AccountView {
  id: string;
  provider: string;
  provider_name: string;
  kind: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | null;
  picture: string | null;
  state: AccountStateView;
  reason: string | null;
  signed_in_at: number;
  until_quit: boolean;
}

export interface AccountDetail {
  account: AccountView;
  claims: ClaimView[];
  permissions: PermissionView[];
  checks: CheckView[];
  storage: string;
  access_expires_at: number | null;
}

export interface ClaimView {
  name: string;
  value: string;
}

export interface PermissionView {
  scope: string;
  meaning: string;
  granted: boolean;
}

export interface CheckView {
  id: string;
  title: string;
  section: string;
  outcome: string;
  expected: string | null;
  seen: string | null;
}

export interface ReceiptView {
  name: string;
  provider_name: string;
  lines: ReceiptLine[];
  provider_page: string | null;
}

export interface ReceiptLine {
  what: string;
  outcome: string;
  sentence: string;
}

export interface CatalogueEntry {
  id: string;
  title: string;
  method: string;
  url: string;
  scope: string | null;
}

export interface CallRequest {
  account: string;
  method: string;
  url: string;
  body: string | null;
}

export interface CallResponse {
  status: number;
  milliseconds: number;
  headers: [string, string][];
  body: BodyView;
  next: string | null;
  decisions: string[];
  missing_scope: string | null;
}

export type BodyView =
  | { kind: 'empty' }
  | { kind: 'json'; text: string }
  | { kind: 'text'; text: string; truncated: boolean }
  | { kind: 'image'; data_url: string }
  | { kind: 'binary'; media_type: string; bytes: number };
