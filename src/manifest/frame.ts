/**
 * The shape of a manifest file: a header block, then frames of whole blocks of 4096 bytes each, then room that is
 * reserved for more. Numbers are little-endian.
 *
 * ```
 *   file:    header block │ frame 0: snapshot │ frame 1: edits │ … │ frame n: closed │ room: zeros or leftovers …
 *
 *   header:  0       4          12        14      16         32                 40
 *            ┌───────┬──────────┬─────────┬───────┬──────────┬──────────────────┬─────────┐
 *            │ crc32 │ VARVEMF1 │ format  │ zeros │ store id │ manifest version │ zeros … │
 *            └───────┴──────────┴─────────┴───────┴──────────┴──────────────────┴─────────┘
 *
 *   frame:   0            4          8          12        16     17      20       24     32
 *            ┌────────────┬──────────┬──────────┬─────────┬──────┬───────┬────────┬──────┬────────┬─────────────────┐
 *            │ head crc32 │ body sum │ previous │ ordinal │ kind │ zeros │ length │ room │ body … │ zeros … (block) │
 *            └────────────┴──────────┴──────────┴─────────┴──────┴───────┴────────┴──────┴────────┴─────────────────┘
 * ```
 *
 * The checksum of the header block covers the rest of the block. That of a frame's head covers the other 28 bytes and
 * is seeded with the store's id, the manifest's version and the frame's offset; the body's covers all that follows the
 * head, up to the end of the last block. `previous` is the head checksum of the frame before it, so that a frame only
 * ever counts behind the very frame that it was written behind. `room` is the length that the file was durably known
 * to have.
 *
 * @module
 */

import { assert, blockBytes, CorruptionError, crc32, VarveError } from "../base/mod.ts";
import { longAt, putLong } from "./body.ts";

/** The version of the format. */
export const formatVersion = 2;
/** The bytes of a frame before its body. */
export const frameHeadBytes = 32;

const magic = new TextEncoder().encode("VARVEMF1");
/** How a manifest of version 1 starts: it was a text. */
const firstMagic = new TextEncoder().encode("varve-manifest 1 ");

/** What a frame holds; on disk as its place in {@linkcode frameKinds}. */
export type FrameKind = "snapshot" | "edits" | "closed" | "superseded";
const frameKinds: readonly FrameKind[] = ["snapshot", "edits", "closed", "superseded"];

/** The head of a frame. */
export interface FrameHead {
  /** What it holds. */
  readonly kind: FrameKind;
  /** Its place in the file: 0, 1, 2, … */
  readonly ordinal: number;
  /** The {@linkcode FrameHead.sum} of the frame before it; 0 for the first. */
  readonly previous: number;
  /** The bytes of its body. */
  readonly length: number;
  /** How long the file is known to be. */
  readonly room: number;
  /** The checksum of its head. */
  readonly sum: number;
  /** The checksum of its body and of the zeros behind it. */
  readonly bodySum: number;
}

/** Which file it is: what seeds the checksums of its frames. */
export interface FileIdentity {
  /** The store's id, 32 hexadecimal digits. */
  readonly storeId: string;
  /** The version of the manifest. */
  readonly version: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes a frame takes in the file. */
export function frameBytes(bodyLength: number): number {
  return Math.ceil((frameHeadBytes + bodyLength) / blockBytes) * blockBytes;
}

/** Writes the header block at the start of `bytes`. */
export function putHeader(bytes: Uint8Array, { storeId, version }: FileIdentity): void {
  const block = bytes.subarray(0, blockBytes).fill(0);
  const view = viewOf(block);
  block.set(magic, 4);
  view.setUint16(12, formatVersion, true);
  block.set(Uint8Array.fromHex(storeId), 16);
  putLong(view, 32, version);
  view.setUint32(0, crc32(block.subarray(4)), true);
}

/**
 * Reads the header block of a manifest.
 *
 * @param path The file, for messages.
 * @param bytes The file.
 * @param version The version in its name.
 * @throws {VarveError} If it is of another version of the format.
 * @throws {CorruptionError} If it is damaged, or of another version of the manifest.
 */
export function readHeader(path: string, bytes: Uint8Array, version: number): FileIdentity {
  const block = bytes.subarray(0, blockBytes);
  const starts = (at: number, with_: Uint8Array) => with_.every((byte, i) => block[at + i] === byte);
  if (starts(0, firstMagic)) throw otherFormat(path, 1);
  const view = viewOf(block);
  const fault = (found: string) =>
    new CorruptionError({ path, offset: 0, expected: `the header of manifest version ${version}`, found });
  if (block.length < blockBytes) throw fault(`${block.length} bytes`);
  if (!starts(4, magic) || view.getUint32(0, true) !== crc32(block.subarray(4))) {
    throw fault("a block that does not check");
  }
  const format = view.getUint16(12, true);
  if (format !== formatVersion) throw otherFormat(path, format);
  const found = longAt(view, 32);
  if (found !== version) throw fault(`version ${found}`);
  return { storeId: block.subarray(16, 32).toHex(), version };
}

function otherFormat(path: string, format: number): VarveError {
  return new VarveError(
    `Cannot open manifest "${path}": its format is version ${format}, this release reads version ${formatVersion}`,
  );
}

/** What seeds the checksum of the head of a frame at `offset`. */
function seedOf({ storeId, version }: FileIdentity, offset: number): number {
  const place = new Uint8Array(32);
  place.set(Uint8Array.fromHex(storeId));
  putLong(viewOf(place), 16, version);
  putLong(viewOf(place), 24, offset);
  return crc32(place);
}

/**
 * Completes a frame whose body stands in place.
 *
 * @param frame The whole frame, blocks and all, as it goes to `offset`.
 * @param identity Whose it is.
 * @param offset Where it goes.
 * @param head What it is.
 * @returns The checksum of its head.
 */
export function stampFrame(
  frame: Uint8Array,
  identity: FileIdentity,
  offset: number,
  head: Omit<FrameHead, "sum" | "bodySum">,
): number {
  assert(frame.length === frameBytes(head.length), `a frame of ${frame.length} bytes`);
  const view = viewOf(frame);
  view.setUint32(4, crc32(frame.subarray(frameHeadBytes)), true);
  view.setUint32(8, head.previous, true);
  view.setUint32(12, head.ordinal, true);
  view.setUint32(16, frameKinds.indexOf(head.kind), true);
  view.setUint32(20, head.length, true);
  putLong(view, 24, head.room);
  const sum = crc32(frame.subarray(4, frameHeadBytes), seedOf(identity, offset));
  view.setUint32(0, sum, true);
  return sum;
}

/**
 * Reads the head of a frame.
 *
 * @param bytes The file.
 * @param offset Where the frame starts.
 * @param identity Whose it should be.
 * @returns The head, or `undefined` if there is none of this file that was written to this place.
 */
export function readFrameHead(
  bytes: Uint8Array,
  offset: number,
  identity: FileIdentity,
): FrameHead | undefined {
  if (offset + blockBytes > bytes.length) return undefined;
  const head = bytes.subarray(offset, offset + frameHeadBytes);
  const view = viewOf(head);
  const kind = frameKinds[view.getUint32(16, true)];
  if (kind === undefined) return undefined;
  const sum = view.getUint32(0, true);
  if (sum !== crc32(head.subarray(4), seedOf(identity, offset))) return undefined;
  return {
    kind,
    ordinal: view.getUint32(12, true),
    previous: view.getUint32(8, true),
    length: view.getUint32(20, true),
    room: longAt(view, 24),
    sum,
    bodySum: view.getUint32(4, true),
  };
}

/** Whether the body of a frame is there and checks. */
export function hasBody(bytes: Uint8Array, offset: number, head: FrameHead): boolean {
  const end = offset + frameBytes(head.length);
  return end <= bytes.length && head.bodySum === crc32(bytes.subarray(offset + frameHeadBytes, end));
}
