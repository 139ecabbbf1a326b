// Several accounts at one provider: adding one, and what is asked when somebody else came than was expected.
import { expect, test } from 'vitest';
import { accounts, ann, another, attempt, errors } from '../src/host/fake/data';
import { never } from '../src/host/fake/fake';
import { byId, drawn, has, open, openState } from './open';

const asked = () => attempt({ stage: 'another_person', another });

test('somebody else is named, with who was expected, and so is what can be done', async () => {
  const host = await open({ attempt: attempt() }, '#/sign-in');
  byId('copy-link').focus();
  host.emit({ event: 'attempt', attempt: { ...asked(), revision: 2 } });
  await drawn();
  const title = 'You chose Bob Baker, but this was for Ann Archer';
  expect(document.activeElement?.textContent).toBe(title);
  expect(byId('announcement').textContent).toBe(`${title}.`);
  const panel = byId('another-person').textContent;
  for (const word of ['Bob Baker', 'bob@example.test', 'Ann Archer', 'ann@example.test']) {
    expect(panel).toContain(word);
  }
  expect(byId('keep-another').textContent).toContain('Add Bob Baker');
  expect(has('copy-link')).toBe(false);
});

test('an account that is here already is renewed, not added', async () => {
  await openState('attempt-another-here');
  expect(byId('keep-another').textContent).toContain('Renew Bob Baker');
});

test('keeping ends at the accounts, with both', async () => {
  const host = await open({ attempt: asked(), accounts: [ann()] }, '#/sign-in');
  byId('keep-another').click();
  await drawn();
  expect(host.last('keepAnother')).toEqual(['attempt-1']);
  expect(has('another-person')).toBe(false);
  host.succeed({ ...ann(), id: 'account-bob', name: 'Bob Baker' });
  await drawn();
  expect(byId('welcome').textContent).toContain('Signed in as Bob Baker.');
  expect(has('account-1')).toBe(true);
});

test('choosing again is a new attempt, which waits for the browser', async () => {
  const host = await open({ attempt: asked() }, '#/sign-in');
  byId('ask-again').click();
  await drawn();
  expect(host.last('askAgain')).toEqual(['attempt-1']);
  expect(has('another-person')).toBe(false);
  expect(byId('attempt-waiting').dataset['stage']).toBe('waiting');
});

test('what is done next is still done when the provider is asked again', async () => {
  const host = await open({ accounts: accounts() }, '#/explorer/account-acme');
  byId('explorer-sign-in').click();
  await drawn();
  host.emit({ event: 'attempt', attempt: { ...asked(), provider: 'acme', revision: 2 } });
  await drawn();
  byId('ask-again').click();
  await drawn();
  host.succeed(accounts().find(({ id }) => id === 'account-acme') ?? ann());
  await drawn();
  expect(has('screen-explorer')).toBe(true);
});

test('Cancel changes nothing', async () => {
  const host = await open({ attempt: asked(), accounts: [ann()] }, '#/sign-in');
  byId('cancel-sign-in').click();
  await drawn();
  expect(host.last('cancelSignIn')).toEqual(['attempt-1']);
  expect(has('another-person')).toBe(false);
  expect(has('error')).toBe(false);
});

test('a button that is busy asks once', async () => {
  const answers = { keepAnother: () => never<never>() };
  const host = await open({ attempt: asked(), answers }, '#/sign-in');
  byId('keep-another').click();
  await drawn();
  byId('keep-another').click();
  await drawn();
  expect(host.asked.filter(({ command }) => command === 'keepAnother')).toHaveLength(1);
});

test('an answer that comes too late is told', async () => {
  await openState('attempt-another-refused');
  expect(byId('error').dataset['code']).toBe(errors.late.code);
  expect(has('keep-another')).toBe(true);
});

test('elsewhere in the window it is told that something is asked', async () => {
  await openState('attempt-another-elsewhere');
  expect(byId('attempt-elsewhere').textContent).toContain('Tessera asks you something');
});

test('another account is added at each provider that has one and is set up', async () => {
  const atGithub = { ...ann(), id: 'account-github', provider: 'github' };
  const host = await open({ accounts: [...accounts(), atGithub] }, '#/accounts');
  expect(has('another-github')).toBe(false);
  expect(byId('another-google').getAttribute('aria-label')).toContain(
    'Add another account with Google',
  );
  byId('another-sandbox').click();
  await drawn();
  expect(host.last('signIn')).toEqual([
    {
      provider: 'sandbox',
      route: null,
      until_quit: false,
      account: null,
      choose: true,
      step_up: null,
      browser: null,
    },
  ]);
  expect(has('attempt-waiting')).toBe(true);

  host.succeed(ann(), true);
  await drawn();
  const words = 'You are already signed in as Ann Archer; that was renewed.';
  expect(byId('welcome').textContent).toContain(words);
  expect(byId('announcement').textContent).toBe(words);
});

test('without an account there is no other one to add', async () => {
  await open({}, '#/accounts');
  expect(has('another')).toBe(false);
});
