/**
 * Numbers of rows in the order of their LSNs, by a radix sort in steps: rows of one LSN stay as they came.
 *
 * @module
 */

const radix = 1 << 16;
/** Rows that a pass goes over between two yields: some hundred microseconds. */
const stepRows = 1 << 16;

/**
 * Sorts rows.
 *
 * @param lsns By row: its LSN.
 * @param count How many rows there are.
 * @yields Every few ten thousand rows, when the event loop may have a turn.
 * @returns Their numbers.
 */
export function* inLsnOrder(lsns: Float64Array, count: number): Generator<void, Uint32Array> {
  let rows = new Uint32Array(count), other = new Uint32Array(count);
  let least = Infinity, most = 0, isOrdered = true;
  for (let row = 0; row < count; row++) {
    rows[row] = row;
    if (lsns[row] < most) isOrdered = false;
    least = Math.min(least, lsns[row]);
    most = Math.max(most, lsns[row]);
  }
  if (isOrdered) return rows;
  const starts = new Uint32Array(radix + 1);
  for (let unit = 1; unit <= most - least; unit *= radix) {
    const digitOf = (row: number) => Math.floor((lsns[row] - least) / unit) % radix;
    yield* inSteps(count, (from, to) => scatter(rows, from, to, (row) => starts[digitOf(row) + 1]++));
    for (let digit = 1; digit <= radix; digit++) starts[digit] += starts[digit - 1];
    yield* inSteps(
      count,
      (from, to) => scatter(rows, from, to, (row) => other[starts[digitOf(row)]++] = row),
    );
    [rows, other] = [other, rows];
    starts.fill(0);
  }
  return rows;
}

function scatter(rows: Uint32Array, from: number, to: number, take: (row: number) => void): void {
  for (let i = from; i < to; i++) take(rows[i]);
}

/** Works through rows, and yields behind each step. */
function* inSteps(count: number, work: (from: number, to: number) => void): Generator<void, void> {
  for (let at = 0; at < count; at += stepRows) {
    work(at, Math.min(count, at + stepRows));
    yield;
  }
}
