// A provider that somebody else wrote and that is OpenID-certified, for the interop journeys to sign in to.
//
// Starts on a port of the system's choosing and writes one JSON object a line on standard output: first
// {"event":"ready","issuer":…}, then what happened. The events carry the secrets it handed out, so that a
// journey can look for them where they must not be. Ends when standard input closes.
//
// The one argument is JSON: {"accessTokenSeconds":3600,"rotate":true}.

import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const options = { accessTokenSeconds: 3600, rotate: true, ...JSON.parse(process.argv[2] ?? '{}') };

const people = {
  ann: { name: 'Ann Archer', email: 'ann@example.test', email_verified: true },
  bob: { name: 'Bob Baker', email: 'bob@example.test', email_verified: true },
};

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'tessera-native',
      client_name: 'Tessera',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [
        'app.tessera.desktop:/callback',
        'app.tessera.desktop.dev:/callback',
        'http://127.0.0.1/callback',
        'http://[::1]/callback',
      ],
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
  },
  findAccount: (_ctx, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
});

provider.use(async (ctx, next) => {
  await next();
  const { route, params } = ctx.oidc ?? {};
  if (route === 'token') {
    say({
      event: 'token',
      grant: params?.grant_type,
      status: ctx.status,
      error: ctx.body?.error,
      code: params?.code,
      verifier: params?.code_verifier,
      refresh_token_used: params?.refresh_token,
      access_token: ctx.body?.access_token,
      refresh_token: ctx.body?.refresh_token,
      id_token: ctx.body?.id_token,
    });
  } else if (route === 'revocation') {
    say({ event: 'revocation', status: ctx.status, hint: params?.token_type_hint, token: params?.token });
  } else if (route === 'userinfo') {
    say({ event: 'userinfo', status: ctx.status });
  }
});
provider.on('authorization.success', (ctx, out) =>
  say({ event: 'authorization', code: out.code, state: out.state, nonce: ctx.oidc.params.nonce }),
);
provider.on('authorization.error', (_ctx, error) => say({ event: 'authorization_error', error: error.error }));
provider.on('server_error', (_ctx, error) => say({ event: 'server_error', error: String(error.stack) }));

server.on('request', provider.callback());
process.stdin.resume().on('end', () => process.exit(0));
say({ event: 'ready', issuer, client_id: 'tessera-native' });
