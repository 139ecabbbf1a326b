// What the window does when a sign-in it asked for ends, also when an older one gets through meanwhile.
import { expect, test, vi } from 'vitest';
import type { Answer, AttemptView } from '../src/host';
import { ann, attempt, errors } from '../src/host/fake/data';
import { FakeHost } from '../src/host/fake/fake';
import { AppState, emptyRequest } from '../src/state/app.svelte';
import { drawn } from './open';

/** The state with an attempt going on, and a second one asked for that Rust has not answered yet. */
async function replacing() {
  let answer: (answer: Answer<AttemptView>) => void;
  const host = new FakeHost({
    accounts: [ann()],
    attempt: attempt({ id: 'old' }),
    answers: { signIn: () => new Promise((resolve) => (answer = resolve)) },
  });
  const app = new AppState(host);
  const stop = app.start();
  await drawn();
  const followed = vi.fn<(account: string) => void>();
  const asked = app.signIn(emptyRequest('sandbox'), 'explorer', followed);
  await drawn();
  return {
    app,
    followed,
    stop,
    begun: async () => {
      answer({ status: 'ok', data: attempt({ id: 'new' }) });
      await asked;
    },
    signedIn: (id: string) =>
      host.emit({
        event: 'attempt_ended',
        id,
        end: { outcome: 'signed_in', account: 'account-ann', already: false },
      }),
    moved: (id: string) => host.emit({ event: 'attempt', attempt: attempt({ id }) }),
  };
}

test('what follows a sign-in follows its own end only', async () => {
  const { app, followed, stop, begun, signedIn, moved } = await replacing();
  moved('old');
  signedIn('old');
  expect(followed).not.toHaveBeenCalled();
  await begun();
  expect(app.attempt?.id).toBe('new');
  signedIn('new');
  expect(followed).toHaveBeenCalledExactlyOnceWith('account-ann');
  stop();
});

test('what follows a sign-in follows also when the end overtakes the answer', async () => {
  const { app, followed, stop, begun, signedIn, moved } = await replacing();
  moved('new');
  signedIn('new');
  await begun();
  expect(followed).toHaveBeenCalledExactlyOnceWith('account-ann');
  expect(app.attempt).toBeNull();
  stop();
});

test('a sign-in that the window did not ask for ends at the accounts', async () => {
  const host = new FakeHost({ attempt: attempt({ id: 'from before the reload' }) });
  const app = new AppState(host);
  const stop = app.start();
  await drawn();
  host.succeed(ann());
  expect(app.place.screen).toBe('accounts');
  expect(app.welcome).toBe('account-ann');
  app.go('explorer');
  expect(app.welcome).toBeNull();
  stop();
});

test('an attempt that was forgotten after a failure starts anew as its provider does', async () => {
  const host = new FakeHost({ attempt: attempt({ id: 'from before the reload' }) });
  const app = new AppState(host);
  const stop = app.start();
  await drawn();
  host.emit({
    event: 'attempt_ended',
    id: 'from before the reload',
    end: { outcome: 'failed', error: errors.refused },
  });
  await app.signInAgain('sandbox', { until_quit: true });
  expect(host.last('signIn')).toEqual([{ ...emptyRequest('sandbox'), until_quit: true }]);
  stop();
});
