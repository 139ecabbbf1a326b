// Small pure things: places, addresses, letters, routes, numbers, reports, finding an account.
import { describe, expect, test } from 'vitest';
import { ann, attempt, errors, info } from '../src/host/fake/data';
import { ago, bytes, choose, distance, number, span } from '../src/messages';
import { matches } from '../src/state/accounts';
import { place } from '../src/state/address';
import { arrange } from '../src/state/claims';
import { initials } from '../src/state/initials';
import { readPlace, writePlace } from '../src/state/place';
import { report } from '../src/state/report';
import { nextWay, otherWays } from '../src/state/routes';
import type { AttemptView } from '../src/host';

describe('places', () => {
  test.each([
    ['#/accounts', { screen: 'accounts', item: null }],
    ['#/accounts/account%2Fann', { screen: 'accounts', item: 'account/ann' }],
    ['#accounts', { screen: 'accounts', item: null }],
    ['#/accounts/%', { screen: 'accounts', item: null }],
    ['#/flow/12', { screen: 'flow', item: '12' }],
    ['#/elsewhere', null],
    ['', null],
  ])('%s', (fragment, expected) => expect(readPlace(fragment)).toEqual(expected));

  test('what is written is read back', () => {
    const item = 'a/b#c %';
    expect(readPlace(writePlace('explorer', item))).toEqual({ screen: 'explorer', item });
  });
});

test.each([
  ['https://accounts.google.com', 'accounts.google.com'],
  ['https://login.example/tenant/', 'login.example/tenant/'],
  ['http://127.0.0.1:46511', '127.0.0.1:46511'],
  ['not an address', 'not an address'],
])('the place of %s', (address, expected) => expect(place(address)).toBe(expected));

test.each([
  ['Ann Archer', 'AA'],
  ['ann', 'A'],
  ['ann@example.test', 'A'],
  ['Ludwig van Beethoven', 'LB'],
  ['李 小龙', '李小'],
  ['😀 Ann', 'A'],
  ['…', '?'],
  ['', '?'],
])('the letters of %s', (name, expected) => expect(initials(name)).toBe(expected));

describe('ways back', () => {
  const way = (change: Partial<AttemptView>) => {
    const one = attempt(change);
    return { others: otherWays(one), next: nextWay(one) };
  };

  test.each([
    [
      { route: 'scheme', other_routes: ['device', 'loopback'] },
      ['loopback', 'paste', 'device'],
      'loopback',
    ],
    [{ route: 'scheme', other_routes: [] }, ['paste'], 'paste'],
    [
      { route: 'loopback', other_routes: ['scheme', 'device'] },
      ['scheme', 'paste', 'device'],
      'paste',
    ],
    [{ route: 'device', other_routes: ['loopback'] }, ['loopback'], 'loopback'],
    [{ route: 'device', other_routes: [] }, [], null],
  ] as const)('%o', (change, others, next) => {
    expect(way({ ...change, other_routes: [...change.other_routes] })).toEqual({ others, next });
  });
});

describe('numbers', () => {
  test('counts', () => expect(number(1_234_567)).toBe('1,234,567'));
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1 kB'],
    [1_234_567, '1.2 MB'],
    [5_000_000_000_000, '5,000 GB'],
  ])('%d bytes', (count, expected) => expect(bytes(count)).toBe(expected));
  test.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [1_500, '1.5 s'],
  ])('%d milliseconds', (count, expected) => expect(span(count)).toBe(expected));
  test.each([
    [0, 'now'],
    [-59, 'now'],
    [-60, '1 minute ago'],
    [-7_300, '2 hours ago'],
    [90_000, 'tomorrow'],
    [-40_000_000, 'last year'],
  ])('%d seconds from now', (away, expected) =>
    expect(distance(1_000_000_000 + away, 1_000_000_000)).toBe(expected),
  );
});

describe('languages', () => {
  test.each([
    [['de-AT', 'en-GB'], ['en'], { tag: 'en-GB', language: 'en' }],
    [['de-AT', 'en-GB'], ['en', 'de'], { tag: 'de-AT', language: 'de' }],
    [['fr'], ['en'], { tag: 'en', language: 'en' }],
    [[], ['en'], { tag: 'en', language: 'en' }],
  ])('%o of %o', (wanted, spoken, expected) => expect(choose(wanted, spoken)).toEqual(expected));
});

describe('claims', () => {
  const claims = [
    { name: 'zoneinfo', value: 'Europe/Rome' },
    { name: 'sub', value: 'ann-5d0f' },
    { name: 'iss', value: 'accounts.google.com' },
    { name: 'exp', value: '1763903600' },
    { name: 'iat', value: 'soon' },
    { name: 'email', value: 'ann@example.test' },
    { name: 'name', value: 'Ann Archer' },
  ];

  test('who it is comes first, and nothing is said twice', () => {
    const { first, rest } = arrange(claims, ann());
    expect(first.map(({ name }) => name)).toEqual(['name', 'email']);
    expect(rest.map(({ name }) => name)).toEqual(['exp', 'iat', 'iss', 'zoneinfo']);
  });

  test('a time is one only when it is one', () => {
    const of = (name: string) => arrange(claims, ann()).rest.find((claim) => claim.name === name);
    expect(of('exp')?.moment).toBe(1_763_903_600);
    expect(of('iat')?.moment).toBeNull();
    expect(of('zoneinfo')?.moment).toBeNull();
  });
});

test.each([
  [0, 'just now'],
  [59, 'just now'],
  [-600, 'just now'],
  [7_300, '2 hours ago'],
])('%d seconds past', (past, expected) => expect(ago(Date.now() / 1000 - past)).toBe(expected));

test('a report names the build, the code and the details, and nothing else', () => {
  expect(report(errors.refused, info)).toBe(
    [
      'Tessera 0.1.0 (linux, development build)',
      'Code: sign_in.refused',
      errors.refused.message,
      errors.refused.hint,
      '',
      errors.refused.detail,
    ].join('\n'),
  );
});

test.each([
  ['', true],
  ['ann', true],
  ['ARCHER sandbox', true],
  ['bob', false],
  ['ann bob', false],
])('an account is found by %s: %s', (wanted, expected) =>
  expect(matches(ann(), wanted)).toBe(expected),
);
