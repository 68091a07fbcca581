/**
 * Batches of records that lie side by side, as memory that is nobody else's.
 *
 * ```
 *   piece     record │ record │ record │ record │ …       lent, or as large as a piece
 *   copies    └─ up to 4 KiB ─┘ └ key ┘ └ value ┘         keys and values are views of these
 * ```
 *
 * As of entries, who keeps a small key or value keeps 4 KiB at the most.
 *
 * @module
 */

import { type PatchList, recordHeaderBytes, tombstoneFlag, type VersionBlock } from "../../../layer/mod.ts";
import { mostBlockBytes } from "../records/copies.ts";
import type { ChangeBatch, KeyChange } from "./change_batch.ts";
import { inKeyOrder } from "./key_order.ts";
import { changesOfPatches } from "./patch_changes.ts";

/** By row: the patches that its record has in the place of a value. */
export type RowPatches = ReadonlyMap<number, PatchList>;

/**
 * Makes batches of rows. Hot: `bench/follow.ts`.
 *
 * @param rows Rows in the order of their LSNs, whose values lie behind their keys. Their memory is not kept.
 * @param patches By row: the patches of those that have any, in memory that is nobody else's.
 */
export function batchesOfRows(rows: VersionBlock, patches: RowPatches = new Map()): ChangeBatch[] {
  const changes = changesOf(rows), batches: ChangeBatch[] = [], { count, lsn: lsns } = rows;
  const numbers = new Uint32Array(count);
  for (let row = 0; row < count; row++) numbers[row] = row;
  for (let from = 0, to = 0; from < count; from = to) {
    const lsn = lsns[from];
    while (to < count && lsns[to] === lsn) to++;
    const arrived = numbers.subarray(from, to), ordered = inKeyOrder(rows, arrived);
    const isInOrder = ordered === arrived;
    if (patches.size > 0) batches.push({ lsn, changes: spread(changes, ordered, patches) });
    else batches.push({ lsn, changes: isInOrder ? changes.slice(from, to) : pick(changes, ordered) });
  }
  return batches;
}

/** The changes of rows, those of each record of patches in the place of what stands for it. */
function spread(changes: readonly KeyChange[], rows: Uint32Array, patches: RowPatches): KeyChange[] {
  return [...rows].flatMap((row) => {
    const change = changes[row], list = patches.get(row);
    return list === undefined ? [change] : changesOfPatches(change.key, list);
  });
}

function pick(changes: readonly KeyChange[], rows: Uint32Array): KeyChange[] {
  const picked = new Array<KeyChange>(rows.length);
  for (let i = 0; i < rows.length; i++) picked[i] = changes[rows[i]];
  return picked;
}

/** By row: the change. That of a record of patches only stands for those that the record has. */
function changesOf(rows: VersionBlock): KeyChange[] {
  const { count, bytes, keyStart, keyLength, length, flags } = rows;
  const changes = new Array<KeyChange>(count);
  for (let from = 0, to = 0; from < count;) {
    const start = keyStart[from];
    do to++; while (to < count && endOf(rows, to) - start <= mostBlockBytes);
    if (endOf(rows, from) - start > mostBlockBytes) {
      changes[from] = largeChange(rows, from++);
      continue;
    }
    const memory = bytes.slice(start, endOf(rows, to - 1)).buffer as ArrayBuffer;
    for (; from < to; from++) {
      const at = keyStart[from] - start, keyBytes = keyLength[from];
      const key = new Uint8Array(memory, at, keyBytes);
      changes[from] = (flags[from] & tombstoneFlag) !== 0 ? { key, delete: true } : {
        key,
        value: new Uint8Array(memory, at + keyBytes, length[from] - recordHeaderBytes - keyBytes),
      };
    }
  }
  return changes;
}

/** The change of a row with a large value, which the key does not keep. */
function largeChange(rows: VersionBlock, row: number): KeyChange {
  const bytes = rows.bytes as Uint8Array<ArrayBuffer>;
  const start = rows.keyStart[row], valueStart = start + rows.keyLength[row];
  return { key: bytes.slice(start, valueStart), value: bytes.slice(valueStart, endOf(rows, row)) };
}

/** Where the record of a row ends in memory. */
function endOf({ keyStart, length }: VersionBlock, row: number): number {
  return keyStart[row] - recordHeaderBytes + length[row];
}
