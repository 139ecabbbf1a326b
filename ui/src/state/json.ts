// A JSON document as rows of a tree: only what is open becomes rows, so a big document costs what is looked at.

/** A number with more digits than a JavaScript number keeps, as it was written. */
export class Exact {
  constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | Exact | Json[] | { [name: string]: Json };

export type Parsed = { ok: true; value: Json } | { ok: false; why: string };

/** A row of the tree. */
export interface Row {
  /** Where it is (RFC 6901); the root is the empty text. */
  pointer: string;
  depth: number;
  /** Field name, index, or `null` for the root. */
  name: string | number | null;
  kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';
  value: Json;
  /** The value as text; of a container, empty. */
  text: string;
  /** How many children a container has. */
  count: number;
  open: boolean;
  /** Among how many siblings, and which of them, counted from one. */
  size: number;
  position: number;
}

const MANY_DIGITS = /\d{16}/;

/** Parses without losing digits, where the engine tells what was written. */
export function parseJson(text: string): Parsed {
  const exact = (_name: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined || !MANY_DIGITS.test(source))
      return value;
    return String(value) === source ? value : new Exact(source);
  };
  try {
    const value: unknown = MANY_DIGITS.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
    return { ok: true, value: value as Json };
  } catch (thrown) {
    return { ok: false, why: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

const escapeName = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

const isContainer = (value: Json): value is Json[] | { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !(value instanceof Exact);

function kindOf(value: Json): Row['kind'] {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Exact) return 'number';
  return typeof value as 'object' | 'string' | 'number' | 'boolean';
}

const textOf = (value: Json): string => {
  if (isContainer(value)) return '';
  if (value instanceof Exact) return value.text;
  return typeof value === 'string' ? value : String(value);
};

/** The rows to show when the containers in `open` are open. */
export function rowsOf(root: Json, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  type Step = Pick<Row, 'pointer' | 'depth' | 'name' | 'size' | 'position'> & { value: Json };
  const steps: Step[] = [{ value: root, pointer: '', depth: 0, name: null, size: 1, position: 1 }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const { value, ...where } = step;
    const children = isContainer(value) ? Object.keys(value) : [];
    const isOpen = isContainer(value) && open.has(where.pointer);
    rows.push({
      ...where,
      value,
      kind: kindOf(value),
      text: textOf(value),
      count: children.length,
      open: isOpen,
    });
    if (!isOpen) continue;
    const list = Array.isArray(value);
    // Pushed backwards, because the last one in is the first one out.
    for (let index = children.length - 1; index >= 0; index -= 1) {
      const name = children[index] as string;
      steps.push({
        value: list ? (value[index] as Json) : ((value as { [name: string]: Json })[name] as Json),
        pointer: `${where.pointer}/${escapeName(name)}`,
        depth: where.depth + 1,
        name: list ? index : name,
        size: children.length,
        position: index + 1,
      });
    }
  }
  return rows;
}

/** The containers to open, from the outside in, so that at most `budget` rows show. The root is always open. */
export function opened(root: Json, budget: number): Set<string> {
  const open = new Set<string>();
  if (!isContainer(root)) return open;
  let rows = 1;
  const queue: { value: Json; pointer: string }[] = [{ value: root, pointer: '' }];
  for (const { value, pointer } of queue) {
    if (!isContainer(value)) continue;
    const names = Object.keys(value);
    if (open.size > 0 && rows + names.length > budget) continue;
    rows += names.length;
    open.add(pointer);
    if (rows > budget) continue;
    for (const name of names) {
      const child = (value as { [name: string]: Json })[name] as Json;
      if (isContainer(child))
        queue.push({ value: child, pointer: `${pointer}/${escapeName(name)}` });
    }
  }
  return open;
}

const MOST_SHOWN = 60;

/** What a closed container begins with, in one line: its first plain values. */
export function preview(value: Json): string {
  if (!isContainer(value)) return '';
  const list = Array.isArray(value);
  let text = '';
  for (const name in value) {
    const part = (value as { [name: string]: Json })[name] as Json;
    if (isContainer(part)) continue;
    const shown = typeof part === 'string' ? JSON.stringify(part) : textOf(part);
    text += `${text === '' ? '' : ', '}${list ? shown : `${name}: ${shown}`}`;
    if (text.length > MOST_SHOWN) return `${text.slice(0, MOST_SHOWN)}…`;
  }
  return text;
}

/** The path of a row as programmers write it: `items[3].name`. */
export function pathOf(pointer: string, root: Json): string {
  let path = '$';
  let value: Json | undefined = root;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) path += `[${name}]`;
    else
      path += /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    value =
      value !== undefined && isContainer(value)
        ? (value as { [name: string]: Json })[name]
        : undefined;
  }
  return path;
}

/** The document again, indented. */
export function pretty(value: Json): string {
  const marks = new Map<string, string>();
  const written = JSON.stringify(
    value,
    (_name, part: unknown) => {
      if (!(part instanceof Exact)) return part;
      // JSON.stringify cannot write a bare number of many digits, so it writes a mark that no document holds.
      const mark = `\u{e000}${String(marks.size)}\u{e000}`;
      marks.set(mark, part.text);
      return mark;
    },
    2,
  );
  return marks.size === 0
    ? written
    : written.replace(
        /"(\u{e000}\d+\u{e000})"/gu,
        (whole, mark: string) => marks.get(mark) ?? whole,
      );
}
