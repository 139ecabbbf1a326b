// A provider that somebody else wrote and that is OpenID-certified, for the interop journeys to sign in to.
//
// Starts on a port of the system's choosing and writes one JSON object a line on standard output: first
// {"event":"ready","issuer":…}, then what happened. The events carry the secrets it handed out, so that a
// journey can look for them where they must not be. Ends when standard input closes.
//
// The one argument is JSON: {"accessTokenSeconds":3600,"rotate":true,"features":["device"]}, where each feature is a
// name in `switches` below.
//
// `POST /lab` takes JSON, does what each of its members says, and tells that it did so as {"event":"lab",…}, after
// which everything that happened before has been told:
//   {"ahead": 3600}      its clock goes that many seconds ahead of the machine's
//   {"fault": "name"}    it errs from now on as `faults` below says; null ends that

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const options = {
  accessTokenSeconds: 3600,
  rotate: true,
  features: [],
  ...JSON.parse(process.argv[2] ?? '{}'),
};

const people = {
  ann: { name: 'Ann Archer', email: 'ann@example.test', email_verified: true },
  bob: { name: 'Bob Baker', email: 'bob@example.test', email_verified: true },
};

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

let ahead = 0;
const machineTime = Date.now;
Date.now = () => machineTime() + ahead * 1000;

// What an answer becomes, by the name of the fault and the route of the request.
const page = (ctx) => {
  ctx.type = 'text/html';
  ctx.body = '<!doctype html><title>Hello</title>';
};
const change = (members) => (ctx) => {
  ctx.body = { ...ctx.body, ...members };
};
// The claims of somebody else under a signature that was made for these.
const forged = (token) => {
  const [header, claims, signature] = token.split('.');
  const changed = { ...JSON.parse(Buffer.from(claims, 'base64url')), name: 'Mallory', sub: 'mallory' };
  return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
};
const faults = {
  'metadata-404': {
    discovery: (ctx) => {
      ctx.body = { error: 'not_found' };
      ctx.status = 404;
    },
  },
  'metadata-html': { discovery: page },
  'metadata-not-json': {
    discovery: (ctx) => {
      ctx.type = 'application/json';
      ctx.body = '{"issuer":';
    },
  },
  'metadata-other-issuer': { discovery: change({ issuer: 'https://other.example' }) },
  'metadata-plain-http': { discovery: change({ token_endpoint: 'http://login.example/token' }) },
  'token-html': { token: page },
  'id-token-forged': {
    token: (ctx) => {
      ctx.body = { ...ctx.body, id_token: forged(ctx.body.id_token) };
    },
  },
  'userinfo-other-subject': { userinfo: change({ sub: 'mallory' }) },
  // The same of a profile that is signed.
  'userinfo-forged': {
    userinfo: (ctx) => {
      ctx.body = forged(ctx.body);
    },
  },
};
let fault = null;

// What each optional feature asks of the provider, and of its one client. All of them are off unless they are named.
const switches = {
  // RFC 8628.
  device: {
    provider: { deviceFlow: { enabled: true } },
    client: { grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] },
  },
  // OpenID Connect Core section 5.3.2.
  'signed-userinfo': {
    provider: { jwtUserinfo: { enabled: true } },
    client: { userinfo_signed_response_alg: 'RS256' },
  },
  // RFC 9126: at the client's choice, and demanded.
  par: { provider: { pushedAuthorizationRequests: { enabled: true } } },
  'par-required': {
    provider: {
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    },
  },
  // RFC 9449: without and with nonces of the provider's own (section 8).
  dpop: { provider: { dPoP: { enabled: true } } },
  'dpop-nonce': {
    provider: { dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true } },
  },
};
const chosen = options.features.map((name) => switches[name]);

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      ...Object.assign({}, ...chosen.map(({ client }) => client)),
      client_id: 'tessera-native',
      client_name: 'Tessera',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      response_types: ['code'],
      grant_types: [
        'authorization_code',
        'refresh_token',
        ...chosen.flatMap(({ client }) => client?.grant_types ?? []),
      ],
      redirect_uris: [
        'app.tessera.desktop:/callback',
        'app.tessera.desktop.dev:/callback',
        'http://127.0.0.1/callback',
        'http://[::1]/callback',
      ],
      post_logout_redirect_uris: ['app.tessera.desktop:/signed-out', 'http://127.0.0.1/signed-out'],
    },
  ],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  rotateRefreshToken: options.rotate,
  ttl: {
    AccessToken: options.accessTokenSeconds,
    AuthorizationCode: 60,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 86400,
    Grant: 86400,
    Session: 86400,
  },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    userinfo: { enabled: true },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    ...Object.assign({}, ...chosen.map((feature) => feature.provider)),
  },
  findAccount: (_ctx, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
});

provider.use(async (ctx, next) => {
  await next();
  const { route, params } = ctx.oidc ?? {};
  if (ctx.status === 200) faults[fault]?.[route]?.(ctx);
  if (route === 'token') {
    say({
      event: 'token',
      grant: params?.grant_type,
      status: ctx.status,
      error: ctx.body?.error,
      token_type: ctx.body?.token_type,
      code: params?.code,
      verifier: params?.code_verifier,
      client_secret: params?.client_secret,
      device_code: params?.device_code,
      refresh_token_used: params?.refresh_token,
      access_token: ctx.body?.access_token,
      refresh_token: ctx.body?.refresh_token,
      id_token: ctx.body?.id_token,
    });
  } else if (route === 'authorization') {
    say({ event: 'authorization_request', names: Object.keys(ctx.query) });
  } else if (route === 'pushed_authorization_request') {
    say({ event: 'pushed_authorization_request', status: ctx.status, names: Object.keys(ctx.oidc.body ?? {}) });
  } else if (route === 'device_authorization') {
    say({
      event: 'device_authorization',
      status: ctx.status,
      scope: params?.scope,
      device_code: ctx.body?.device_code,
    });
  } else if (route === 'revocation') {
    say({ event: 'revocation', status: ctx.status, hint: params?.token_type_hint, token: params?.token });
  } else if (route === 'userinfo') {
    const [scheme, token] = ctx.get('authorization').split(' ');
    say({ event: 'userinfo', status: ctx.status, scheme, token });
  }
});
// What a device waits for is not in any callback.
provider.on('authorization.success', (ctx, out) =>
  say({ event: 'authorization', code: out?.code, state: out?.state, nonce: ctx.oidc.params.nonce }),
);
provider.on('end_session.success', () => say({ event: 'session_ended' }));
provider.on('authorization.error', (_ctx, error) => say({ event: 'authorization_error', error: error.error }));
provider.on('server_error', (_ctx, error) => say({ event: 'server_error', error: String(error.stack) }));

const answer = provider.callback();
server.on('request', async (request, response) => {
  if (request.url !== '/lab') {
    // By itself the server would date its answers by the machine's clock.
    response.setHeader('date', new Date(Date.now()).toUTCString());
    return answer(request, response);
  }
  const order = JSON.parse(Buffer.concat(await request.toArray()));
  if ('ahead' in order) ahead = order.ahead;
  if ('fault' in order) fault = order.fault;
  const known = fault === null || fault in faults;
  say({ event: 'lab', ...order });
  return response.writeHead(known ? 204 : 400).end();
});
process.stdin.resume().on('end', () => process.exit(0));
say({ event: 'ready', issuer, client_id: 'tessera-native' });
