// The words of Settings, and of the check-up in it.

export const settings = {
  title: 'Settings',
  providers: 'Providers',
  providersLead:
    'A provider knows Tessera by a client id, which is public. You get one where you register an app with the provider.',
  ready: 'Ready',
  notReady: 'Not ready',
  clientId: 'Client id',
  noClientId: 'None yet',
  setClientId: 'Set client id',
  change: 'Change',
  changeOf: (name: string) => `Change ${name}`,
  save: 'Save',
  cancel: 'Cancel',
  remove: 'Remove',
  removeOf: (name: string) => `Remove ${name}`,
  confirmRemove: {
    title: (name: string) => `Remove ${name}?`,
    text: 'You can add it again later with its address and client id.',
    yes: 'Remove',
    no: 'Keep',
  },
  add: 'Add a provider',
  saved: (name: string) => `${name} is saved.`,
  removed: (name: string) => `${name} is removed.`,
  clientIdEmpty: 'Type the client id first.',
  file: 'The file behind this',
  fileLead:
    'What you set above is written into providers.toml. What has no field here goes into it with any editor: client secrets, which never pass through this window, ports and permissions. Tessera reads it when it starts.',
  fileWhere: 'It is here:',
  fileFirst:
    'The first provider that you add above makes the file. You can also begin it yourself, with one such part for each provider:',
  fileExample: [
    '[[provider]]',
    'id = "acme"',
    'name = "Acme"',
    'issuer = "https://login.acme.example"',
    'client_id = "what the provider gave you"',
  ].join('\n'),
  fileBuiltIn:
    'For Google and GitHub, the id is google or github, and name and issuer are left out. How a client secret is written, and every other setting, is in docs/providers.md.',
  copyPath: 'Copy path',
  pathCopied: 'Path copied',
  secrets: 'Where secrets are',
  secretsLead:
    'What keeps you signed in is in your system’s keychain. This window never has it, and no file holds it.',
  keychains: {
    linux: 'On Linux that is GNOME Keyring, KWallet or KeePassXC: whatever is your Secret Service.',
    macos: 'On macOS that is your login keychain.',
    windows: 'On Windows that is the Credential Manager.',
  },
  kept: (n: number, text: string) =>
    n === 1 ? 'One account is in the keychain.' : `${text} accounts are in the keychain.`,
  keptNone: 'No account is in the keychain now.',
  keptWhere: 'Each account’s page lists what is kept of it.',
  beside: 'What else is kept',
  untilQuit: (n: number, text: string) =>
    n === 1
      ? 'One account is kept only until you quit.'
      : `${text} accounts are kept only until you quit.`,
  appearance: 'Appearance',
  themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
  about: 'About',
  version: 'Version',
  platform: 'System',
  platforms: { linux: 'Linux', macos: 'macOS', windows: 'Windows' },
  licence: 'Licence',
  licenceValue: 'Apache-2.0 or MIT, as you like',
};

export const checkUp = {
  title: 'Check-up',
  lead: 'Tries what a sign-in needs, before any browser opens: in less than two seconds, and without a page or a password.',
  look: 'Look now',
  again: 'Look again',
  good: 'Everything a sign-in needs works.',
  bad: (n: number, text: string) =>
    n === 1 ? 'One thing needs your attention.' : `${text} things need your attention.`,
  detail: 'What the system said',
  commandCopied: 'Command copied',
  standings: { ok: 'Works', tolerated: 'Worth knowing', failed: 'Does not work' },
  checks: {
    data_folder: 'Tessera’s own folder',
    providers: 'Where you can sign in',
    session_bus: 'Your desktop',
    keychain: 'Keychain',
    loopback: 'Back from the browser, by a local address',
    browser: 'Browser',
    scheme: 'Back from the browser, by the app link',
    single_instance: 'One Tessera at a time',
    provider: 'Provider',
    clock: 'This computer’s clock',
    providers_left: 'Other providers',
  },
  /** What whoever helps calls it, where that is another word. */
  terms: {
    providers: 'providers.toml',
    session_bus: 'session bus, Secret Service',
    loopback: 'loopback redirect',
    scheme: 'private-use URI scheme',
    single_instance: 'single instance',
    provider: 'discovery, TLS, proxy',
  },
};
