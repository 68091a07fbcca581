/**
 * Keys as numbers in their order, about as far apart as they are in what they are made of: `10`, `11` and `20` are far
 * from `19` by their bytes in just the way in which they are as decimals. So at each place a digit counts as one of
 * those that can be expected there: decimal where digits were seen, of letters where these were.
 *
 * @module
 */

/** A fraction has no more digits than a number holds. */
const leastDigit = 2 ** -52;
/** What a key that has ended has in the place of a byte; a byte is the symbol after its value. */
const endSymbol = 0;
const symbols = 257;
/** Where one of a range was seen, all of it can be expected: letters behind `f` tell words from hexadecimal digits. */
const alphabets = ["09", "af", "gz", "AF", "GZ"].map((range) => ({
  first: range.charCodeAt(0) + 1,
  end: range.charCodeAt(1) + 2,
}));
/** Printable ASCII; where anything else is seen, any byte can be expected. */
const printable = { first: 0x20 + 1, last: 0x7e + 1 } as const;

/**
 * Returns keys as fractions in their order; keys that differ far behind their start may have the same.
 *
 * @param keys Ascending keys.
 */
export function keyFractions(keys: readonly Uint8Array[]): Float64Array {
  const fractions = new Float64Array(keys.length), longest = keys.reduce(longer, 0);
  const expected = new Uint8Array(symbols), ranks = new Int32Array(symbols);
  for (let at = commonBytes(keys), digit = 1; at < longest && digit > leastDigit; at++) {
    expected.fill(0);
    for (const key of keys) expected[symbolAt(key, at)] = 1;
    expectAlphabets(expected);
    let count = 0;
    for (let symbol = 0; symbol < symbols; symbol++) ranks[symbol] = expected[symbol] === 1 ? count++ : 0;
    digit /= count;
    for (let i = 0; i < keys.length; i++) fractions[i] += ranks[symbolAt(keys[i], at)] * digit;
  }
  return fractions;
}

/** Adds what can be expected to the symbols that were seen, if they are several. */
function expectAlphabets(seen: Uint8Array): void {
  if (seen.indexOf(1) === seen.lastIndexOf(1)) return;
  const isBinary = seen.some((is, symbol) =>
    is === 1 && symbol !== endSymbol && (symbol < printable.first || symbol > printable.last)
  );
  if (isBinary) seen.fill(1, endSymbol + 1);
  for (const { first, end } of alphabets) {
    if (seen.subarray(first, end).includes(1)) seen.fill(1, first, end);
  }
}

function longer(length: number, key: Uint8Array): number {
  return Math.max(length, key.length);
}

function symbolAt(key: Uint8Array, at: number): number {
  return at < key.length ? key[at] + 1 : endSymbol;
}

/** How many bytes all of ascending keys begin with: as many as the first and the last do. */
function commonBytes(keys: readonly Uint8Array[]): number {
  if (keys.length === 0) return 0;
  const first = keys[0], last = keys[keys.length - 1];
  let at = 0;
  while (at < first.length && first[at] === last[at]) at++;
  return at;
}
