// The host as the desktop shell implements it: each method is one command, by name.
import { Channel, invoke } from '@tauri-apps/api/core';
import { m } from '../messages';
import { fault, type Answer, type Host } from './host';
import type { AppEvent, ErrorView } from './types';

const isErrorView = (value: unknown): value is ErrorView =>
  typeof value === 'object' && value !== null && 'code' in value && 'message' in value;

/** What a command that did not work threw, as an error for a person: Tauri itself rejects with plain text. */
function failure(thrown: unknown): ErrorView {
  if (isErrorView(thrown)) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return '__TAURI_INTERNALS__' in window
    ? fault('window.command', m.app.broken.message, m.app.broken.hint, detail)
    : fault('window.not_connected', m.app.lost.message, m.app.lost.hint, detail);
}

async function command<T>(name: string, args?: Record<string, unknown>): Promise<Answer<T>> {
  try {
    return { status: 'ok', data: await invoke<T>(name, args) };
  } catch (thrown) {
    return { status: 'error', error: failure(thrown) };
  }
}

export const tauriHost: Host = {
  appInfo: () => command('app_info'),
  subscribe: (listener) => {
    let channel: Channel<AppEvent>;
    try {
      channel = new Channel<AppEvent>(listener);
    } catch (thrown) {
      return Promise.resolve({ status: 'error', error: failure(thrown) });
    }
    return command('subscribe', { channel });
  },
  signIn: (request) => command('sign_in', { request }),
  cancelSignIn: (id) => command('cancel_sign_in', { id }),
  openAgain: (id) => command('open_again', { id }),
  copyLink: (id) => command('copy_link', { id }),
  pasteCallback: (id, text) => command('paste_callback', { id, text }),
  accountDetail: (id) => command('account_detail', { id }),
  signOut: (id) => command('sign_out', { id }),
  catalogue: (account) => command('catalogue', { account }),
  call: (request) => command('call', { request }),
  saveProvider: (input) => command('save_provider', { input }),
  removeProvider: (id) => command('remove_provider', { id }),
  openProviderPage: (of) => command('open_provider_page', { of }),
};
