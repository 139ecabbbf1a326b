// Settings: client ids, providers added and removed, the file behind them, and where secrets are.
import { userEvent } from 'vitest/browser';
import { expect, test } from 'vitest';
import { accounts, ann, errors, info } from '../src/host/fake/data';
import { fail, ok } from '../src/host/fake/fake';
import { byId, drawn, has, open, openState, said } from './open';

test('a client id is set, by keyboard alone', async () => {
  const host = await open({}, '#/settings');
  byId('provider-set-github').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(document.activeElement).toBe(byId('client-id-github'));
  await userEvent.keyboard(' Iv1.0123 {Enter}');
  await drawn();
  expect(host.last('saveProvider')).toEqual([
    { id: 'github', name: '', issuer: '', client_id: 'Iv1.0123', apis: [] },
  ]);
  expect(byId('provider-row-github').textContent).toContain('Ready');
  expect(said()).toBe('GitHub is saved.');
});

test('an empty client id is not saved', async () => {
  const host = await openState('settings-client-id');
  byId('client-id-save-github').click();
  await drawn();
  expect(byId('client-id-github').getAttribute('aria-invalid')).toBe('true');
  expect(host.last('saveProvider')).toBeUndefined();
});

test('a provider is added', async () => {
  const host = await open({}, '#/settings');
  byId('provider-add').click();
  await drawn();
  await userEvent.fill(byId('issuer-input'), 'https://id.example');
  await userEvent.fill(byId('client-id-input'), 'tessera');
  byId('provider-save').click();
  await drawn();
  expect(host.last('signIn')).toBeUndefined();
  expect(byId('provider-row-provider-4').textContent).toContain('id.example');
  expect(has('provider-form')).toBe(false);
});

test('a provider that was added is changed, but not its issuer', async () => {
  const host = await openState('settings-change');
  expect(document.activeElement).toBe(byId('client-id-input'));
  expect(has('issuer-input')).toBe(false);
  expect((byId('apis-input') as HTMLTextAreaElement).value).toBe('https://api.acme.example');
  await userEvent.fill(byId('apis-input'), 'https://api.acme.example\nhttps://data.acme.example');
  byId('provider-save').click();
  await drawn();
  expect(host.last('saveProvider')).toEqual([
    {
      id: 'acme',
      name: 'Acme',
      issuer: 'https://login.acme.example',
      client_id: 'tessera-desktop',
      apis: ['https://api.acme.example', 'https://data.acme.example'],
    },
  ]);
  expect(has('provider-form')).toBe(false);
  expect(said()).toBe('Acme is saved.');
});

test('the file says where it is, and how its first entry is made', async () => {
  await open({}, '#/settings');
  expect(byId('providers-file').textContent).toBe(info.providers_file);
  const example = byId('providers-example').textContent;
  for (const line of ['[[provider]]', 'id = "', 'issuer = "https://', 'client_id = "'])
    expect(example).toContain(line);
  expect(getComputedStyle(byId('providers-example')).whiteSpaceCollapse).toBe('preserve');
});

test('only what was added here can be removed, and it is asked first', async () => {
  const host = await open({}, '#/settings');
  expect(has('provider-remove-google')).toBe(false);
  expect(has('provider-remove-sandbox')).toBe(false);
  byId('provider-remove-acme').click();
  await drawn();
  expect(host.last('removeProvider')).toBeUndefined();
  byId('provider-remove-confirm').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(host.last('removeProvider')).toEqual(['acme']);
  expect(document.activeElement?.id).toBe('screen-title');
  expect(has('provider-row-acme')).toBe(false);
  expect(said()).toBe('Acme is removed.');
});

test('a provider that cannot be removed says why', async () => {
  await open({ answers: { removeProvider: () => fail(errors.badFile) } }, '#/settings');
  byId('provider-remove-acme').click();
  await drawn();
  byId('provider-remove-confirm').click();
  await drawn();
  expect(byId('error').dataset['code']).toBe('providers_file.syntax');
});

test('the file and what is wrong with it', async () => {
  await openState('settings-file-problem');
  expect(byId('providers-file').textContent).toBe(info.providers_file);
  expect(byId('error').dataset['code']).toBe('providers_file.syntax');
});

test.each(['linux', 'macos', 'windows'])('where secrets are on %s', async (platform) => {
  await open(
    { accounts: accounts(), answers: { appInfo: () => ok({ ...info, platform }) } },
    '#/settings',
  );
  const text = byId('screen-settings').textContent;
  const places: Record<string, string> = {
    linux: 'Secret Service',
    macos: 'login keychain',
    windows: 'Credential Manager',
  };
  expect(text).toContain(places[platform]);
  expect(text).toContain('3 accounts are in the keychain.');
  expect(text).toContain('One account is kept only until you quit.');
});

test('an unknown system is no reason to break', async () => {
  await open(
    { accounts: [ann()], answers: { appInfo: () => ok({ ...info, platform: 'haiku' }) } },
    '#/settings',
  );
  expect(byId('screen-settings').textContent).toContain('haiku');
});

const standing = (check: string): string | undefined =>
  byId(`finding-${check}`).dataset['standing'];

test('the check-up looks only when it is asked to, and says that all is well', async () => {
  const host = await open({}, '#/settings');
  expect(host.last('checkUp')).toBeUndefined();
  byId('check-up-look').focus();
  await userEvent.keyboard('{Enter}');
  await drawn();
  expect(byId('check-up-verdict').dataset['wrong']).toBe('0');
  expect(said()).toBe('Everything a sign-in needs works.');
  expect(document.activeElement).toBe(byId('check-up-look'));
  for (const check of ['keychain', 'scheme', 'provider', 'clock', 'single_instance']) {
    expect(standing(check)).toBe('ok');
    expect(has(`repair-${check}`)).toBe(false);
  }
  expect(byId('finding-provider').textContent).toContain('Provider · Acme');
});

test('what is wrong has its sentence, what to do, its code and a button', async () => {
  await openState('settings-check-up-troubled');
  expect(said()).toBe('4 things need your attention.');
  const scheme = byId('finding-scheme');
  expect(standing('scheme')).toBe('failed');
  expect(scheme.textContent).toContain('no program opens Tessera’s links');
  expect(scheme.textContent).toContain('choose “Use a local address”');
  expect(scheme.textContent).toContain('scheme_unhandled');
  expect(byId('repair-provider').getAttribute('href')).toBe('#/settings/acme');
  expect(byId('finding-clock').textContent).toContain('timedatectl set-ntp true');
  expect(document.querySelectorAll('[data-standing="tolerated"]')).toHaveLength(2);
});

test.each([
  ['scheme', 'register_scheme'],
  ['keychain', 'unlock_keychain'],
])('a repair of %s is made, and everything looked at again', async (check, repair) => {
  const host = await openState('settings-check-up-troubled');
  byId(`repair-${check}`).click();
  await drawn();
  expect(host.last('repair')).toEqual([repair]);
  expect(host.asked.filter(({ command }) => command === 'checkUp')).toHaveLength(2);
  expect(standing(check)).toBe('ok');
  expect(said()).toBe('Everything a sign-in needs works.');
});

test('a repair that does not work says why, and what was found stays', async () => {
  await open(
    { troubled: true, answers: { repair: () => fail(errors.keychainMissing) } },
    '#/settings',
  );
  byId('check-up-look').click();
  await drawn();
  byId('repair-keychain').click();
  await drawn();
  expect(byId('error').dataset['code']).toBe('keychain_missing');
  expect(standing('keychain')).toBe('failed');
});

test('the settings of a provider that does not answer come into view', async () => {
  await openState('settings-check-up-troubled');
  byId('repair-provider').click();
  await drawn();
  expect(window.location.hash).toBe('#/settings/acme');
  const { top, bottom } = byId('provider-row-acme').getBoundingClientRect();
  expect(top >= 0 && bottom <= window.innerHeight).toBe(true);
  expect(standing('provider')).toBe('failed');
});

test('what is kept beside the accounts is listed, with where and why', async () => {
  const host = await openState('settings-storage');
  const open = byId('kept-open_sign_out');
  expect(open.dataset['place']).toBe('keychain');
  expect(open.textContent).toContain('Cleo Carter, Sandbox');
  expect(open.textContent).toContain('the GNOME keyring');
  expect(open.textContent).toContain('as soon as that can be reached');
  expect(has('kept-keychain_mark')).toBe(true);
  host.emit({ event: 'open_sign_outs', open_sign_outs: [] });
  await drawn();
  expect(has('kept-open_sign_out')).toBe(false);
});

test('why it cannot be told what is kept is told', async () => {
  await open({ answers: { otherStorage: () => fail(errors.late) } }, '#/settings');
  expect(byId('storage').textContent).toContain(errors.late.message);
});
