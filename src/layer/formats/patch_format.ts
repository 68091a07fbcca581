/**
 * What stands in the place of the value in a record of patches, little-endian.
 *
 * ```
 *   kind 6, patch        0         4                           kind 7, patched
 *   ┌─────────┬─────────┬─────────┬─────────┬───┐              ┌─────────┬────────┬─────────┬─────────┬───┐
 *   │ length  │ patch … │ length  │ patch … │ … │              │ length  │ base … │ length  │ patch … │ … │
 *   └─────────┴─────────┴─────────┴─────────┴───┘              └─────────┴────────┴─────────┴─────────┴───┘
 *     u32                 u32                                    u32: 2^32 − 1 if patches stand on nothing
 * ```
 *
 * A batch has one version of a key: patches of it in one batch are in one record, in the order in which they were given,
 * and with them the value of the batch that they stand on, if there is one, or that there is none, if the batch deleted
 * the key before.
 *
 * @module
 */

import { copyBytes, viewOf } from "../../base/mod.ts";
import { RecordKind } from "./record_format.ts";

/** The bytes in front of each patch. */
export const patchHeadBytes = 4;
/** Stands for the length of a base that is not there. */
const noBase = 0xffffffff;

/** Patches, and what they stand on if their record says so. */
export interface PatchList {
  /** Whether they stand on what the record says, and on nothing older. */
  readonly isWhole: boolean;
  /** The value that they stand on, if the record has one. */
  readonly base: Uint8Array<ArrayBuffer> | undefined;
  /** The patches, the oldest first. */
  readonly patches: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads patches, each into memory of its own.
 *
 * @param kind The kind of the record.
 * @param bytes What holds them in `[start, end)`.
 * @returns What they are; `undefined` if it is nothing of the kind.
 */
export function decodePatches(
  kind: number,
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  end: number,
): PatchList | undefined {
  const view = viewOf(bytes), isWhole = kind === RecordKind.PATCHED;
  const pieces: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  for (let at = start; at < end;) {
    const length = at + patchHeadBytes <= end ? view.getUint32(at, true) : end;
    const isNone = length === noBase && isWhole && pieces.length === 0;
    const to = at + patchHeadBytes + (isNone ? 0 : length);
    if (to > end) return undefined;
    pieces.push(isNone ? undefined : bytes.slice(at + patchHeadBytes, to));
    at = to;
  }
  const base = isWhole ? pieces.shift() : undefined;
  if (pieces.length === 0) return undefined;
  return { isWhole, base, patches: pieces as Uint8Array<ArrayBuffer>[] };
}

/** Writes the length of a patch, or of a base, in front of it; left out, there is no base. Returns where it stands. */
export function writePatchHead(view: DataView, at: number, length: number = noBase): number {
  view.setUint32(at, length, true);
  return at + patchHeadBytes;
}

/** Writes a patch, or a base, with its length; returns where it ends. */
export function writePatch(view: DataView, at: number, patch: Uint8Array): number {
  const to = writePatchHead(view, at, patch.length);
  copyBytes(viewOf(patch), 0, view, to, patch.length);
  return to + patch.length;
}
