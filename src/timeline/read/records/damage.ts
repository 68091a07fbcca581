/**
 * What is wrong with records that were read.
 *
 * @module
 */

import { CorruptionError } from "../../../base/mod.ts";
import { checkRecord, flagsOfKind, readRecordHeader, recordHeaderBytes } from "../../../layer/mod.ts";
import type { KeyList } from "./columns.ts";
import type { Places } from "./places.ts";

/** What is wrong with the bytes that stand where a record of a key does, the newest if no place is named, if they are not it (D2). */
export function damageOf(
  places: Places,
  keys: KeyList,
  key: number,
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  at: number,
  length: number,
  place: number = key,
): CorruptionError | undefined {
  const header = length < recordHeaderBytes ? undefined : readRecordHeader(view, at);
  if (header === undefined || !checkRecord(bytes, view, at, length, places.seedOf(place))) {
    return corruption(places, place, "a record that checks", "one that does not");
  }
  const keyStart = at + recordHeaderBytes, keyEnd = keyStart + header.keyLength;
  const isIt = flagsOfKind(header.kind) === places.flagsOf(place) && header.lsn === places.lsnOf(place) &&
    keyEnd + header.valueLength === at + length && keys.isAt(key, bytes, keyStart, keyEnd);
  return isIt ? undefined : corruption(places, place, "the record of this key and LSN", "another");
}

/** The error of a value that cannot be decompressed. */
export function notOpened(places: Places, key: number): CorruptionError {
  return corruption(places, key, "a value that decompresses to what it says", "one that does not");
}

/** The error of a record that cannot be trusted. */
export function corruption(places: Places, key: number, expected: string, found: string): CorruptionError {
  return new CorruptionError({
    path: places.objectOf(key).path,
    offset: places.offsetOf(key),
    expected: `${expected} at LSN ${places.lsnOf(key)}`,
    found,
  });
}
