// The Flow screen: a list of steps in order, what each holds, and how it follows what happens.
import { userEvent } from 'vitest/browser';
import { describe, expect, test } from 'vitest';
import type { FlowEventView } from '../src/host';
import { ann, attempt, errors } from '../src/host/fake/data';
import { fail, type FakeHost } from '../src/host/fake/fake';
import * as fake from '../src/host/fake/flows';
import { byId, drawn, has, open, openState, said } from './open';

const items = (): HTMLElement[] => [...byId('sequence').querySelectorAll<HTMLElement>('ol > li')];
const plain = (element: Element | null) => (element?.textContent ?? '').replace(/\s+/g, ' ').trim();
const heads = (): string[] => items().map((item) => plain(item.querySelector('button')));
const step = (name: string): HTMLElement => byId(`flow-step-${name}`);
const isOpen = (name: string) => step(name).getAttribute('aria-expanded') === 'true';
const lit = (): string[] =>
  [...document.querySelectorAll('[data-testid="sequence"] [aria-current="step"]')].map(
    (element) => element.getAttribute('data-testid') ?? '',
  );

async function tell(host: FakeHost, events: FlowEventView[]) {
  for (const event of events) host.emit({ event: 'flow', step: event });
  await drawn();
}

/** A sign-in whose person is in the browser, on the screen; and what comes when they are back. */
async function waiting() {
  const told = fake.history(fake.waitingSignIn());
  const host = await open({ attempt: attempt(), flows: told }, '#/flow');
  return { host, coming: fake.next(told, fake.comingBack()) };
}

test('the steps are a list in order: when, from whom to whom, what, and what was checked', async () => {
  await openState('flow');
  const list = byId('sequence').querySelector('ol');
  expect(list?.getAttribute('aria-label')).toBe('Messages, in order');
  expect(heads()).toEqual([
    '0.000 seconds You to Tessera: You ask to sign in',
    '0.002 seconds Tessera to Provider: How does one sign in with you?',
    '0.023 seconds Provider to Tessera: The provider describes itself 200 4 (4 checks passed)',
    '0.033 seconds Tessera to Keychain: The unfinished sign-in is kept',
    '0.037 seconds Tessera to Browser: You are sent to the provider',
    '0.038 seconds You to Provider: You sign in and agree',
    '8.438 seconds Browser to Tessera: The answer comes back 4 (4 checks passed)',
    '8.445 seconds Tessera to Provider: Tessera redeems what it holds',
    '8.482 seconds Provider to Tessera: The provider gives tokens 200 1 (one check passed)',
    '8.486 seconds Tessera to Provider: Which keys do you sign with?',
    "8.500 seconds Provider to Tessera: The provider's public keys 200",
    '8.501 seconds Tessera: Tessera checks who signed in 13 (13 checks passed)',
    '8.507 seconds Tessera to Provider: Who is this?',
    '8.519 seconds Provider to Tessera: Your profile 200 1 (one check passed)',
    '8.531 seconds Tessera to Keychain: Tokens are put where they are kept',
  ]);
  expect(plain(byId('flow'))).toContain('14 messages');
  expect(byId('flow-outcome').dataset['outcome']).toBe('done');
  expect(plain(byId('flow-end'))).toBe('Done after 8.5 s');
});

test('the drawing says nothing that the list does not', async () => {
  await openState('flow');
  const sequence = byId('sequence');
  for (const drawing of sequence.querySelectorAll('svg')) {
    expect(drawing.closest('[aria-hidden="true"]')).not.toBeNull();
  }
  const lanes = [...sequence.querySelectorAll('[data-lane]')].map((lane) => lane.textContent);
  expect(lanes).toEqual(['You', 'Tessera', 'Browser', 'Provider', 'Keychain']);
});

test('arrows begin and end in the lanes of those who take part', async () => {
  await openState('flow');
  const middles = new Map(
    [...byId('sequence').querySelectorAll<HTMLElement>('[data-lane]')].map((lane) => {
      const { left, width } = lane.getBoundingClientRect();
      return [lane.textContent, left + width / 2];
    }),
  );
  const isBetween = (name: string, from: string, to: string) => {
    const { left, right } = step(name).querySelector('line')!.getBoundingClientRect();
    const away = [left - (middles.get(from) ?? NaN), right - (middles.get(to) ?? NaN)];
    // A pixel each way for the rounding of what is laid out.
    expect(away.every((pixels) => Math.abs(pixels) <= 1)).toBe(true);
  };
  isBetween('token_request', 'Tessera', 'Provider');
  isBetween('callback', 'Tessera', 'Browser');
  isBetween('tokens_stored', 'Tessera', 'Keychain');
});

describe('a message', () => {
  test('opens to why it exists, where that is written, and what was sent', async () => {
    await openState('flow');
    step('token_request').click();
    await drawn();
    const detail = plain(byId('flow-detail'));
    expect(detail).toContain('it is exchanged for tokens');
    expect(detail).toContain('RFC 6749 4.1.3 and 6, RFC 7636 4.5');
    expect(detail).toContain('What was sent');
    expect(detail).toContain('grant_type authorization_code');
    expect(step('token_request').getAttribute('aria-controls')).toBe(
      byId('flow-detail').parentElement?.id,
    );
    step('token_request').click();
    await drawn();
    expect(has('flow-detail')).toBe(false);
    expect(isOpen('token_request')).toBe(false);
  });

  test('is read right after its own line', async () => {
    await openState('flow-open');
    const item = step('token_request').closest('li');
    expect(item?.contains(byId('flow-detail'))).toBe(true);
  });

  test('shows every check with what was expected and seen', async () => {
    await openState('flow-failed');
    const check = byId('check-id_token.aud');
    expect(check.dataset['outcome']).toBe('failed');
    expect(plain(check)).toContain('Expected tessera-desktop');
    expect(plain(check)).toContain('Seen another-app');
    expect(plain(check)).toContain('OpenID Connect Core 3.1.3.7 (3)');
  });

  test('that Tessera does not see says so, and shows nothing', async () => {
    await openState('flow');
    step('sign_in_pages').click();
    await drawn();
    expect(plain(byId('flow-detail'))).toContain('Tessera does not see this');
    expect(byId('flow-detail').querySelector('dl')).toBeNull();
  });

  test('before which something was decided shows that', async () => {
    await openState('flow-call');
    expect(plain(byId('flow-detail'))).toContain('Your token may go to http://127.0.0.1:46512');
  });
});

describe('a secret', () => {
  const masked = () =>
    [...document.querySelectorAll<HTMLElement>('[data-testid="masked"]')].map((value) => [
      plain(value.closest('div')?.querySelector('dt') ?? null),
      plain(value),
    ]);

  test('is only how long it is', async () => {
    await openState('flow-open');
    expect(masked()).toEqual([
      ['code', '43 characters, not shown'],
      ['code_verifier', '43 characters, not shown'],
    ]);
  });

  test('in a header field is named with its scheme', async () => {
    await openState('flow');
    step('userinfo_request').click();
    await drawn();
    expect(masked()).toEqual([['Authorization', '612 characters, not shown']]);
    expect(plain(byId('flow-detail'))).toContain('Bearer');
  });

  test('is not shown even if it were told', async () => {
    const told = fake.history(fake.waitingSignIn());
    const planted = told.map((event): FlowEventView => {
      if (event.step.type !== 'message') return event;
      const fields = event.step.fields.map((field) =>
        field.characters === null ? field : { ...field, value: 'S3CR3T' },
      );
      return { ...event, step: { ...event.step, fields } };
    });
    await open({ flows: planted }, '#/flow');
    for (const item of items()) {
      item.querySelector('button')?.click();
      await drawn();
      expect(document.documentElement.outerHTML).not.toContain('S3CR3T');
    }
    expect(items().length).toBe(6);
  });
});

describe('a flow that goes on', () => {
  test('lights each message up as it happens, and none when it is over', async () => {
    const { host, coming } = await waiting();
    expect(lit()).toEqual(['flow-step-sign_in_pages']);
    expect(plain(byId('flow-end'))).toBe('Waiting for the next message');
    await tell(host, coming.slice(0, 1));
    expect(lit()).toEqual(['flow-step-callback']);
    await tell(host, coming.slice(1, 2));
    expect(lit()).toEqual(['flow-step-callback']);
    expect(heads().at(-1)).toContain('(4 checks passed)');
    await tell(host, coming.slice(2));
    expect(lit()).toEqual([]);
    expect(items()).toHaveLength(15);
    expect(byId('flow-outcome').dataset['outcome']).toBe('done');
  });

  test('leaves what is open open, and the focus where it is', async () => {
    const { host, coming } = await waiting();
    step('authorization_request').focus();
    await userEvent.keyboard('{Enter}');
    await drawn();
    const before = byId('flow-detail');
    const element = document.activeElement;
    await tell(host, coming);
    expect(isOpen('authorization_request')).toBe(true);
    expect(byId('flow-detail')).toBe(before);
    expect(document.activeElement).toBe(element);
  });

  test('that fails while it is watched opens where it failed, unless something is open', async () => {
    const told = fake.history(fake.waitingSignIn());
    const rest = fake.next(
      told,
      fake.refusedToken().parts.slice(fake.waitingSignIn().parts.length),
    );
    const host = await open({ flows: told }, '#/flow');
    await tell(host, rest);
    expect(isOpen('id_token_check')).toBe(true);
  });

  test('that fails while something is open leaves it open, and leads to the step', async () => {
    const told = fake.history(fake.waitingSignIn());
    const rest = fake.next(
      told,
      fake.refusedToken().parts.slice(fake.waitingSignIn().parts.length),
    );
    const host = await open({ flows: told }, '#/flow');
    step('sign_in').click();
    await drawn();
    await tell(host, rest);
    expect(isOpen('sign_in')).toBe(true);
    expect(plain(byId('flow-failed'))).toContain(errors.audience.message);
    byId('show-failed').click();
    await drawn();
    expect(isOpen('id_token_check')).toBe(true);
    expect(has('flow-failed')).toBe(false);
  });

  test('is not left for a newer one', async () => {
    const { host } = await waiting();
    const sequence = byId('sequence');
    await tell(host, fake.begin(host.told, fake.refreshed()));
    expect(has('flow-2')).toBe(true);
    expect(byId('sequence')).toBe(sequence);
  });

  test('is where the person stays when the sign-in is done', async () => {
    const { host } = await waiting();
    host.succeed(ann());
    await drawn();
    expect(has('screen-flow')).toBe(true);
    expect(said()).toBe('Signed in as Ann Archer.');
    byId('nav-accounts').click();
    await drawn();
    expect(has('screen-accounts')).toBe(true);
  });

  test('with hundreds of messages takes one more without touching the others', async () => {
    const told = fake.history(fake.device(300));
    const host = await open({ flows: told }, '#/flow');
    const before = items();
    expect(before.length).toBe(607);
    const touched = new Set<Node>();
    const observer = new MutationObserver((records) => {
      for (const { target } of records) touched.add(target);
    });
    observer.observe(byId('sequence'), { attributes: true, childList: true, subtree: true });
    await tell(host, fake.next(told, fake.device(301).parts.slice(-2, -1)));
    observer.disconnect();
    const after = items();
    expect(after.length).toBe(before.length + 1);
    expect(before.every((item, index) => item === after[index])).toBe(true);
    const rows = new Set([...touched].map((node) => (node as Element).closest('li')));
    // The list itself, the row that was the last, and its successor.
    expect(rows.size).toBeLessThanOrEqual(3);
  });
});

describe('a flow that failed', () => {
  test('opens at the step that failed, and says what to do', async () => {
    await openState('flow-failed');
    expect(isOpen('id_token_check')).toBe(true);
    const item = step('id_token_check').closest('li');
    expect(plain(step('id_token_check'))).toContain('(It failed here)');
    const error = byId('error');
    expect(item?.contains(error)).toBe(true);
    expect(error.dataset['code']).toBe('id_token_audience');
    expect(plain(error)).toContain(errors.audience.message);
    expect(plain(error)).toContain(errors.audience.hint);
    expect(step('id_token_check').getBoundingClientRect().top).toBeLessThan(window.innerHeight);
  });

  test('before anything was sent opens at what was decided', async () => {
    await openState('flow-refused-call');
    expect(isOpen('decision')).toBe(true);
    expect(byId('error').dataset['code']).toBe(errors.policy.code);
    // The same sentence is not said twice.
    expect(byId('flow-detail').textContent.split(errors.policy.message)).toHaveLength(2);
  });

  test('because the API refused shows that at its answer, and what to do', async () => {
    await openState('flow-refused-by-api');
    expect(byId('flow-outcome').dataset['outcome']).toBe('refused');
    expect(byId('flow-1').dataset['outcome']).toBe('refused');
    expect(plain(byId('flow-1'))).toContain('Refused by the API');
    expect(plain(byId('flow-end'))).toContain('Refused by the API after');
    expect(isOpen('api_response')).toBe(true);
    expect(plain(step('api_response'))).toContain('403');
    expect(plain(byId('error'))).toContain(errors.apiRefused.message);
    expect(plain(byId('error'))).toContain(errors.apiRefused.hint);
    expect(byId('flow').textContent).not.toContain('Done');
  });

  test('of which nothing is kept but its end still says why', async () => {
    const script = { ...fake.unreachable(), parts: fake.unreachable().parts.slice(-1) };
    await open({ flows: fake.history(script) }, '#/flow');
    expect(byId('error').dataset['code']).toBe('unreachable');
    expect(has('sequence')).toBe(false);
  });

  test('that was only cancelled does not count as failed', async () => {
    await openState('flow-cancelled');
    expect(byId('flow-outcome').textContent).toContain('Cancelled');
    expect(has('error')).toBe(false);
    expect(has('flow-detail')).toBe(false);
  });
});

describe('by keyboard', () => {
  const focused = () => document.activeElement?.getAttribute('data-testid');

  test('the arrow keys go along the messages, and Enter opens one', async () => {
    await openState('flow');
    byId('save-report').focus();
    await userEvent.keyboard('{Tab}');
    expect(focused()).toBe('flow-step-sign_in');
    await userEvent.keyboard('{ArrowUp}{ArrowDown}{ArrowDown}');
    expect(focused()).toBe('flow-step-metadata_response');
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!);
    expect(`${outlineStyle} ${outlineWidth}`).toBe('solid 2px');
    expect(has('flow-detail')).toBe(false);
    await userEvent.keyboard('{Enter}');
    await drawn();
    expect(isOpen('metadata_response')).toBe(true);
    await userEvent.keyboard('{End}');
    expect(focused()).toBe('flow-step-tokens_stored');
    await userEvent.keyboard('{Home} ');
    await drawn();
    expect(isOpen('sign_in')).toBe(true);
    expect(isOpen('metadata_response')).toBe(false);
    await userEvent.keyboard('{Escape}');
    await drawn();
    expect(has('flow-detail')).toBe(false);
    expect(focused()).toBe('flow-step-sign_in');
  });

  test('the list is one stop on the way through the screen', async () => {
    await openState('flow');
    const stops = items().filter((item) => item.querySelector('button')?.tabIndex === 0);
    expect(stops).toHaveLength(1);
    step('callback').focus();
    await userEvent.keyboard('{Shift>}{Tab}{/Shift}');
    expect(focused()).toBe('save-report');
    await userEvent.keyboard('{Tab}');
    expect(focused()).toBe('flow-step-callback');
  });
});

describe('the list of flows', () => {
  const listed = () =>
    [...byId('flow-list').querySelectorAll('a')].map((link) => link.getAttribute('data-testid'));

  test('has the newest first, and shows the one that is chosen', async () => {
    await openState('flow');
    expect(listed()).toEqual([8, 7, 6, 5, 4, 3, 2, 1].map((id) => `flow-${String(id)}`));
    expect(byId('flow-2').getAttribute('aria-current')).toBe('true');
    byId('flow-8').click();
    await drawn();
    expect(window.location.hash).toBe('#/flow/8');
    expect(heads()[0]).toContain('You ask to sign out');
    expect(byId('flow-2').getAttribute('aria-current')).toBeNull();
  });

  test('says how each ended, not by colour alone', async () => {
    await openState('flow');
    const ends = [...byId('flow-list').querySelectorAll<HTMLElement>('a')].map((link) => [
      link.dataset['outcome'],
      plain(link).match(/(Done|Failed|Cancelled) ·/)?.[1],
    ]);
    expect(ends).toContainEqual(['failed', 'Failed']);
    expect(ends).toContainEqual(['done', 'Done']);
    expect(ends).toContainEqual(['cancelled', 'Cancelled']);
  });

  test('is there again after the page was loaded anew', async () => {
    const told = fake.history(fake.signedIn(), fake.signedOut());
    const host = await open({ flows: told }, '#/flow/1');
    expect(host.last('flows')).toEqual([]);
    expect(items()).toHaveLength(15);
    expect(listed()).toEqual(['flow-2', 'flow-1']);
  });

  test('shows another flow where the one in the address is gone', async () => {
    await open({ flows: fake.history(fake.signedIn()) }, '#/flow/99');
    expect(items()).toHaveLength(15);
  });

  test('is not there before anything happened, and comes with the first flow', async () => {
    const host = await open({}, '#/flow');
    expect(has('flow-empty')).toBe(true);
    await tell(host, fake.history(fake.waitingSignIn()));
    expect(has('flow-empty')).toBe(false);
    expect(items()).toHaveLength(6);
  });

  test('that cannot be read says so', async () => {
    await openState('flow-unread');
    expect(plain(byId('error'))).toContain('What happened before could not be read.');
  });
});

describe('a report', () => {
  test('is saved of the flow that is shown, and says where its two files are', async () => {
    const host = await openState('flow');
    byId('save-report').click();
    await drawn();
    expect(host.last('saveReport')).toEqual([2]);
    const saved = plain(byId('report-saved'));
    expect(saved).toMatch(/\/home\/ann\/Downloads\/tessera-sign_in-\d+\.md/);
    expect(saved).toMatch(/\/home\/ann\/Downloads\/tessera-sign_in-\d+\.json/);
    expect(said()).toBe('The report is saved');
    byId('flow-8').click();
    await drawn();
    expect(has('report-saved')).toBe(false);
  });

  test('that could not be written says why', async () => {
    await openState('flow-not-saved');
    expect(byId('error').dataset['code']).toBe('report_not_saved');
    expect(has('report-saved')).toBe(false);
  });
});

describe('the way to it', () => {
  test('leads from a sign-in that waits to that sign-in', async () => {
    const told = fake.history(fake.signedOut(), fake.waitingSignIn());
    await open({ attempt: attempt(), flows: told }, '#/sign-in');
    byId('see-what').click();
    await drawn();
    expect(window.location.hash).toBe('#/flow/2');
    expect(lit()).toEqual(['flow-step-sign_in_pages']);
  });

  test('leads from a sign-in that failed to the step', async () => {
    const told = fake.history(fake.refusedToken(), fake.refusedCall());
    const host = await open({ attempt: attempt(), flows: told }, '#/sign-in');
    host.emit({
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'failed', error: errors.audience },
    });
    await drawn();
    byId('see-where').click();
    await drawn();
    expect(window.location.hash).toBe('#/flow/1');
    expect(isOpen('id_token_check')).toBe(true);
  });

  test('is not offered for a failure of which nothing is known', async () => {
    const told = fake.history(fake.refusedToken());
    const host = await open({ attempt: attempt(), flows: told }, '#/sign-in');
    host.emit({
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'failed', error: errors.refused },
    });
    await drawn();
    expect(has('error')).toBe(true);
    expect(has('see-where')).toBe(false);
  });

  test('is not offered for an earlier failure of the same kind', async () => {
    const told = fake.history(fake.refusedToken());
    const host = await open(
      { flows: told, answers: { signIn: () => fail(errors.audience) } },
      '#/sign-in',
    );
    byId('provider-sandbox').click();
    await drawn();
    expect(has('error')).toBe(true);
    expect(has('see-where')).toBe(false);
    await tell(host, fake.begin(told, fake.signedIn()));
    host.emit({ event: 'attempt', attempt: attempt() });
    host.emit({
      event: 'attempt_ended',
      id: 'attempt-1',
      end: { outcome: 'failed', error: errors.audience },
    });
    await drawn();
    expect(has('see-where')).toBe(false);
  });

  test('leads from a call that failed to that call', async () => {
    const told = fake.history(fake.callAgain(), fake.refusedCall());
    await open({ accounts: [ann()], flows: told }, '#/explorer/account-ann');
    await userEvent.fill(byId('call-url'), 'https://elsewhere.example/');
    byId('call-send').click();
    await drawn();
    byId('see-where').click();
    await drawn();
    expect(window.location.hash).toBe('#/flow/2');
    expect(isOpen('decision')).toBe(true);
  });
});
