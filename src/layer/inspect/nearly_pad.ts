/**
 * Telling a pad that was damaged from what a crash left in its place.
 *
 * @module
 */

import {
  decodePad,
  padBytes,
  readRecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../formats/record_format.ts";

/**
 * Whether bytes up to a block boundary, which do not check, have the header of a pad that fills them, or the file's id
 * where a pad has it: one of them is left whatever single bit was flipped.
 *
 * @param bytes The bytes, or the first of them: as many as a pad has at least.
 * @param length How many they are up to the boundary.
 * @param fileId The id of the file.
 */
export function isNearlyPad(bytes: Uint8Array, length: number, fileId: number): boolean {
  if (bytes.length < padBytes) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readRecordHeader(view, 0);
  const isFilling = header?.kind === RecordKind.PAD &&
    header.valueLength === length - recordHeaderBytes;
  return isFilling || decodePad(view, 0).fileId === fileId;
}
