/**
 * One record for each key of a batch that has patches.
 *
 * ```
 *   put(k, v) │ patch(k, p) │ put(j, w) │ patch(k, q)   ──►   put(j, w) │ patched k: v, p, q      needs nothing older
 *   delete(k) │ patch(k, p)                             ──►   patched k: nothing, p
 *   patch(k, p) │ patch(k, q)                           ──►   patch k: p, q                       needs older versions
 *   patch(k, p) │ put(k, v)                             ──►   put(k, v)
 * ```
 *
 * B1  Of a key that has a patch in a batch the batch has one record.
 *
 * @module
 */

import { copyBytes } from "../base/mod.ts";
import {
  isPatchKind,
  patchHeadBytes,
  recordHeaderBytes,
  RecordKind,
  recordLengthAt,
  writePatchHead,
} from "../layer/mod.ts";
import { EncodedBatch } from "./encoded_batch.ts";

/** Where the records of one key start that its version is made of, the oldest first. */
type Records = number[];

/**
 * Joins the records of keys that have patches. A batch without patches is told at once.
 *
 * @param batch The batch, which stays as it is.
 * @returns The batch itself, if each of these keys has one record (B1).
 * @throws {LimitError} If patches of a key are too long together.
 */
export function joinPatches(batch: EncodedBatch): EncodedBatch {
  if (!batch.hasPatches) return batch;
  const { view, end, bytes } = batch, patched = new Map<string, Records>();
  let isJoined = true;
  for (let at = 0; at < end; at += recordLengthAt(view, at)) {
    if (isPatchKind(bytes[at + 4])) patched.set(nameAt(batch, at), []);
  }
  for (let at = 0; at < end; at += recordLengthAt(view, at)) {
    const records = patched.get(nameAt(batch, at));
    if (records === undefined) continue;
    if (records.length > 0) isJoined = false;
    if (bytes[at + 4] !== RecordKind.PATCH) records.length = 0;
    records.push(at);
  }
  return isJoined ? batch : rewrite(batch, patched);
}

/** The same records, those of each key that is patched joined where the last of them stood. */
function rewrite(batch: EncodedBatch, patched: ReadonlyMap<string, Records>): EncodedBatch {
  const { view, end, bytes } = batch, joined = new EncodedBatch();
  for (let at = 0, length = 0; at < end; at += length) {
    length = recordLengthAt(view, at);
    const records = patched.get(nameAt(batch, at));
    if (records === undefined) copy(joined, batch, at);
    else if (records[records.length - 1] === at) {
      if (records.length === 1) copy(joined, batch, at);
      else join(joined, batch, records, bytes.subarray(keyStart(at), keyEnd(view, at)));
    }
  }
  return joined;
}

function copy(to: EncodedBatch, { bytes, view }: EncodedBatch, at: number): void {
  const start = keyEnd(view, at), length = view.getUint32(at + 8, true);
  to.write(bytes[at + 4], bytes.subarray(keyStart(at), start), length, (target, place) => {
    copyBytes(view, start, target, place, length);
  });
}

/** Joins a first record of any kind and the patches behind it. */
function join(to: EncodedBatch, { bytes, view }: EncodedBatch, records: Records, key: Uint8Array): void {
  const first = bytes[records[0] + 4], isPut = first === RecordKind.PUT;
  const hasHead = isPut || first === RecordKind.DELETE;
  const kind = first === RecordKind.PATCH ? RecordKind.PATCH : RecordKind.PATCHED;
  const length = records.reduce(
    (sum, at) => sum + view.getUint32(at + 8, true),
    hasHead ? patchHeadBytes : 0,
  );
  to.write(kind, key, length, (target, place) => {
    let end = place;
    if (hasHead) end = writePatchHead(target, end, isPut ? view.getUint32(records[0] + 8, true) : undefined);
    for (const at of records) {
      const count = view.getUint32(at + 8, true);
      copyBytes(view, keyEnd(view, at), target, end, count);
      end += count;
    }
  });
}

function keyStart(at: number): number {
  return at + recordHeaderBytes;
}

function keyEnd(view: DataView, at: number): number {
  return keyStart(at) + view.getUint16(at + 6, true);
}

/** The key of a record as a name in a map. */
function nameAt({ bytes, view }: EncodedBatch, at: number): string {
  return bytes.subarray(keyStart(at), keyEnd(view, at)).toHex();
}
