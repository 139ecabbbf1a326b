// The letters that stand for a person without a picture.

/** The first letters of the first and last word, at most two; of an address without a name, its first letter. */
export function initials(name: string): string {
  const words = name.split(/[\s.@_-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = words[0];
  if (first === undefined) return '?';
  const last = name.includes('@') || words.length < 2 ? '' : (words.at(-1) ?? '');
  return [first, last]
    .map((word) => [...word][0] ?? '')
    .join('')
    .toLocaleUpperCase();
}
