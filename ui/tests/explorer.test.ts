// Calling an API: what is sent, what is shown, and the permission that was missing.
import { userEvent } from 'vitest/browser';
import { describe, expect, test, vi } from 'vitest';
import type { Answer, CallResponse } from '../src/host';
import { accounts, ann, answers, catalogue, errors } from '../src/host/fake/data';
import { fail, ok } from '../src/host/fake/fake';
import { byId, drawn, has, open, openState } from './open';

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[role="treeitem"]')];
const active = (): string =>
  document.getElementById(byId('json-tree').getAttribute('aria-activedescendant') ?? '')
    ?.textContent ?? '';

test('a known call fills in the request, and Send sends it', async () => {
  const host = await open({ accounts: accounts() }, '#/explorer/account-ann');
  byId('call-sandbox-items').click();
  await drawn();
  expect(host.last('call')).toBeUndefined();
  expect(byId('call-sandbox-items').getAttribute('aria-pressed')).toBe('true');
  expect(byId('screen-explorer').textContent).toContain('needs the permission items:read');
  byId('call-send').click();
  await drawn();
  expect(host.last('call')).toEqual([
    {
      account: 'account-ann',
      method: 'GET',
      url: 'http://127.0.0.1:46512/items?page=1',
      body: null,
    },
  ]);
  expect(byId('call-status').textContent).toContain('200');
  expect(byId('call-answer').textContent).toContain('38 ms');
  expect(byId('call-body').dataset['kind']).toBe('json');
});

test('an own call, with a body, by keyboard alone', async () => {
  const host = await open({ accounts: [ann()] }, '#/explorer');
  byId('call-method').focus();
  await userEvent.selectOptions(byId('call-method'), 'POST');
  await drawn();
  await userEvent.fill(byId('call-url'), ' http://127.0.0.1:46512/notes ');
  await userEvent.fill(byId('call-request-body'), '{"text":"hello"}');
  byId('call-url').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(host.last('call')).toEqual([
    {
      account: 'account-ann',
      method: 'POST',
      url: 'http://127.0.0.1:46512/notes',
      body: '{"text":"hello"}',
    },
  ]);
});

test('a body that is not JSON is not sent', async () => {
  const host = await openState('explorer-writing');
  expect(byId('call-request-body').getAttribute('aria-invalid')).toBe('true');
  expect(host.last('call')).toBeUndefined();
});

test('no address, no call', async () => {
  const host = await openState('explorer-no-address');
  expect(byId('call-url').getAttribute('aria-invalid')).toBe('true');
  expect(host.last('call')).toBeUndefined();
});

test('the next page is one press away', async () => {
  const host = await open({ accounts: accounts() }, '#/explorer/account-ann');
  byId('call-sandbox-items').click();
  byId('call-send').click();
  await drawn();
  byId('call-next').click();
  await drawn();
  expect(host.last('call')).toEqual([
    {
      account: 'account-ann',
      method: 'GET',
      url: 'http://127.0.0.1:46512/items?page=2',
      body: null,
    },
  ]);
  expect(has('call-next')).toBe(false);
});

test('another account has other calls, and not the answer of the first', async () => {
  const host = await open({ accounts: accounts() }, '#/explorer/account-ann');
  byId('call-sandbox-profile').click();
  byId('call-send').click();
  await drawn();
  expect(has('call-answer')).toBe(true);
  await userEvent.selectOptions(byId('call-account'), 'account-bob');
  await drawn();
  expect(host.last('catalogue')).toEqual(['account-bob']);
  expect(has('call-answer')).toBe(false);
  expect(window.location.hash).toBe('#/explorer/account-bob');
});

test('a late answer does not replace a newer one', async () => {
  const late: ((answer: Answer<CallResponse>) => void)[] = [];
  await open(
    {
      accounts: accounts(),
      answers: { call: () => new Promise((resolve) => late.push(resolve)) },
    },
    '#/explorer/account-ann',
  );
  byId('call-sandbox-profile').click();
  byId('call-send').click();
  await drawn();
  await userEvent.selectOptions(byId('call-account'), 'account-bob');
  await drawn();
  byId('call-sandbox-picture').click();
  byId('call-send').click();
  await drawn();
  late[1]?.({ status: 'ok', data: answers.image });
  await drawn();
  late[0]?.({ status: 'ok', data: answers.page });
  await drawn();
  expect(byId('call-body').dataset['kind']).toBe('image');
});

test('a refused call says why, and sent nothing', async () => {
  await openState('explorer-error');
  expect(byId('error').dataset['code']).toBe('gateway.origin_not_allowed');
  expect(has('call-answer')).toBe(false);
});

test('two known calls of one id are two calls', async () => {
  const twice = catalogue.slice(0, 2).map((entry) => ({ ...entry, id: 'api' }));
  await open({ accounts: [ann()], answers: { catalogue: () => ok(twice) } }, '#/explorer');
  const known = document.querySelectorAll<HTMLElement>('[data-testid="call-api"]');
  expect(known).toHaveLength(2);
  known[1]?.click();
  await drawn();
  expect([...known].map((one) => one.getAttribute('aria-pressed'))).toEqual(['false', 'true']);
});

test('calls that cannot be read are said', async () => {
  await open(
    { accounts: [ann()], answers: { catalogue: () => fail(errors.offline) } },
    '#/explorer',
  );
  expect(byId('error').dataset['code']).toBe('network.unreachable');
});

describe('a missing permission', () => {
  async function asked() {
    let missing = true;
    const host = await open(
      {
        accounts: [ann()],
        answers: { call: () => ok(missing ? answers.missing : answers.last) },
      },
      '#/explorer/account-ann',
    );
    byId('call-sandbox-ledger').click();
    byId('call-send').click();
    await drawn();
    missing = false;
    byId('ask-scope').click();
    await drawn();
    return host;
  }
  const calls = (host: { asked: { command: string }[] }) =>
    host.asked.filter(({ command }) => command === 'call').length;

  test('is asked for in the browser, and the call is made again', async () => {
    const host = await asked();
    expect(host.last('signIn')).toEqual([
      {
        provider: 'sandbox',
        route: null,
        until_quit: false,
        account: 'account-ann',
        choose: false,
        browser: null,
        step_up: { scopes: ['ledger:read'], acr_values: [], max_age: null },
      },
    ]);
    expect(has('screen-explorer')).toBe(true);
    expect(has('attempt-waiting')).toBe(true);
    expect(has('ask-scope')).toBe(false);
    host.succeed(ann());
    await drawn();
    expect(has('screen-explorer')).toBe(true);
    expect(calls(host)).toBe(2);
    expect(host.last('call')).toEqual([
      { account: 'account-ann', method: 'GET', url: 'http://127.0.0.1:46512/ledger', body: null },
    ]);
    expect(byId('call-status').textContent).toContain('200');
  });

  test('goes on when another way back is chosen', async () => {
    const host = await asked();
    byId('other-route-loopback').click();
    await drawn();
    // What it is for stays with Rust, which began it.
    expect(host.last('goBy')).toEqual(['attempt-1', 'loopback']);
    host.succeed(ann());
    await drawn();
    expect(calls(host)).toBe(2);
  });

  test('given by another person does not call as the first', async () => {
    const host = await asked();
    host.succeed({ ...ann(), id: 'account-bob', name: 'Bob Baker' });
    await drawn();
    expect(calls(host)).toBe(1);
    expect(byId('screen-explorer').textContent).toContain('You signed in as Bob Baker');
  });

  test('that is not given leaves the answer as it was', async () => {
    const host = await asked();
    byId('cancel-sign-in').click();
    await drawn();
    expect(calls(host)).toBe(1);
    expect(byId('call-status').textContent).toContain('403');
    expect(has('ask-scope')).toBe(true);
  });
});

describe('a sign-in that an API wants first', () => {
  const strongbox = answers.stepUp.step_up;

  async function refused(then: CallResponse) {
    let first = true;
    const host = await open(
      {
        accounts: [ann()],
        answers: {
          call: () => {
            const answer = first ? answers.stepUp : then;
            first = false;
            return ok(answer);
          },
        },
      },
      '#/explorer/account-ann',
    );
    byId('call-sandbox-profile').click();
    byId('call-send').click();
    await drawn();
    return host;
  }

  test('is asked for with the reason, and the answer appears in its place', async () => {
    const host = await refused(answers.last);
    expect(byId('step-up').textContent).toContain(strongbox?.reason ?? 'a reason');
    byId('ask-step-up').click();
    await drawn();
    expect(host.last('signIn')).toEqual([
      expect.objectContaining({
        account: 'account-ann',
        step_up: { scopes: [], acr_values: strongbox?.acr_values, max_age: null },
      }),
    ]);
    expect(has('ask-step-up')).toBe(false);
    host.succeed(ann());
    await drawn();
    expect(byId('call-status').textContent).toContain('200');
    expect(has('step-up')).toBe(false);
    expect(host.asked.filter(({ command }) => command === 'call')).toHaveLength(2);
  });

  test('is asked for once: an API that is not content then is not asked for again', async () => {
    const host = await refused(answers.stepUp);
    byId('ask-step-up').click();
    await drawn();
    host.succeed(ann());
    await drawn();
    expect(byId('step-up').textContent).toContain('still not content');
    expect(has('ask-step-up')).toBe(false);
    expect(host.asked.filter(({ command }) => command === 'call')).toHaveLength(2);
    expect(host.asked.filter(({ command }) => command === 'signIn')).toHaveLength(1);
    // A new call is a new question.
    byId('call-send').click();
    await drawn();
    expect(has('ask-step-up')).toBe(true);
  });

  test('that somebody else did leaves the answer as it was, and says why', async () => {
    const host = await refused(answers.last);
    byId('ask-step-up').click();
    await drawn();
    const error = { ...errors.offline, code: 'other_account', message: 'Another account.' };
    const id = host.attempt?.id ?? '';
    host.emit({ event: 'attempt_ended', id, end: { outcome: 'failed', error } });
    await drawn();
    expect(byId('error').dataset['code']).toBe('other_account');
    expect(byId('call-status').textContent).toContain('401');
    expect(has('ask-step-up')).toBe(true);
    expect(host.asked.filter(({ command }) => command === 'call')).toHaveLength(1);
  });
});

describe('the tree', () => {
  test('works by keyboard as a tree does', async () => {
    await openState('explorer-answer');
    byId('json-tree').focus();
    expect(active()).toContain('3 fields');
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    expect(active()).toContain('total');
    expect(byId('json-selected').textContent).toBe('9007199254740993123');
    await userEvent.keyboard('{ArrowLeft}');
    expect(active()).toContain('3 fields');
    await userEvent.keyboard('{ArrowLeft}');
    expect(rows()).toHaveLength(1);
    await userEvent.keyboard('{ArrowRight}{ArrowRight}');
    expect(active()).toContain('page');
    await userEvent.keyboard('{End}');
    expect(active()).toContain('place');
    await userEvent.keyboard('{Home}');
    expect(active()).toContain('3 fields');
  });

  test('says level, place and whether it is open', async () => {
    await openState('explorer-answer');
    const items = rows()[3];
    expect(items?.getAttribute('aria-level')).toBe('2');
    expect(items?.getAttribute('aria-posinset')).toBe('3');
    expect(items?.getAttribute('aria-setsize')).toBe('3');
    expect(items?.getAttribute('aria-expanded')).toBe('true');
    items?.click();
    await drawn();
    expect(rows()).toHaveLength(4);
    expect(rows()[3]?.getAttribute('aria-expanded')).toBe('false');
  });

  test('of a big document draws only what is in view', async () => {
    await openState('explorer-big');
    expect(rows().length).toBeLessThan(60);
    byId('json-tree').focus();
    await userEvent.keyboard('{End}');
    await vi.waitFor(() => expect(active()).toContain('49999'));
    expect(rows().length).toBeLessThan(60);
  });

  test('gives way to the text, and comes back', async () => {
    await openState('explorer-answer-text');
    expect(byId('call-body').textContent).toContain('"total": 9007199254740993123');
    byId('body-toggle').click();
    await drawn();
    expect(has('json-tree')).toBe(true);
  });
});

describe('other answers', () => {
  test('header fields and decisions are behind tabs that the arrow keys move between', async () => {
    await openState('explorer-answer');
    byId('tab-body').focus();
    await userEvent.keyboard('{ArrowRight}');
    expect(document.activeElement).toBe(byId('tab-headers'));
    expect(byId('call-headers').textContent).toContain('[masked]');
    await userEvent.keyboard('{End}');
    expect(byId('call-decisions').textContent).toContain('Your token may go to');
    await userEvent.keyboard('{ArrowRight}');
    expect(document.activeElement).toBe(byId('tab-body'));
  });

  test.each([
    ['explorer-plain', 'Only the beginning is shown'],
    ['explorer-binary', '1.2 MB of application/zip'],
    ['explorer-nothing', 'The answer has no body.'],
    ['explorer-broken', 'cannot be read as JSON'],
    ['explorer-bad-gateway', 'Bad gateway'],
  ])('%s', async (state, text) => {
    await openState(state);
    expect(byId('call-body').textContent).toContain(text);
  });

  test('a status is a number and a word', async () => {
    await openState('explorer-bad-gateway');
    expect(byId('call-status').textContent).toMatch(/502\s*The API failed/);
  });

  test('only data: pictures are drawn', async () => {
    await open(
      {
        accounts: [ann()],
        answers: {
          call: () =>
            ok({ ...answers.image, body: { kind: 'image', data_url: 'https://x.example/p.png' } }),
        },
      },
      '#/explorer',
    );
    byId('call-sandbox-picture').click();
    byId('call-send').click();
    await drawn();
    expect(byId('call-body').querySelector('img')).toBeNull();
  });
});

test('a missing permission is named in plain words, and as the provider calls it', async () => {
  await openState('explorer-missing');
  const said = byId('missing-scope').textContent;
  expect(said).toContain('See your ledger');
  expect(said).toContain('ledger:read');
});
