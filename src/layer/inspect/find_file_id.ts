/**
 * Whose a file is where its header does not say it: its pads do.
 *
 * @module
 */

import { blockBytes } from "../../base/mod.ts";
import type { StoredObject } from "../../objects/mod.ts";
import { fileSeed } from "../formats/file_seed.ts";
import { checkRecord, decodePad, padBytes, recordHeaderBytes, RecordKind } from "../formats/record_format.ts";
import { type ObjectSource, type Pace, piecesOf } from "./pieces.ts";

/** How far in front of its end a pad starts at most: it may fill the rest of a block and the block behind. */
const mostPadBytes = blockBytes + padBytes;

/**
 * Looks for a pad that stands where it says, which a copy of one within a value does not.
 *
 * @param objects Where the file lies.
 * @param object The file.
 * @param end Where its records end at the latest, in bytes.
 * @param pace Whose turns are given, and who may stop it.
 * @returns The id of the file that the first one names; `undefined` if there is none.
 */
export async function findFileId(
  objects: ObjectSource,
  object: StoredObject,
  end: number,
  pace: Pace,
): Promise<number | undefined> {
  let tail: Uint8Array<ArrayBuffer> = new Uint8Array(0), tailEnd = blockBytes;
  for await (const piece of piecesOf(objects, object, { start: blockBytes, end }, pace)) {
    const bytes = piece.bytes ?? new Uint8Array(0), isJoined = tailEnd === piece.offset;
    const kept = isJoined ? tail : new Uint8Array(0);
    const area = new Uint8Array(kept.length + bytes.length);
    area.set(kept);
    area.set(bytes, kept.length);
    const base = piece.offset - kept.length, view = new DataView(area.buffer);
    for (let to = piece.offset + blockBytes; to <= piece.offset + bytes.length; to += blockBytes) {
      const fileId = fileIdIn(area, view, base, to);
      if (fileId !== undefined) return fileId;
    }
    tail = area.subarray(Math.max(0, area.length - mostPadBytes));
    tailEnd = piece.end;
  }
  return undefined;
}

/** Looks for a pad that ends at a block's end. */
function fileIdIn(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  base: number,
  end: number,
): number | undefined {
  const to = end - base;
  for (let at = to - padBytes; at >= Math.max(0, to - mostPadBytes); at--) {
    if (bytes[at + 4] !== RecordKind.PAD || view.getUint32(at + 8, true) !== to - at - recordHeaderBytes) {
      continue;
    }
    const { fileId, offset } = decodePad(view, at);
    if (offset === base + at && checkRecord(bytes, view, at, to - at, fileSeed(fileId))) return fileId;
  }
  return undefined;
}
