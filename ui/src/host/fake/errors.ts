// Errors that nobody had, for tests and for the demo.
import type { ErrorView } from '../bindings';

export const errors = {
  checking: {
    code: 'check_up_under_way',
    message: 'A check-up is under way already.',
    hint: 'Wait two seconds, then look again.',
    detail: null,
  },
  busy: {
    code: 'provider_unavailable',
    message: 'Your provider is busy, and has said when it wants to be asked again.',
    hint: 'Nothing is lost. Try again in 40 seconds.',
    detail: null,
  },
  keychainMissing: {
    code: 'keychain_missing',
    message: 'There is no keychain on this computer that Tessera could keep your sign-in in.',
    hint: 'Start a keychain such as GNOME Keyring or KWallet; in the app you can also stay signed in until you quit.',
    detail: 'org.freedesktop.secrets: the name is not activatable',
  },
  refused: {
    code: 'sign_in.refused',
    message: 'You, or someone who manages your account, said no on the sign-in page.',
    hint: 'Try again and allow the access that Tessera asks for.',
    detail: 'error=access_denied at http://127.0.0.1:46511/authorize',
  },
  noClientId: {
    code: 'provider.client_id_missing',
    message: 'Needs a client id.',
    hint: 'Register an app with the provider and set its client id.',
    detail: null,
  },
  late: {
    code: 'callback.no_attempt',
    message: 'An answer from your browser came for a sign-in that is over.',
    hint: 'Start the sign-in again if you still want it.',
    detail: null,
  },
  offline: {
    code: 'network.unreachable',
    message: 'The API could not be reached.',
    hint: 'Check your connection and send again. You are still signed in.',
    detail: 'api.example.com:443: name or service not known',
  },
  policy: {
    code: 'gateway.origin_not_allowed',
    message: 'Tessera did not send this: your account’s token may not go to elsewhere.example.',
    hint: 'Call an address of your provider, or add the API to the provider in Settings.',
    detail: 'allowed: http://127.0.0.1:46511, http://127.0.0.1:46512',
  },
  badFile: {
    code: 'providers_file.syntax',
    message: 'The file with your providers cannot be read, so only the built-in ones are here.',
    hint: 'Open the file and correct line 7.',
    detail: 'line 7, column 11: expected `=`',
  },
  apiRefused: {
    code: 'api_refused',
    message:
      'The API refused the call with 403. The API wants the permission `ledger:read`, which was not granted.',
    hint: 'Sign in again for this: the app offers it with the answer, and `tessera call --ask` does it in a terminal.',
    detail: 'the API answered 403 Forbidden',
  },
  audience: {
    code: 'id_token_audience',
    message: 'You were not signed in: the ID token is for another app.',
    hint: 'Check that the client id in Settings is the one that your provider gave you for Tessera.',
    detail: null,
  },
  cancelled: {
    code: 'cancelled',
    message: 'You cancelled the sign-in.',
    hint: 'Sign in again whenever you like.',
    detail: null,
  },
  unreachable: {
    code: 'unreachable',
    message: 'login.acme.example cannot be reached.',
    hint: 'Check your connection, then try again.',
    detail: null,
  },
  noReport: {
    code: 'report_not_saved',
    message: 'The report could not be written to your Downloads folder.',
    hint: 'Make sure that the folder is there and the disk is not full, then save it again.',
    detail: '/home/ann/Downloads: No space left on device',
  },
  discovery: {
    code: 'provider.issuer_mismatch',
    message: 'The provider says that its address is another one than you typed.',
    hint: 'Type the issuer exactly as the provider writes it, also the slash at the end.',
    detail: 'typed https://login.acme.example/, answered https://login.acme.example',
  },
} satisfies Record<string, ErrorView>;
