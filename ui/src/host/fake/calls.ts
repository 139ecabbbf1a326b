// Calls of an API that never was, and what it answered, for tests and for the demo.
import type { CallResponse, CatalogueEntry } from '../bindings';
import { picture } from './people';

export const catalogue: CatalogueEntry[] = [
  {
    id: 'sandbox-profile',
    title: 'Who the API thinks you are',
    method: 'GET',
    url: 'http://127.0.0.1:46512/profile',
    scope: null,
  },
  {
    id: 'sandbox-items',
    title: 'A list in pages',
    method: 'GET',
    url: 'http://127.0.0.1:46512/items?page=1',
    scope: 'items:read',
  },
  {
    id: 'sandbox-ledger',
    title: 'Something that needs one more permission',
    method: 'GET',
    url: 'http://127.0.0.1:46512/ledger',
    scope: 'ledger:read',
  },
  {
    id: 'sandbox-picture',
    title: 'A picture',
    method: 'GET',
    url: 'http://127.0.0.1:46512/picture',
    scope: null,
  },
  {
    id: 'sandbox-elsewhere',
    title: 'An answer that leads to another server',
    method: 'GET',
    url: 'http://127.0.0.1:46512/elsewhere',
    scope: null,
  },
];

export const headers: [string, string][] = [
  ['content-type', 'application/json'],
  ['cache-control', 'no-store'],
  ['date', 'Mon, 23 Nov 2026 14:02:11 GMT'],
  ['set-cookie', '[masked]'],
  ['link', '<http://127.0.0.1:46512/items?page=2>; rel="next"'],
];

export const decisions = [
  "Your token may go to http://127.0.0.1:46512: it is one of the provider's APIs.",
  'The API refused the token, so a fresh one was fetched and the call repeated.',
];

export const answer = (change: Partial<CallResponse> = {}): CallResponse => ({
  status: 200,
  milliseconds: 38,
  headers,
  body: {
    kind: 'json',
    text: JSON.stringify({
      page: 1,
      total: 42,
      items: [
        {
          id: 1,
          title: 'Bread & butter',
          tags: ['home', 'food'],
          done: false,
          place: { city: 'Ravenna', lat: 44.4184, lon: 12.2035 },
        },
        { id: 2, title: 'Ask about the mosaic', tags: [], done: true, place: null },
        {
          id: 3,
          title:
            'A long one, that goes on for longer than a line has room for, so that it must be cut off in the tree and be shown whole underneath',
          tags: ['long'],
          done: false,
          place: null,
        },
      ],
    }).replace('"total":42', '"total":9007199254740993123'),
  },
  next: 'http://127.0.0.1:46512/items?page=2',
  decisions,
  step_up: null,
  ...change,
});

export const answers = {
  page: answer(),
  last: answer({ next: null }),
  missing: answer({
    status: 403,
    next: null,
    step_up: {
      reason: 'The API wants the permission `ledger:read`, which was not granted.',
      meaning: 'See your ledger',
      scopes: ['ledger:read'],
      acr_values: [],
      max_age: null,
    },
    body: { kind: 'json', text: '{"error":"insufficient_scope","scope":"ledger:read"}' },
    decisions: [
      "Your token may go to http://127.0.0.1:46512: it is one of the provider's APIs.",
      'The API wants the permission `ledger:read`, which was not granted.',
    ],
  }),
  stepUp: answer({
    status: 401,
    next: null,
    step_up: {
      reason: 'The API wants a stronger sign-in than yours: urn:tessera:sandbox:second-step.',
      meaning: null,
      scopes: [],
      acr_values: ['urn:tessera:sandbox:second-step'],
      max_age: null,
    },
    body: { kind: 'json', text: '{"error":"insufficient_user_authentication"}' },
    decisions: [
      "Your token may go to http://127.0.0.1:46512: it is one of the provider's APIs.",
      'The API wants a stronger sign-in than yours: urn:tessera:sandbox:second-step.',
    ],
  }),
  text: answer({
    next: null,
    body: { kind: 'text', text: 'Plain words.\nOn two lines.', truncated: true },
  }),
  image: answer({ next: null, body: { kind: 'image', data_url: picture } }),
  binary: answer({
    next: null,
    body: { kind: 'binary', media_type: 'application/zip', bytes: 1_234_567 },
  }),
  empty: answer({ status: 204, next: null, headers: [], body: { kind: 'empty' }, decisions: [] }),
  broken: answer({ next: null, body: { kind: 'json', text: '{"half":' } }),
  failed: answer({
    status: 502,
    next: null,
    body: { kind: 'text', text: 'Bad gateway', truncated: false },
  }),
  big: answer({
    next: null,
    body: {
      kind: 'json',
      text: JSON.stringify(
        Array.from({ length: 50_000 }, (_, id) => ({ id, name: `Row ${String(id)}` })),
      ),
    },
  }),
};
