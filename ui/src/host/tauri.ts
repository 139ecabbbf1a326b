// The host as the desktop shell implements it. The generated commands do the asking; here their failures, which can
// also come from Tauri itself or from a window without it, become errors that a person can read.
import { Channel } from '@tauri-apps/api/core';
import { m } from '../messages';
import { commands, type AppEvent, type ErrorView } from './bindings';
import { fault, type Answer, type Host } from './host';

const isErrorView = (value: unknown): value is ErrorView =>
  typeof value === 'object' && value !== null && 'code' in value && 'message' in value;

/** What a command that did not work threw: Rust's own error, or Tauri's plain text. */
function failure(thrown: unknown): ErrorView {
  if (isErrorView(thrown)) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return '__TAURI_INTERNALS__' in window
    ? fault('window.command', m.app.broken.message, m.app.broken.hint, detail)
    : fault('window.not_connected', m.app.lost.message, m.app.lost.hint, detail);
}

async function settled<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    const answer = await ask();
    return answer.status === 'ok' ? answer : { status: 'error', error: failure(answer.error) };
  } catch (thrown) {
    return { status: 'error', error: failure(thrown) };
  }
}

export const tauriHost: Host = {
  appInfo: () => settled(() => commands.appInfo()),
  subscribe: (listener) => settled(() => commands.subscribe(new Channel<AppEvent>(listener))),
  drawn: () => settled(() => commands.drawn()),
  signIn: (request) => settled(() => commands.signIn(request)),
  cancelSignIn: (id) => settled(() => commands.cancelSignIn(id)),
  keepAnother: (id) => settled(() => commands.keepAnother(id)),
  askAgain: (id) => settled(() => commands.askAgain(id)),
  openAgain: (id) => settled(() => commands.openAgain(id)),
  goBy: (id, route) => settled(() => commands.goBy(id, route)),
  copyLink: (id) => settled(() => commands.copyLink(id)),
  pasteCallback: (id, text) => settled(() => commands.pasteCallback(id, text)),
  accountDetail: (id) => settled(() => commands.accountDetail(id)),
  accountStorage: (id) => settled(() => commands.accountStorage(id)),
  otherStorage: () => settled(() => commands.otherStorage()),
  moveStorage: (id, untilQuit) => settled(() => commands.moveStorage(id, untilQuit)),
  browsers: () => settled(() => commands.browsers()),
  setBrowser: (id, browser) => settled(() => commands.setBrowser(id, browser)),
  signOut: (id, way) => settled(() => commands.signOut(id, way)),
  retrySignOut: (id) => settled(() => commands.retrySignOut(id)),
  forgetSignOut: (id) => settled(() => commands.forgetSignOut(id)),
  signOutInBrowser: (id) => settled(() => commands.signOutInBrowser(id)),
  catalogue: (account) => settled(() => commands.catalogue(account)),
  call: (request) => settled(() => commands.call(request)),
  checkUp: () => settled(() => commands.checkUp()),
  repair: (id) => settled(() => commands.repair(id)),
  saveProvider: (input) => settled(() => commands.saveProvider(input)),
  removeProvider: (id) => settled(() => commands.removeProvider(id)),
  openProviderPage: (of) => settled(() => commands.openProviderPage(of)),
  flows: () => settled(() => commands.flows()),
  saveReport: (flow) => settled(() => commands.saveReport(flow)),
};
