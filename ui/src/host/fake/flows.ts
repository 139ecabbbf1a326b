// Flows that never happened, in the words of the real ones.
import type { CheckView, FlowFieldView } from '../bindings';
import { acme, errors, google, now, sandbox } from './data';
import {
  check,
  checks,
  decision,
  ended,
  masked,
  message,
  shown,
  type Part,
  type Script,
} from './script';

export { begin, history, next, type Script } from './script';

const CLIENT = 'tessera-desktop';
const REDIRECT = 'app.tessera.desktop.development:/callback';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const JSON_TYPE = shown('content-type', 'application/json');

const metadata = (issuer: string): Part[] => [
  [
    2,
    message('metadata_request', 'tessera', 'provider', [
      shown('request', `GET ${issuer}/.well-known/openid-configuration`),
    ]),
  ],
  [
    21,
    message('metadata_response', 'provider', 'tessera', [
      shown('status', '200'),
      JSON_TYPE,
      shown('issuer', issuer),
      shown('authorization_endpoint', `${issuer}/authorize`),
      shown('token_endpoint', `${issuer}/token`),
      shown('jwks_uri', `${issuer}/jwks`),
      shown('userinfo_endpoint', `${issuer}/userinfo`),
      shown('code_challenge_methods_supported', 'S256'),
      shown('scopes_supported', 'openid profile email offline_access items:read ledger:read'),
    ]),
  ],
  [
    1,
    checks(
      check('discovery.response'),
      check('discovery.issuer', issuer),
      check('discovery.endpoints'),
      check('discovery.pkce', 'S256'),
    ),
  ],
];

const authorization = (issuer: string): Part[] => [
  [9, message('attempt_kept', 'tessera', 'keychain', [masked('state', 43)])],
  [
    4,
    message('authorization_request', 'tessera', 'browser', [
      shown('page', `${issuer}/authorize`),
      shown('response_type', 'code'),
      shown('client_id', CLIENT),
      shown('redirect_uri', REDIRECT),
      shown('scope', 'openid profile email offline_access'),
      masked('state', 43),
      masked('nonce', 43),
      shown('code_challenge', CHALLENGE),
      shown('code_challenge_method', 'S256'),
    ]),
  ],
  [1, message('sign_in_pages', 'person', 'provider')],
];

const callback = (issuer: string): Part[] => [
  [
    8_400,
    message('callback', 'browser', 'tessera', [
      masked('code', 43),
      masked('state', 43),
      shown('iss', issuer),
    ]),
  ],
  [
    1,
    checks(
      check('callback.redirect_uri', REDIRECT),
      check('callback.state'),
      check('callback.iss', issuer),
      check('callback.code'),
    ),
  ],
];

const redeemed = (issuer: string): Part[] => [
  [
    6,
    message('token_request', 'tessera', 'provider', [
      shown('request', `POST ${issuer}/token`),
      shown('grant_type', 'authorization_code'),
      shown('client_id', CLIENT),
      shown('redirect_uri', REDIRECT),
      masked('code', 43),
      masked('code_verifier', 43),
    ]),
  ],
  [
    37,
    message('token_response', 'provider', 'tessera', [
      shown('status', '200'),
      JSON_TYPE,
      shown('token_type', 'Bearer'),
      shown('expires_in', '300'),
      shown('scope', 'openid profile email offline_access'),
      masked('access_token', 612),
      masked('id_token', 874),
      masked('refresh_token', 43),
    ]),
  ],
  [1, checks(check('token.token_type', 'Bearer'))],
];

const keys = (issuer: string): Part[] => [
  [3, message('key_set_request', 'tessera', 'provider', [shown('request', `GET ${issuer}/jwks`)])],
  [
    14,
    message('key_set_response', 'provider', 'tessera', [
      shown('status', '200'),
      JSON_TYPE,
      shown('keys', 'EC ES256 2026-11, RSA RS256 2026-10'),
    ]),
  ],
];

const idTokenCheck: Part = [
  1,
  message('id_token_check', 'tessera', 'tessera', [masked('id_token', 722)]),
];

/** Every check of an ID token; one that `broken` names was not passed, and none after it was reached. */
function idToken(issuer: string, seconds: number, broken?: CheckView): CheckView[] {
  const all = [
    check('id_token.form'),
    check('id_token.alg', null, 'ES256'),
    check('id_token.crit'),
    check('id_token.typ', null, 'JWT'),
    check('id_token.key', null, '2026-11'),
    check('id_token.signature', null, 'ES256, key 2026-11'),
    check('id_token.iss', issuer),
    check('id_token.sub', null, 'ann-5d0f'),
    check('id_token.aud', CLIENT),
    check('id_token.azp', null, null, 'not_applicable'),
    check('id_token.exp', `later than ${String(seconds)}`, String(seconds + 300)),
    check('id_token.iat', `about ${String(seconds)}`, String(seconds)),
    check('id_token.nonce'),
    check('id_token.at_hash'),
  ];
  const at = all.findIndex(({ id }) => id === broken?.id);
  if (!broken || at < 0) return all;
  return all.map((one, index) =>
    index < at
      ? one
      : index === at
        ? broken
        : { ...one, outcome: 'not_reached', expected: null, seen: null },
  );
}

const profile = (issuer: string): Part[] => [
  [
    2,
    message('userinfo_request', 'tessera', 'provider', [
      shown('request', `GET ${issuer}/userinfo`),
      masked('Authorization: Bearer', 612),
    ]),
  ],
  [
    12,
    message('userinfo_response', 'provider', 'tessera', [
      shown('status', '200'),
      JSON_TYPE,
      shown('claims', 'email email_verified family_name given_name locale name picture sub'),
    ]),
  ],
  [1, checks(check('userinfo.sub', 'ann-5d0f'))],
  [11, message('tokens_stored', 'tessera', 'keychain', [masked('refresh_token', 43)])],
];

const begun = (name: string): Part[] => [
  [0, message('sign_in', 'person', 'tessera', [shown('provider', name)])],
];

const seconds = (): number => Math.round(now());

/** A sign-in that went well. */
export const signedIn = (ago = 300): Script => ({
  kind: 'sign_in',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    ...begun(sandbox.name),
    ...metadata(sandbox.issuer),
    ...authorization(sandbox.issuer),
    ...callback(sandbox.issuer),
    ...redeemed(sandbox.issuer),
    ...keys(sandbox.issuer),
    idTokenCheck,
    [4, checks(...idToken(sandbox.issuer, seconds() - ago))],
    ...profile(sandbox.issuer),
    [2, ended()],
  ],
});

/** A sign-in whose person is still in the browser. */
export const waitingSignIn = (ago = 12): Script => ({
  ...signedIn(ago),
  account: null,
  parts: [...begun(sandbox.name), ...metadata(sandbox.issuer), ...authorization(sandbox.issuer)],
});

/** What is told when that person comes back. */
export const comingBack = (): Part[] => signedIn().parts.slice(waitingSignIn().parts.length);

/** A sign-in whose ID token was for another app. */
export const refusedToken = (ago = 120): Script => ({
  ...signedIn(ago),
  account: null,
  parts: [
    ...begun(sandbox.name),
    ...metadata(sandbox.issuer),
    ...authorization(sandbox.issuer),
    ...callback(sandbox.issuer),
    ...redeemed(sandbox.issuer),
    ...keys(sandbox.issuer),
    idTokenCheck,
    [
      4,
      checks(
        ...idToken(
          sandbox.issuer,
          seconds() - ago,
          check('id_token.aud', CLIENT, 'another-app', 'failed'),
        ),
      ),
    ],
    [1, message('finished_page', 'tessera', 'browser', [shown('page', 'you are not signed in')])],
    [1, ended(errors.audience)],
  ],
});

/** A sign-in that the person called off. */
export const cancelled = (ago = 900): Script => ({
  ...waitingSignIn(ago),
  provider: google.name,
  parts: [...begun(google.name), ...metadata(google.issuer), [4_000, ended(errors.cancelled)]],
});

/** A sign-in to a provider that cannot be reached. */
export const unreachable = (ago = 60): Script => ({
  kind: 'sign_in',
  provider: acme.name,
  account: null,
  ago,
  parts: [
    ...begun(acme.name),
    ...metadata(acme.issuer).slice(0, 1),
    [5_012, decision(errors.unreachable.code, errors.unreachable.message)],
    [0, ended(errors.unreachable)],
  ],
});

/** A refresh that the provider refused; the kept token is looked at once more, for another program may have renewed it. */
export const notRenewed = (ago = 150): Script => ({
  ...refreshed(ago),
  parts: [
    ...refreshed(ago).parts.slice(0, 5),
    [
      21,
      message('error_response', 'provider', 'tessera', [
        shown('status', '400'),
        JSON_TYPE,
        shown('error', 'invalid_grant'),
      ]),
    ],
    [2, message('refresh_token_read', 'keychain', 'tessera', [masked('refresh_token', 43)])],
    [1, ended(errors.offline)],
  ],
});

/** A refresh whose token is not there. */
export const nothingToRenewWith = (ago = 140): Script => ({
  ...refreshed(ago),
  parts: [
    ...refreshed(ago).parts.slice(0, 3),
    [0, decision('refresh_token_missing', 'No refresh token is kept.')],
    [1, ended(errors.offline)],
  ],
});

/** A refresh with rotation. */
export const refreshed = (ago = 200): Script => ({
  kind: 'refresh',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [0, message('access_token_read', 'keychain', 'tessera', [masked('access_token', 612)])],
    [
      0,
      decision(
        'access_token_refused',
        'Another access token than the kept one is wanted, so the provider is asked for another.',
      ),
    ],
    [3, message('refresh_token_read', 'keychain', 'tessera', [masked('refresh_token', 43)])],
    [
      0,
      decision(
        'metadata_kept',
        'The provider’s description was read less than ten minutes ago and is used again.',
      ),
    ],
    [
      2,
      message('token_request', 'tessera', 'provider', [
        shown('request', `POST ${sandbox.issuer}/token`),
        shown('grant_type', 'refresh_token'),
        shown('client_id', CLIENT),
        masked('refresh_token', 43),
      ]),
    ],
    [
      28,
      message('token_response', 'provider', 'tessera', [
        shown('status', '200'),
        JSON_TYPE,
        shown('token_type', 'Bearer'),
        shown('expires_in', '300'),
        masked('access_token', 612),
        masked('refresh_token', 43),
      ]),
    ],
    [1, checks(check('token.token_type', 'Bearer'))],
    [9, message('tokens_stored', 'tessera', 'keychain', [masked('refresh_token', 43)])],
    [8, message('tokens_stored', 'tessera', 'keychain', [masked('access_token', 612)])],
    [1, ended()],
  ],
});

const API = 'http://127.0.0.1:46512';

const UNTIL = 'Fri, 27 Nov 2026 18:05:00 GMT';

/** The kept access token does for a call. */
const kept: Part[] = [
  [1, message('access_token_read', 'keychain', 'tessera', [masked('access_token', 612)])],
  [
    0,
    decision(
      'access_token_kept',
      `The kept access token is still good, until ${UNTIL}, so the provider was not asked for another.`,
    ),
  ],
];

const called = (status: string, more: FlowFieldView[] = []): Part[] => [
  [
    2,
    message('api_request', 'tessera', 'api', [
      shown('request', `GET ${API}/profile`),
      masked('Authorization: Bearer', 612),
    ]),
  ],
  [19, message('api_response', 'api', 'tessera', [shown('status', status), JSON_TYPE, ...more])],
];

/** A call whose token was refused once. */
export const callAgain = (ago = 201): Script => ({
  kind: 'call',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [
      0,
      decision('origin_allowed', `Your token may go to ${API}: it is one of the provider's APIs.`),
    ],
    ...kept,
    ...called('401', [shown('www-authenticate', 'Bearer error="invalid_token"')]),
    [
      44,
      decision(
        'retried_with_fresh_token',
        'The API refused the token, so a fresh one was fetched and the call repeated.',
      ),
    ],
    ...called('200'),
    [1, ended()],
  ],
});

/** A call that the gateway did not let out. */
export const refusedCall = (ago = 30): Script => ({
  kind: 'call',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [0, decision('origin_refused', errors.policy.message)],
    [0, ended(errors.policy)],
  ],
});

/** A call that the API did not answer as asked, for want of a permission. */
export const refusedByApi = (ago = 20): Script => ({
  kind: 'call',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [
      0,
      decision('origin_allowed', `Your token may go to ${API}: it is one of the provider's APIs.`),
    ],
    ...kept,
    ...called('403', [
      shown('www-authenticate', 'Bearer error="insufficient_scope", scope="ledger:read"'),
    ]),
    [
      0,
      decision(
        'permission_missing',
        'The API wants the permission `ledger:read`, which was not granted.',
      ),
    ],
    [0, ended(errors.apiRefused)],
  ],
});

/** A sign-out that is finished later than it began. */
export const signedOutLater = (ago = 10): Script => ({
  kind: 'sign_out',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [
      0,
      decision(
        'sign_out_retried',
        'You are signed out here, and the provider could not be told before, so that is tried again.',
      ),
    ],
    [
      3,
      message('tokens_read', 'keychain', 'tessera', [
        masked('refresh_token', 43),
        masked('access_token', 612),
      ]),
    ],
    ...metadata(sandbox.issuer),
    [
      8,
      message('revocation_request', 'tessera', 'provider', [
        shown('request', `POST ${sandbox.issuer}/revoke`),
        shown('client_id', CLIENT),
        shown('token_type_hint', 'refresh_token'),
        masked('token', 43),
      ]),
    ],
    [16, message('revocation_response', 'provider', 'tessera', [shown('status', '200')])],
    [7, message('secrets_deleted', 'tessera', 'keychain')],
    [1, ended()],
  ],
});

/** A sign-out. */
export const signedOut = (ago = 10): Script => ({
  kind: 'sign_out',
  provider: sandbox.name,
  account: 'account-ann',
  ago,
  parts: [
    [0, message('sign_out', 'person', 'tessera', [shown('account', 'Ann Archer')])],
    [
      2,
      message('tokens_read', 'keychain', 'tessera', [
        masked('refresh_token', 43),
        masked('access_token', 612),
        masked('id_token', 722),
      ]),
    ],
    [
      8,
      message('revocation_request', 'tessera', 'provider', [
        shown('request', `POST ${sandbox.issuer}/revoke`),
        shown('client_id', CLIENT),
        shown('token_type_hint', 'refresh_token'),
        masked('token', 43),
      ]),
    ],
    [16, message('revocation_response', 'provider', 'tessera', [shown('status', '200')])],
    [7, message('secrets_deleted', 'tessera', 'keychain')],
    [1, ended()],
  ],
});

/** A sign-in with a code on another device, asked about `polls` times, that still waits. */
export const device = (polls: number, ago = polls * 5): Script => ({
  ...waitingSignIn(ago),
  parts: [
    ...begun(sandbox.name),
    ...metadata(sandbox.issuer),
    [
      3,
      message('device_authorization_request', 'tessera', 'provider', [
        shown('request', `POST ${sandbox.issuer}/device_authorization`),
        shown('client_id', CLIENT),
        shown('scope', 'openid profile email offline_access'),
      ]),
    ],
    [
      18,
      message('device_authorization_response', 'provider', 'tessera', [
        shown('status', '200'),
        JSON_TYPE,
        shown('verification_uri', `${sandbox.issuer}/device`),
        shown('expires_in', '600'),
        shown('interval', '5'),
        masked('user_code', 9),
        masked('device_code', 43),
      ]),
    ],
    [
      1,
      message('verification_page', 'tessera', 'browser', [
        shown('page', `${sandbox.issuer}/device`),
      ]),
    ],
    [1, message('sign_in_pages', 'person', 'provider')],
    ...Array.from({ length: polls }, (): Part[] => [
      [
        4_990,
        message('device_poll', 'tessera', 'provider', [
          shown('request', `POST ${sandbox.issuer}/token`),
          shown('grant_type', 'urn:ietf:params:oauth:grant-type:device_code'),
          shown('client_id', CLIENT),
          masked('device_code', 43),
        ]),
      ],
      [
        10,
        message('device_pending', 'provider', 'tessera', [
          shown('status', '400'),
          JSON_TYPE,
          shown('error', 'authorization_pending'),
        ]),
      ],
    ]).flat(),
  ],
});

/** A sign-in in which every value is as long as a value can be. */
export const longValues = (ago = 40): Script => {
  const whole = signedIn(ago);
  const long = (text: string) => `${text}${'/a-rather-long-path-segment'.repeat(7)}`.slice(0, 200);
  return {
    ...whole,
    provider: `${acme.name} Corporation of Amalgamated Identity and Access Services, Department 7`,
    parts: whole.parts.map(([after, step]): Part => {
      if (step.type !== 'message') return [after, step];
      const fields = step.fields.map((field) =>
        field.value === null ? field : { ...field, value: long(field.value) },
      );
      return [after, { ...step, fields }];
    }),
  };
};
