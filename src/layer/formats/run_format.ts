/**
 * Runs: records of a sorted layer that lie side by side, to which one slot of the index leads.
 *
 * ```
 *   values   │ a@3 │ b@1 │ b@4 │ c@2 ║ c@7 │ cd@1 │ d@9 ║ da@1, large ║ …
 *   slots      └ (a, 0) ─────────────  └ (c, 7) ──────── └ (da, 1), a record alone
 * ```
 *
 * A slot says where its run starts, and not with which record: its key is the shortest that stands behind the record
 * before the run and not behind the first one of it, its LSN is 0, or that of the first record where both have one key.
 * Beside it stand two checksums: one of all bytes of the run, by which it is checked at once, and one of its *heads*,
 * which are each record's bytes from its kind to the end of its key. Where the first is wrong and the second is right,
 * keys, LSNs and lengths are whole, and each record fails alone, by its own checksum.
 *
 * N1  A run has two records at the least and {@linkcode mostRunBytes} at the most; a record that would be alone in one
 *     has a slot of its own, as every record of an L0 has.
 * N2  Records of a sorted layer strictly increase by (key, LSN), across its runs.
 * N3  Of a run whose heads do not check, only what stands between two neighbours that check is believed.
 *
 * @module
 */

import { copyBytes, crc32, maxKeyBytes, viewOf } from "../../base/mod.ts";
import { isSameSpan } from "../spans.ts";
import {
  checkRecord,
  isVersionKind,
  joinLsn,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "./record_format.ts";
import { terminalFlag, tombstoneFlag } from "./page_format.ts";
import { wordAt } from "./word.ts";

/** The longest run in bytes. The cache keeps ranges in frames of 8 KiB, with 16 bytes beside each: two runs fill one. */
export const mostRunBytes: number = 4080;
/** Where the head of a record starts: behind its checksum. */
const headStart = 4;
/** Reads are whole sectors at the least, so that what lies in one comes from one place. */
const sectorBytes = 512;

/** What came of looking for a version in a run. */
export const RunSeek = {
  /** Every record stands behind it. */
  BEFORE: -1,
  /** What is there is no chain of records. */
  BROKEN: -2,
  /** What is damaged may be the version. */
  DAMAGED: -3,
} as const;

/** The flags of the version that a record of such a kind is. */
export function flagsOfKind(kind: number): number {
  if (kind === RecordKind.PATCH) return 0;
  return kind === RecordKind.DELETE ? terminalFlag | tombstoneFlag : terminalFlag;
}

/** How much of a key tells it from the one before it, which is not the same. */
export function boundLength(
  before: Uint8Array,
  beforeLength: number,
  key: Uint8Array,
  start: number,
  length: number,
): number {
  let shared = 0;
  while (shared < beforeLength && shared < length && before[shared] === key[start + shared]) shared++;
  return shared + 1;
}

/** The length of the record at `at`, if a record of a sorted layer can start there and ends before `end`; else 0. */
export function lengthInRun(bytes: Uint8Array, at: number, end: number): number {
  if (at + recordHeaderBytes > end) return 0;
  const kind = bytes[at + 4], keyLength = bytes[at + 6] | bytes[at + 7] << 8;
  const length = recordHeaderBytes + keyLength + wordAt(bytes, at + 8);
  const isOne = isVersionKind(kind) && keyLength > 0 &&
    keyLength <= maxKeyBytes && at + length <= end;
  return isOne ? length : 0;
}

/** The LSN of the record at `at`. */
export function lsnInRun(bytes: Uint8Array, at: number): number {
  return joinLsn(wordAt(bytes, at + 12), wordAt(bytes, at + 16));
}

/** The heads of a run, one behind the other, as they are summed. */
export class RunHeads {
  readonly #bytes = new Uint8Array(mostRunBytes);
  readonly #view = viewOf(this.#bytes);
  /** By length: the first so many bytes. Runs of one layer have few lengths, and making a view each time is garbage. */
  readonly #prefixes: (Uint8Array | undefined)[] = [];
  #end = 0;

  /** Starts anew. */
  clear(): void {
    this.#end = 0;
  }

  /** Adds the head of a record, which lies `at` a place; what is more than a run may have cannot check, and is left out. */
  add(view: DataView, at: number, keyLength: number): void {
    const length = Math.min(recordHeaderBytes + keyLength - headStart, mostRunBytes - this.#end);
    copyBytes(view, at + headStart, this.#view, this.#end, length);
    this.#end += length;
  }

  /** Their checksum. */
  sum(): number {
    return crc32(this.#prefixes[this.#end] ??= this.#bytes.subarray(0, this.#end));
  }
}

const checkedHeads = new RunHeads();

/** Whether the records of a run, the bytes `[start, end)`, follow each other as they should, and their heads check. */
export function areHeadsIntact(bytes: Uint8Array, start: number, end: number, headSum: number): boolean {
  if (end - start > mostRunBytes) return false;
  checkedHeads.clear();
  const view = viewOf(bytes);
  for (let at = start, length = 0; at < end; at += length) {
    length = lengthInRun(bytes, at, end);
    if (length === 0) return false;
    checkedHeads.add(view, at, bytes[at + 6] | bytes[at + 7] << 8);
  }
  return checkedHeads.sum() === headSum;
}

/**
 * Finds the last record at or before (key, LSN) in a run whose heads are whole. Hot: `bench/read.ts`.
 *
 * Keys of a run begin with the same bytes, mostly: what the first one shares with the key is compared with that and with
 * the one that is found, and not with those between. Where a key shares less it stands behind, and so do all after it
 * (N2), the one that is found too.
 *
 * @param bytes Memory that holds the run in `[start, end)`.
 * @returns Where it starts in `bytes`, or one of {@linkcode RunSeek}.
 */
export function seekInRun(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  lsn: number,
): number {
  const shared = sharedLength(bytes, start, end, key);
  const found = seekBehind(bytes, start, end, key, lsn, shared);
  if (found < 0 || isSameSpan(bytes, found + recordHeaderBytes, key, 0, shared)) return found;
  return seekBehind(bytes, start, end, key, lsn, 0);
}

/** How many bytes a key and that of the first record of a run begin with in common. */
function sharedLength(bytes: Uint8Array, start: number, end: number, key: Uint8Array): number {
  if (lengthInRun(bytes, start, end) === 0) return 0;
  const most = Math.min(key.length, bytes[start + 6] | bytes[start + 7] << 8),
    from = start + recordHeaderBytes;
  let shared = 0;
  while (shared < most && bytes[from + shared] === key[shared]) shared++;
  return shared;
}

/** Seeks as {@linkcode seekInRun} does, where keys that do not stand behind the key share so much of it. */
function seekBehind(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: Uint8Array,
  lsn: number,
  shared: number,
): number {
  let found: number = RunSeek.BEFORE;
  for (let at = start, length = 0; at < end; at += length) {
    length = lengthInRun(bytes, at, end);
    if (length === 0) return RunSeek.BROKEN;
    if (isBehind(bytes, at, key, lsn, shared)) return found;
    found = at;
  }
  return found;
}

/** Whether the record at `at` stands behind (key, LSN), if it shares so much of the key or stands behind it. */
function isBehind(bytes: Uint8Array, at: number, key: Uint8Array, lsn: number, shared: number): boolean {
  const keyLength = bytes[at + 6] | bytes[at + 7] << 8, from = at + recordHeaderBytes;
  if (keyLength < shared) return true;
  const most = keyLength < key.length ? keyLength : key.length;
  for (let i = shared; i < most; i++) {
    const difference = bytes[from + i] - key[i];
    if (difference !== 0) return difference > 0;
  }
  return keyLength > key.length || keyLength === key.length && lsnInRun(bytes, at) > lsn;
}

/**
 * Finds the last record at or before (key, LSN) in a run whose heads do not check. Since records increase all over a
 * layer (N2), two that follow each other are neighbours wherever their bytes came from, unless one read ended and
 * another began between them: nothing is believed across the end of a sector (N3).
 *
 * @param offset Where the run starts in its file.
 * @param seed The seed of its file's checksums.
 * @returns Where it starts in `bytes`, or `RunSeek.DAMAGED`.
 */
export function seekInDamagedRun(
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
  key: Uint8Array,
  lsn: number,
  offset: number,
  seed: number,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let before = -1;
  for (let at = start, length = 0; at < end; at += length) {
    const header = at + recordHeaderBytes <= end ? readRecordHeader(view, at) : undefined;
    if (header === undefined) break;
    length = recordHeaderBytes + header.keyLength + header.valueLength;
    if (at + length > end) break;
    if (!checkRecord(bytes, view, at, length, seed)) {
      before = -1;
      continue;
    }
    const isSplit = (offset + at - start) % sectorBytes === 0;
    if (isBehind(bytes, at, key, lsn, 0)) return before < 0 || isSplit ? RunSeek.DAMAGED : before;
    before = at;
  }
  return RunSeek.DAMAGED;
}
