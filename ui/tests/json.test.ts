// JSON as rows: exact numbers, only what is open, and big documents at the price of what is looked at.
import { describe, expect, test } from 'vitest';
import { opened, parseJson, pathOf, preview, pretty, rowsOf, type Json } from '../src/state/json';

const parse = (text: string): Json => {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.value;
};

describe('parsing', () => {
  test('what is not JSON says why', () => expect(parseJson('{"half":').ok).toBe(false));

  test('a number keeps all its digits', () => {
    const text = '{"id":9007199254740993123,"price":0.12345678901234567890,"n":1234567890123456}';
    const rows = rowsOf(parse(text), new Set(['']));
    expect(rows.map(({ kind, text: shown }) => [kind, shown])).toEqual([
      ['object', ''],
      ['number', '9007199254740993123'],
      ['number', '0.12345678901234567890'],
      ['number', '1234567890123456'],
    ]);
    expect(JSON.parse(pretty(parse('{"n":1}')))).toEqual({ n: 1 });
    expect(pretty(parse(text))).toContain('"id": 9007199254740993123');
  });

  test('a field called __proto__ is a field', () => {
    expect(rowsOf(parse('{"__proto__":1}'), new Set([''])).map(({ name }) => name)).toEqual([
      null,
      '__proto__',
    ]);
  });
});

describe('rows', () => {
  const value = parse('{"a":[1,{"b":null}],"c/d":"~","e":true}');

  test('only what is open has rows', () => {
    expect(rowsOf(value, new Set()).map(({ pointer }) => pointer)).toEqual(['']);
    expect(rowsOf(value, new Set([''])).map(({ pointer }) => pointer)).toEqual([
      '',
      '/a',
      '/c~1d',
      '/e',
    ]);
  });

  test('each knows its place', () => {
    const rows = rowsOf(value, new Set(['', '/a', '/a/1']));
    expect(
      rows.map(({ pointer, depth, kind, count, size, position, open }) =>
        [pointer, depth, kind, count, `${String(position)}/${String(size)}`, open].join(' '),
      ),
    ).toEqual([
      ' 0 object 3 1/1 true',
      '/a 1 array 2 1/3 true',
      '/a/0 2 number 0 1/2 false',
      '/a/1 2 object 1 2/2 true',
      '/a/1/b 3 null 0 1/1 false',
      '/c~1d 1 string 0 2/3 false',
      '/e 1 boolean 0 3/3 false',
    ]);
  });

  test.each([
    ['', '$'],
    ['/a/1/b', '$.a[1].b'],
    ['/c~1d', '$["c/d"]'],
  ])('the path of %s', (pointer, expected) => expect(pathOf(pointer, value)).toBe(expected));

  test('a closed container says how it begins', () => {
    expect(preview(parse('{"id":7,"tags":[],"name":"x"}'))).toBe('id: 7, name: "x"');
    expect(preview(parse('[1,[2],"a"]'))).toBe('1, "a"');
    expect(
      preview(parse(JSON.stringify(Array.from({ length: 1e5 }, () => 1)))).length,
    ).toBeLessThan(70);
  });
});

describe('big documents', () => {
  const big = parse(JSON.stringify(Array.from({ length: 100_000 }, (_, id) => ({ id }))));

  test('the root is always open, the rest within the budget', () => {
    expect([...opened(big, 200)]).toEqual(['']);
    expect(rowsOf(big, opened(big, 100_500)).length).toBeLessThanOrEqual(100_502);
  });

  test('deep nesting neither overflows nor opens for ever', () => {
    const deep = parse('['.repeat(5_000) + ']'.repeat(5_000));
    expect(rowsOf(deep, opened(deep, 10_000)).length).toBe(5_000);
    expect(opened(deep, 100).size).toBeLessThanOrEqual(100);
  });
});
