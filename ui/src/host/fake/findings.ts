// What a check-up found that never was, for tests and for the demo.
import type { ErrorView, FindingView, RepairView } from '../bindings';

const fine = (check: string, sentence: string, about: string | null = null): FindingView => ({
  check,
  about,
  standing: 'ok',
  sentence,
  problem: null,
  repair: null,
});

const wrong = (
  check: string,
  problem: ErrorView,
  repair: RepairView | null = null,
  about: string | null = null,
): FindingView => ({
  check,
  about,
  standing: 'failed',
  sentence: problem.message,
  problem,
  repair,
});

/** Everything works. */
export const well: FindingView[] = [
  fine(
    'data_folder',
    '/home/ann/.local/share/app.tessera.desktop.dev can be used; 4 accounts are in it.',
  ),
  fine('providers', '3 providers are ready to sign in with.'),
  fine('session_bus', 'Tessera reaches your desktop, and the keychain on it.'),
  fine('keychain', 'A large secret was kept, returned and deleted by the GNOME keyring.'),
  fine(
    'loopback',
    'Your browser’s answer can come back to this computer: an address was opened for it, 127.0.0.1:46513.',
  ),
  fine('browser', 'Pages are opened by xdg-open, in /usr/bin/firefox.'),
  fine(
    'scheme',
    'A link of Tessera’s (app.tessera.desktop.dev) went out through your system and came back to this program: a development build. The installed app has its own: /usr/bin/tessera-desktop.',
  ),
  fine(
    'provider',
    'Acme answers at login.acme.example, by the proxy proxy.acme.example:3128.',
    'acme',
  ),
  fine('clock', 'This computer’s clock and that of Acme agree.', 'acme'),
  fine('single_instance', 'When Tessera is started once more, this window comes forward.'),
];

const troubles: FindingView[] = [
  wrong(
    'keychain',
    {
      code: 'keychain_locked',
      message: 'Your keychain is locked.',
      hint: 'Unlock it and try again; in the app you can also stay signed in until you quit.',
      detail: 'the keychain is locked',
    },
    { id: 'unlock_keychain', label: 'Unlock the keychain', command: null, provider: null },
  ),
  wrong(
    'scheme',
    {
      code: 'scheme_unhandled',
      message:
        'Your browser’s answer would not find its way back: no program opens Tessera’s links.',
      hint: 'Register Tessera again in its Settings; until then, choose “Use a local address” while you sign in.',
      detail: null,
    },
    { id: 'register_scheme', label: 'Register Tessera again', command: null, provider: null },
  ),
  wrong(
    'provider',
    {
      code: 'unreachable',
      message:
        'Acme: You cannot reach login.acme.example from here right now. It was asked by the proxy proxy.acme.example:3128.',
      hint: 'Check the address and your network connection, and try again; nothing is lost.',
      detail: 'login.acme.example cannot be reached: nothing is listening there',
    },
    { id: 'provider_settings', label: 'Look at its settings', command: null, provider: 'acme' },
    'acme',
  ),
  wrong(
    'clock',
    {
      code: 'clock_differs',
      message:
        'Your computer’s clock is 12 minutes ahead of that of Google, so nothing that is dated there can be checked.',
      hint: 'Set this computer’s clock by the internet, then look again.',
      detail: null,
    },
    {
      id: 'command',
      label: 'Copy the command',
      command: 'timedatectl set-ntp true',
      provider: null,
    },
    'google',
  ),
];

/** Several things are wrong, each with another repair. */
export const troubled: FindingView[] = [
  ...well
    .filter(({ check }) => check !== 'clock')
    .map((finding) => troubles.find(({ check }) => check === finding.check) ?? finding),
  ...troubles.filter(({ check }) => check === 'clock'),
  {
    ...fine(
      'clock',
      'This computer’s clock is 2 minutes behind that of GitHub; up to five minutes are allowed for.',
      'github',
    ),
    standing: 'tolerated',
  },
  {
    ...fine(
      'clock',
      'This computer’s clock could not be compared with that of Acme, which did not answer.',
      'acme',
    ),
    standing: 'tolerated',
  },
];
