/**
 * Reading the values of located keys in request order, under a bound of bytes.
 *
 * @module
 */

import type { Entry } from "./entry.ts";
import { FailedEntry } from "./entry.ts";
import { absent, failed, type Located } from "./locate.ts";
import type { ReadContext, ReadLeases } from "./read_context.ts";
import { RecordReader } from "./read_records.ts";

/** Value bytes that are read ahead of the reader, if more than one value. */
const windowBytes = 12 * 1024 * 1024;

/** What stops a read. */
export interface ReadGuard {
  /** Throws if the read must stop: aborted, or the store is closed. */
  check(): void;
}

/**
 * Reads the records of located keys, and hands entries on in request order as soon as they are ready.
 *
 * @yields One or more entries.
 */
export async function* readLocated(
  context: ReadContext,
  leases: ReadLeases,
  located: Located,
  keys: readonly Uint8Array[],
  guard: ReadGuard,
): AsyncGenerator<Entry[]> {
  let from = 0;
  while (from < keys.length) {
    const to = windowEnd(located, from, keys.length);
    const reader = new RecordReader(context, leases, located, keys, from, to);
    try {
      let next = from;
      while (next < to) {
        const ready = takeReady(reader, located, keys, from, next, to);
        next += ready.length;
        if (ready.length > 0) yield ready;
        if (next === to) break;
        guard.check();
        await reader.step();
        guard.check();
      }
    } finally {
      await reader.cancel();
    }
    from = to;
  }
}

function windowEnd(located: Located, from: number, end: number): number {
  let bytes = 0, to = from;
  while (to < end && (bytes === 0 || bytes + located.lengthOf(to) <= windowBytes)) {
    if (located.sourceOf(to) >= 0) bytes += located.lengthOf(to);
    to++;
  }
  return to;
}

function takeReady(
  reader: RecordReader,
  located: Located,
  keys: readonly Uint8Array[],
  from: number,
  next: number,
  to: number,
): Entry[] {
  const entries: Entry[] = [];
  for (let i = next; i < to && reader.isReady(i - from); i++) {
    entries.push(entryOf(reader, located, keys, from, i));
  }
  return entries;
}

function entryOf(
  reader: RecordReader,
  located: Located,
  keys: readonly Uint8Array[],
  from: number,
  i: number,
): Entry {
  const source = located.sourceOf(i);
  const key = keys[i];
  if (source === absent) return { key, value: undefined, lsn: undefined };
  if (source === failed) return new FailedEntry(key, undefined, located.failures.get(i) as Error);
  const error = reader.failures.size === 0 ? undefined : reader.failures.get(i - from);
  if (error !== undefined) return new FailedEntry(key, located.lsnOf(i), error);
  const value = reader.values[i - from];
  // What was handed on is not held here too.
  reader.values[i - from] = undefined;
  return { key, value, lsn: located.lsnOf(i) };
}
