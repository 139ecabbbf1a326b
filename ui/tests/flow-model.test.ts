// What the window makes of the events of flows: steps, lanes, an end; also when events are lost or come twice.
import { describe, expect, test, vi } from 'vitest';
import type { Answer, FlowEventView } from '../src/host';
import { errors } from '../src/host/fake/data';
import { FakeHost } from '../src/host/fake/fake';
import * as fake from '../src/host/fake/flows';
import words from '../src/host/fake/words.json';
import { m } from '../src/messages';
import {
  count,
  failedStep,
  first,
  lanes,
  MOST_EVENTS,
  noneKnown,
  outcome,
  takeIn,
  type Flow,
} from '../src/state/flow';
import { Flows } from '../src/state/flows.svelte';
import { drawn } from './open';

const known = (...scripts: fake.Script[]): Flow[] => [
  ...takeIn(noneKnown, fake.history(...scripts)).flows.values(),
];
const one = (script: fake.Script): Flow => known(script)[0]!;
const ids = (flow: Flow) => flow.steps.map(({ message }) => message?.id ?? null);

test('checks and decisions belong to the message before them', () => {
  const flow = one(fake.callAgain());
  expect(ids(flow)).toEqual([
    null,
    'access_token_read',
    'api_request',
    'api_response',
    'api_request',
    'api_response',
  ]);
  expect(flow.steps.map(({ decisions }) => decisions.length)).toEqual([1, 1, 0, 1, 0, 0]);
  const checked = one(fake.signedIn()).steps.filter(({ checks }) => checks.length > 0);
  expect(checked.map(({ message }) => message?.id)).toEqual([
    'metadata_response',
    'callback',
    'token_response',
    'id_token_check',
    'userinfo_response',
  ]);
});

test('a step that a new event does not concern stays the same object', () => {
  const told = fake.history(fake.signedIn());
  const before = takeIn(noneKnown, told.slice(0, -3)).flows.get(1)!;
  const now = takeIn(noneKnown, told.slice(0, -3));
  const after = takeIn(now, told).flows.get(1)!;
  const kept = now.flows.get(1)!.steps.slice(0, -1);
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.every((step, index) => step === after.steps[index])).toBe(true);
  expect(before.steps.length).toBeLessThan(after.steps.length);
});

describe('lanes', () => {
  test.each<[string, fake.Script, string[]]>([
    ['a sign-in', fake.signedIn(), ['person', 'tessera', 'browser', 'provider', 'keychain']],
    ['a refresh', fake.refreshed(), ['tessera', 'provider', 'keychain']],
    ['a call', fake.callAgain(), ['tessera', 'api', 'keychain']],
    ['a sign-out', fake.signedOut(), ['person', 'tessera', 'provider', 'keychain']],
    ['a call that was not made', fake.refusedCall(), ['tessera']],
    ['a sign-in that came to nothing', fake.unreachable(), ['person', 'tessera', 'provider']],
  ])('%s', (_, script, expected) => expect(lanes(one(script))).toEqual(expected));

  test('are there before the first message crosses them', () => {
    const begun = one({ ...fake.signedIn(), parts: fake.signedIn().parts.slice(0, 1) });
    expect(lanes(begun)).toEqual(['person', 'tessera', 'browser', 'provider', 'keychain']);
  });
});

describe('ends', () => {
  test.each([
    ['running', fake.waitingSignIn()],
    ['done', fake.signedIn()],
    ['cancelled', fake.cancelled()],
    ['refused', fake.refusedByApi()],
    ['failed', fake.refusedToken()],
  ])('%s', (expected, script) => expect(outcome(one(script))).toBe(expected));

  test.each<[string, fake.Script, string | null | undefined]>([
    [
      'at the answer that was refused, not at the page that follows in any case',
      fake.refusedToken(),
      'id_token_check',
    ],
    ['at the request that found nobody', fake.unreachable(), 'metadata_request'],
    ['at what was decided, where nothing was sent', fake.refusedCall(), null],
    ['at the answer of an API that refused', fake.refusedByApi(), 'api_response'],
    [
      'at the provider’s no, not at the second look at what is kept',
      fake.notRenewed(),
      'error_response',
    ],
    ['at the look that found nothing', fake.nothingToRenewWith(), 'refresh_token_read'],
    ['nowhere, where it was cancelled', fake.cancelled(), undefined],
    ['nowhere, where it went well', fake.signedIn(), undefined],
  ])('it failed %s', (_, script, expected) => {
    const step = failedStep(one(script));
    expect(step === null ? undefined : (step.message?.id ?? null)).toBe(expected);
  });
});

test('what is shown first is what goes on, else the last thing that a person began', () => {
  expect(first([])).toBeNull();
  const running = { ...fake.waitingSignIn(), ago: 500 };
  expect(first(known(fake.signedIn(), running, fake.signedOut()))?.id).toBe(2);
  expect(first(known(fake.signedIn(), fake.signedOut(), fake.refreshed()))?.id).toBe(2);
  expect(first(known(fake.refreshed(), fake.refreshed()))?.id).toBe(2);
});

test('what was taken in already changes nothing', () => {
  const told = fake.history(fake.signedIn(), fake.signedOut());
  const once = takeIn(noneKnown, told);
  const twice = takeIn(once, told);
  expect([...twice.flows]).toEqual([...once.flows]);
});

test('the words are those that Rust has, each with a name of its own', () => {
  const names = [...words.messages, ...words.checks].map(({ id }) => id);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(50);
});

describe('events', () => {
  const told = fake.history(fake.signedIn());
  const seen = (flows: Flows) => flows.all[0]?.events ?? 0;

  test('that were lost on the way are asked for', async () => {
    const host = new FakeHost({ flows: told.slice(0, 9) });
    const flows = new Flows(host);
    for (const event of told.slice(0, 3)) flows.take(event);
    flows.take(told[8]!);
    await vi.waitFor(() => expect(seen(flows)).toBe(9));
    flows.take(told[9]!);
    expect(seen(flows)).toBe(10);
    expect(host.asked.map(({ command }) => command)).toEqual(['flows']);
  });

  test('that are more than Rust keeps are asked for anew: it knows which flows have to go', async () => {
    const told = fake.history(...Array.from({ length: 8 }, () => fake.device(200)));
    const host = new FakeHost({ flows: told.filter(({ flow }) => flow > 5) });
    const flows = new Flows(host);
    for (const event of told.slice(0, MOST_EVENTS)) flows.take(event);
    expect(host.asked).toEqual([]);
    expect(flows.find('1')).not.toBeNull();
    flows.take(told[MOST_EVENTS]!);
    await vi.waitFor(() => expect(flows.all.map(({ id }) => id)).toEqual([6, 7, 8]));
    expect(count(takeIn(noneKnown, told))).toBe(told.length);
    expect(host.asked.map(({ command }) => command)).toEqual(['flows']);
  });

  test('that come while what happened is read are neither lost nor taken twice', async () => {
    let answer: (answer: Answer<FlowEventView[]>) => void = () => undefined;
    const host = new FakeHost({
      answers: { flows: () => new Promise((resolve) => (answer = resolve)) },
    });
    const flows = new Flows(host);
    const loaded = flows.load();
    flows.take(told[4]!);
    flows.take(told[5]!);
    answer({ status: 'ok', data: told.slice(0, 5) });
    await loaded;
    expect(seen(flows)).toBe(6);
  });

  test('go on to be taken in when what happened before cannot be read', async () => {
    let answer: (answer: Answer<FlowEventView[]>) => void = () => undefined;
    const flows = new Flows(
      new FakeHost({ answers: { flows: () => new Promise((resolve) => (answer = resolve)) } }),
    );
    const loaded = flows.load();
    flows.take(told[4]!);
    answer({ status: 'error', error: errors.offline });
    await loaded;
    await drawn();
    expect(flows.error).toBe(errors.offline);
    flows.take(told[5]!);
    expect(seen(flows)).toBe(2);
  });
});

test('the window and a report call an end by the same words', () => {
  expect(m.flow.outcomes).toEqual(words.outcomes);
});
