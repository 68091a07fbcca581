/**
 * What is known of a log whose process may die at any moment: what was appended, up to where somebody was told that it is
 * durable, and what may have been given up.
 *
 * ```
 *   records:  ░ ░ ░ ░ ░ █ █ █ █ █ █ █ █ █        after a crash it must begin somewhere between the two of `first`, and end
 *                 └first┘     └─floor─┘ └ issued  somewhere from the floor to the last that was issued
 * ```
 */

/** A record that was appended. */
export interface IssuedRecord {
  readonly payload: Uint8Array;
  /** A number that tells it from all others, those included that stood at its offset before a crash. */
  readonly number: number;
  /** What the clock showed. */
  readonly milliseconds: number;
}

/** What is known of a log at a moment. */
export interface KnownLog {
  /** Records by their offsets; those after the first `issued` were issued later. */
  readonly records: readonly IssuedRecord[];
  /** How many were issued. */
  readonly issued: number;
  /** The offset up to which somebody was told that they are durable, or was shown them in another process. */
  readonly floor: number;
  /** The first offset that somebody saw, and the last that it may be. */
  readonly first: readonly [least: number, most: number];
}

/** Where a log begins and ends. */
export interface LogEnds {
  readonly first: number;
  readonly next: number;
  /** The number of its last record; -1 if it has none. */
  readonly last: number;
}

/** What is known before anything was done. */
export const nothingKnown: KnownLog = { records: [], issued: 0, floor: 0, first: [0, 0] };

/** Whether the same was issued and told at two moments. */
export function saysSame(a: KnownLog, b: KnownLog): boolean {
  return a.records === b.records && a.issued === b.issued && a.floor === b.floor &&
    a.first.every((offset, i) => offset === b.first[i]);
}

/** Where a log that is open begins and ends, by what is known. */
export function endsOf(
  { firstOffset, nextOffset }: { readonly firstOffset: number; readonly nextOffset: number },
  { records }: KnownLog,
): LogEnds {
  const last = nextOffset > firstOffset ? records[nextOffset - 1]?.number ?? -1 : -1;
  return { first: firstOffset, next: nextOffset, last };
}

/** Throws if a log may not begin and end there. */
export function checkEnds({ first, next, last }: LogEnds, known: KnownLog): void {
  const { records, issued, floor, first: [least, most] } = known;
  if (next < floor || next > issued) {
    throw new Error(`it ends at offset ${next}: ${floor} were durable, ${issued} were issued`);
  }
  if (first < least || first > Math.min(most, next)) {
    throw new Error(`it begins at offset ${first}, and not between ${least} and ${Math.min(most, next)}`);
  }
  const number = next > first ? records[next - 1].number : -1;
  if (last !== number) throw new Error(`it ends with record ${last}, and not with ${number}`);
}

/** What is known after an opening has found where a log begins and ends: that is there for good. */
export function knownAfter({ records }: KnownLog, { first, next }: LogEnds): KnownLog {
  return { records: records.slice(0, next), issued: next, floor: next, first: [first, first] };
}
