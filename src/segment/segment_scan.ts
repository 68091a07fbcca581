/**
 * Scanning a segment in its file, once, or again and again while another process writes it.
 *
 * ```
 *   first scan   header │ batch │ batch │ ba░            then pads are looked for behind its end
 *   the next     ───────────────┬───────┴ batch │ …      goes on there: nothing that was whole is read again
 *                               └ but for its first checksum: is the file the one that was read?
 * ```
 *
 * V4  A scan goes on only in the file that it began in, behind bytes that are still there.
 *
 * @module
 */

import { blockBytes, CorruptionError, maxSegmentFileBytes } from "../base/mod.ts";
import { MemoryIndex } from "../layer/mod.ts";
import type { Objects, StoredObject } from "../objects/mod.ts";
import { ProofSearch } from "./proof.ts";
import {
  type BatchIndex,
  type ExpectedSegment,
  type ScanMark,
  type ScannedSegment,
  Scanner,
} from "./scan.ts";

/** Bytes that are scanned between two looks at the clock. */
const pieceBytes = 64 * 1024;

/** What reads segments. */
export type SegmentSource = Pick<Objects, "host" | "extent" | "stream">;

/**
 * Reads a segment of a timeline back.
 *
 * @param objects Where it lies.
 * @param object The segment.
 * @param expected Which one it should be.
 * @throws {CorruptionError} If its header is that of another file (V3).
 */
export async function scanSegment(
  objects: SegmentSource,
  object: StoredObject,
  expected: ExpectedSegment,
): Promise<ScannedSegment> {
  return await new SegmentScan(object, expected, new MemoryIndex()).next(objects);
}

/** A scan that may go on where it ended. One that has failed may not. */
export class SegmentScan<Index extends BatchIndex> {
  /** Which segment is expected. */
  readonly expected: ExpectedSegment;
  readonly #object: StoredObject;
  readonly #scanner: Scanner<Index>;

  /**
   * Reads nothing yet.
   *
   * @param object The segment.
   * @param expected Which one it should be.
   * @param index What is told of its batches.
   */
  constructor(object: StoredObject, expected: ExpectedSegment, index: Index) {
    this.#object = object;
    this.expected = expected;
    this.#scanner = new Scanner(object.path, expected, index);
  }

  /**
   * Reads the segment back, or on from where it ended. What it gives has the same index each time, which grows: who reads
   * it leaves versions out that are newer than what was said before.
   *
   * @param objects Where it lies.
   * @throws {CorruptionError} If its header is that of another file (V3), or what was read before is not there (V4).
   */
  async next(objects: SegmentSource): Promise<ScannedSegment<Index>> {
    const { expected } = this, scanner = this.#scanner, object = this.#object, { turns } = objects.host;
    const { byteLength, nextData } = await objects.extent(object);
    checkLength(object.path, byteLength);
    if (scanner.mark !== undefined) await this.#checkMark(objects, byteLength, scanner.mark);
    await this.#scan(objects, Math.min(byteLength, expected.end ?? byteLength));
    const scanned = scanner.finish();
    if (expected.end !== undefined) return scanned;
    // Room that was reserved and never written is passed over, where the system can tell it.
    const from = alignDown(scanned.end);
    const start = Math.max(from, alignDown(await nextData(from)));
    if (start >= byteLength) return scanned;
    const front = { end: scanned.end, lastLsn: scanned.lastLsn, pads: scanner.pads };
    const search = new ProofSearch(expected.header.fileId, front, start);
    for await (const chunk of objects.stream(object, { start, end: byteLength })) {
      search.feed(chunk);
      if (search.proof !== undefined && expected.searchesAll !== true) break;
      if (turns.due()) await turns.turn();
    }
    return {
      ...scanned,
      restDurableLsn: search.durableLsn,
      restDurableOffset: search.durableOffset,
      hasRest: true,
      proof: scanned.proof ?? search.proof,
    };
  }

  /** Takes what is whole, up to where the file ends. */
  async #scan(objects: SegmentSource, end: number): Promise<void> {
    const scanner = this.#scanner, { turns } = objects.host, from = scanner.end;
    const start = alignDown(from);
    let skipped = from - start;
    if (start >= end) return;
    for await (const chunk of objects.stream(this.#object, { start, end })) {
      for (let at = skipped; at < chunk.length && !scanner.stopped; at += pieceBytes) {
        scanner.feed(chunk.subarray(at, at + pieceBytes));
        if (turns.due()) await turns.turn();
      }
      skipped = Math.max(0, skipped - chunk.length);
      if (scanner.stopped) break;
    }
    scanner.rewind();
  }

  /** Checks that the last of what was whole is still there: nothing in front of it is looked at again. */
  async #checkMark(objects: SegmentSource, byteLength: number, mark: ScanMark): Promise<void> {
    const start = alignDown(mark.offset), at = mark.offset - start, bytes = new Uint8Array(2 * blockBytes);
    let filled = 0;
    const isThere = byteLength >= mark.end;
    for await (const chunk of isThere ? objects.stream(this.#object, { start, end: mark.offset + 4 }) : []) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    const found = new DataView(bytes.buffer).getUint32(at, true);
    if (isThere && found === mark.checksum) return;
    throw new CorruptionError({
      path: this.#object.path,
      offset: mark.offset,
      expected: "the batch that was read there before",
      found: isThere ? "another" : `a file of ${byteLength} bytes`,
    });
  }
}

/** A file that is longer than any segment is none, and is not read to its end (V2). */
function checkLength(path: string, byteLength: number): void {
  if (byteLength <= maxSegmentFileBytes) return;
  throw new CorruptionError({
    path,
    offset: maxSegmentFileBytes,
    expected: "the end of a segment",
    found: `a file of ${byteLength} bytes`,
  });
}

function alignDown(offset: number): number {
  return offset - offset % blockBytes;
}
