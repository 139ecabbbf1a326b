// The real host: each method is its command with its arguments, and whatever goes wrong becomes an error to read.
import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, expect, test } from 'vitest';
import { tauriHost, type AppEvent, type Host } from '../src/host';
import { errors } from '../src/host/fake/data';

afterEach(() => {
  clearMocks();
  delete (window as { __TAURI_INTERNALS__?: unknown }).__TAURI_INTERNALS__;
});

const request = {
  provider: 'sandbox',
  route: null,
  until_quit: false,
  account: null,
  choose: false,
  step_up: null,
  browser: null,
};
const call = { account: 'a', method: 'GET', url: 'https://api.example', body: null };
const input = { id: '', name: '', issuer: 'https://id.example', client_id: 'x', apis: [] };

test.each<[keyof Host, unknown[], string, unknown]>([
  ['appInfo', [], 'app_info', {}],
  ['drawn', [], 'drawn', {}],
  ['signIn', [request], 'sign_in', { request }],
  ['cancelSignIn', ['1'], 'cancel_sign_in', { id: '1' }],
  ['keepAnother', ['1'], 'keep_another', { id: '1' }],
  ['askAgain', ['1'], 'ask_again', { id: '1' }],
  ['openAgain', ['1'], 'open_again', { id: '1' }],
  ['goBy', ['1', 'loopback'], 'go_by', { id: '1', route: 'loopback' }],
  ['copyLink', ['1'], 'copy_link', { id: '1' }],
  ['pasteCallback', ['1', 'text'], 'paste_callback', { id: '1', text: 'text' }],
  ['accountDetail', ['a'], 'account_detail', { id: 'a' }],
  ['signOut', ['a', 'leaked'], 'sign_out', { id: 'a', way: 'leaked' }],
  ['retrySignOut', ['s'], 'retry_sign_out', { id: 's' }],
  ['forgetSignOut', ['s'], 'forget_sign_out', { id: 's' }],
  ['catalogue', ['a'], 'catalogue', { account: 'a' }],
  ['call', [call], 'call', { request: call }],
  ['saveProvider', [input], 'save_provider', { input }],
  ['removeProvider', ['acme'], 'remove_provider', { id: 'acme' }],
  ['openProviderPage', ['a'], 'open_provider_page', { of: 'a' }],
  ['flows', [], 'flows', {}],
  ['saveReport', [12], 'save_report', { flow: 12 }],
])('%s', async (method, given, command, args) => {
  const asked: unknown[] = [];
  mockIPC((name, payload) => {
    asked.push([name, payload ?? {}]);
    return 'done';
  });
  const ask = tauriHost[method] as (...given: unknown[]) => Promise<unknown>;
  expect(await ask(...given)).toEqual({ status: 'ok', data: 'done' });
  expect(asked).toEqual([[command, args]]);
});

test('events come through the channel, in order', async () => {
  const heard: AppEvent[] = [];
  mockIPC((name, payload) => {
    expect(name).toBe('subscribe');
    const { channel } = payload as { channel: { onmessage: (event: AppEvent) => void } };
    channel.onmessage({ event: 'accounts', accounts: [] });
    channel.onmessage({ event: 'notice', error: errors.late });
    return null;
  });
  await tauriHost.subscribe((event) => heard.push(event));
  expect(heard.map(({ event }) => event)).toEqual(['accounts', 'notice']);
});

test('what Rust refuses is its own error', async () => {
  mockIPC(() => {
    // Tauri rejects with what the command returned, which is no `Error`.
    throw errors.refused;
  });
  expect(await tauriHost.signOut('a', 'here')).toEqual({ status: 'error', error: errors.refused });
});

test('what Tauri refuses becomes an error with a code', async () => {
  mockIPC(() => {
    throw 'Command sign_out not allowed by ACL';
  });
  const answer = await tauriHost.signOut('a', 'here');
  expect(answer).toMatchObject({
    status: 'error',
    error: { code: 'window.command', detail: 'Command sign_out not allowed by ACL' },
  });
});

test('a window without Tauri says that it is not connected', async () => {
  expect(await tauriHost.appInfo()).toMatchObject({
    status: 'error',
    error: { code: 'window.not_connected' },
  });
  expect(await tauriHost.subscribe(() => undefined)).toMatchObject({
    status: 'error',
    error: { code: 'window.not_connected' },
  });
});
