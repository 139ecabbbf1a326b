// Nothing secret has a place in what crosses between Rust and the window, or in what the window keeps.
import { expect, test } from 'vitest';
import bindings from '../src/host/bindings.ts?raw';
import { byId, drawn, open } from './open';
import { attempt } from '../src/host/fake/data';

const SECRET =
  /token|secret|verifier|challenge|password|assertion|bearer|nonce|^code$|^state$|authorization|cookie|jwt|^link$/i;

/** Fields whose names are those of secrets, but that are none. */
const HARMLESS = new Set([
  // The stable code of an error.
  'ErrorView.code',
  // The stable id of a decision.
  'FlowStepView.code',
  // Whether an account is signed in.
  'AccountView.state',
]);

/** Every field of every type, as `Type.field`. */
function fields(source: string): string[] {
  const plain = source.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  const found: string[] = [];
  for (const [, name = '', body = ''] of plain.matchAll(
    /export type (\w+) =([\s\S]*?);\n(?=\n|$)/g,
  )) {
    for (const [, field = ''] of body.matchAll(/(\w+)\??:/g)) found.push(`${name}.${field}`);
  }
  return found;
}

test('the fields of the wire types are found', () => {
  const all = fields(bindings);
  expect(all).toContain('AttemptView.expires_at');
  expect(all).toContain('AppEvent.attempt');
  expect(all).toContain('DeviceView.user_code');
  expect(all.length).toBeGreaterThan(80);
});

test('no wire type has a field for a secret', () => {
  const suspicious = fields(bindings).filter((path) => {
    const field = path.split('.')[1] ?? '';
    return SECRET.test(field) && !HARMLESS.has(path);
  });
  expect(suspicious).toEqual([]);
});

test('the check would see one', () => {
  const planted = 'export type Planted = {\n\tname: string,\n\trefresh_token: string,\n};\n\n';
  expect(fields(planted)).toEqual(['Planted.name', 'Planted.refresh_token']);
  expect(SECRET.test('refresh_token')).toBe(true);
});

test('no command names a secret', () => {
  const names = [...bindings.matchAll(/__TAURI_INVOKE\("(\w+)"(?:, \{ ([^}]*) \})?/g)].flatMap(
    ([, command = '', given = '']) => [command, ...given.split(', ')],
  );
  expect(names.length).toBeGreaterThan(14);
  // `copy_link` puts the link on the clipboard in Rust and gives nothing back.
  expect(names.filter((name) => SECRET.test(name) && name !== 'copy_link')).toEqual([]);
});

test('a pasted address leaves the window at once and is kept nowhere', async () => {
  const host = await open({ attempt: attempt() }, '#/sign-in');
  byId('paste-address').click();
  await drawn();
  const field = byId('paste-input') as HTMLInputElement;
  field.value = 'app.tessera.desktop:/callback?code=S3CR3T&state=ST4TE';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  byId('paste-submit').click();
  await drawn();
  expect(host.last('pasteCallback')).toEqual([
    'attempt-1',
    'app.tessera.desktop:/callback?code=S3CR3T&state=ST4TE',
  ]);
  byId('paste-address').click();
  await drawn();
  const inputs = [...document.querySelectorAll('input')].map(({ value }) => value);
  const kept = [
    document.documentElement.outerHTML,
    ...inputs,
    JSON.stringify({ ...localStorage }),
    JSON.stringify({ ...sessionStorage }),
    window.location.href,
  ].join('\n');
  expect(kept).not.toMatch(/S3CR3T|ST4TE/);
});
