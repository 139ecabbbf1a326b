// How each event changes what the window knows, also when events overtake each other.
import { describe, expect, test } from 'vitest';
import { ann, attempt, errors, sandbox } from '../src/host/fake/data';
import type { AppEvent } from '../src/host';
import { nothingYet, reduce } from '../src/state/now';

const after = (...events: AppEvent[]) => events.reduce(reduce, nothingYet);

const begun: AppEvent = { event: 'attempt', attempt: attempt() };
const second: AppEvent = { event: 'attempt', attempt: attempt({ id: 'attempt-2' }) };
const failed = (id: string): AppEvent => ({
  event: 'attempt_ended',
  id,
  end: { outcome: 'failed', error: errors.refused },
});
const cancelled = (id: string): AppEvent => ({
  event: 'attempt_ended',
  id,
  end: { outcome: 'cancelled' },
});

describe('events', () => {
  test('a snapshot is everything', () => {
    const now = after({
      event: 'snapshot',
      accounts: [ann()],
      attempt: attempt(),
      providers: [sandbox],
      open_sign_outs: [],
    });
    expect(now.loaded).toBe(true);
    expect(now.accounts.map(({ id }) => id)).toEqual(['account-ann']);
    expect(now.providers).toEqual([sandbox]);
    expect(now.attempt?.id).toBe('attempt-1');
  });

  test('a failed attempt is gone and says why', () => {
    const now = after(begun, failed('attempt-1'));
    expect(now.attempt).toBeNull();
    expect(now.failure).toEqual({
      attempt: 'attempt-1',
      provider: 'sandbox',
      error: errors.refused,
    });
  });

  test('a new attempt takes the old failure away', () => {
    expect(after(begun, failed('attempt-1'), second).failure).toBeNull();
  });

  test('what still arrives about an attempt that is over is too late', () => {
    expect(after(begun, cancelled('attempt-1'), begun).attempt).toBeNull();
  });

  test('an answer that an end overtook does not bring the attempt back', () => {
    const now = after(failed('attempt-1'), begun);
    expect(now.attempt).toBeNull();
    expect(now.failure?.error).toBe(errors.refused);
  });

  test('an attempt that moved on does not go back when an older word of it comes late', () => {
    const moved: AppEvent = {
      event: 'attempt',
      attempt: attempt({ revision: 2, stage: 'waiting' }),
    };
    const late: AppEvent = {
      event: 'attempt',
      attempt: attempt({ revision: 1, stage: 'preparing' }),
    };
    const snapshot: AppEvent = {
      event: 'snapshot',
      accounts: [],
      attempt: late.attempt,
      providers: [],
      open_sign_outs: [],
    };
    expect(after(moved, late).attempt?.stage).toBe('waiting');
    expect(after(moved, snapshot).attempt?.stage).toBe('waiting');
    expect(after(late, moved).attempt?.stage).toBe('waiting');
  });

  test('the end of a replaced attempt does not end the new one', () => {
    for (const end of [cancelled('attempt-1'), failed('attempt-1')]) {
      const now = after(begun, second, end);
      expect(now.attempt?.id).toBe('attempt-2');
      expect(now.failure).toBeNull();
    }
  });

  test('a snapshot from before the end does not bring an attempt back', () => {
    const snapshot: AppEvent = {
      event: 'snapshot',
      accounts: [],
      attempt: attempt(),
      providers: [],
      open_sign_outs: [],
    };
    expect(after(begun, cancelled('attempt-1'), snapshot).attempt).toBeNull();
  });

  const notice = (code: string): AppEvent => ({
    event: 'notice',
    error: { ...errors.late, code },
  });

  test('only the last notices are kept, each with its own key', () => {
    const { notices } = after(...['a', 'b', 'c', 'd', 'e'].map(notice));
    expect(notices.map(({ key }) => key)).toEqual([3, 4, 5]);
  });

  test('the same notice is shown once', () => {
    const { notices } = after(notice('a'), notice('b'), notice('a'), notice('b'));
    expect(notices.map(({ error }) => error.code)).toEqual(['a', 'b']);
  });

  test('what strayed in during a sign-in is gone once it worked, and only then', () => {
    const strays = [
      'attempt_gone',
      'answer_not_awaited',
      'callback_duplicate_parameter',
      'store_full',
    ];
    const before = [begun, ...strays.slice(1).map(notice)];
    const codes = (end: AppEvent) => after(...before, end).notices.map(({ error }) => error.code);
    expect(codes(cancelled('attempt-1'))).toEqual(strays.slice(1));
    const signedIn: AppEvent = {
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'signed_in', account: 'account-ann', already: false },
    };
    expect(codes(signedIn)).toEqual(['store_full']);
  });

  test('an event changes nothing of what was there before', () => {
    const before = after(begun);
    const copy = structuredClone({ ...before, over: [...before.over] });
    reduce(before, failed('attempt-1'));
    expect({ ...before, over: [...before.over] }).toEqual(copy);
  });
});
