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
 * M10  A frame is written only once the one before it is durable. So the head of any later frame proves that what is
 *     between was durable, and that it is damaged if it does not check.
 * M11  What is only torn, a frame that nobody was told of, ends the file: all before it counts.
 * M12  Every frame lies in the room that an earlier one claims. So a file that is shorter than any frame says was cut.
 *
 * @module
 */

import { blockBytes, CorruptionError, crc32, VarveError } from "../base/mod.ts";
import { formatVersion } from "../layer/mod.ts";
import { type Code, Coder, encode, long, oneOf, record, word } from "./coder.ts";
import type { StoreState } from "./state.ts";

const magic = new TextEncoder().encode("VARVEMF1").toHex();
/** How a manifest of version 1 starts: it was a text. */
const firstMagic = new TextEncoder().encode("varve-manifest 1 ");
const headBytes = 32;

/** What a frame holds; on disk as its place in {@linkcode frameKinds}. */
export type FrameKind = "snapshot" | "edits" | "closed" | "superseded";
const frameKinds: readonly FrameKind[] = ["snapshot", "edits", "closed", "superseded"];

/** Which file it is: what seeds the checksums of its frames. */
export type FileIdentity = Pick<StoreState, "storeId" | "version">;

/** A file that is read. */
export interface FrameFile extends FileIdentity {
  /** Its path, for messages. */
  readonly path: string;
  /** What it holds. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Where a frame goes, and what it must say. */
export interface FramePlace {
  /** Where it starts. */
  readonly offset: number;
  /** How many frames are before it. */
  readonly ordinal: number;
  /** The checksum of the head of the frame before it; 0 for the first. */
  readonly previous: number;
  /** How long the file is known to be. */
  readonly room: number;
}

/** The first frame. It claims the room that it lies in. */
export const firstPlace: FramePlace = { offset: blockBytes, ordinal: 0, previous: 0, room: 0 };

/** A frame that is whole. */
export interface Frame {
  /** What it holds. */
  readonly kind: FrameKind;
  /** Its body, not read yet. */
  readonly body: Coder;
  /** Where the next one goes. */
  readonly next: FramePlace;
}

/** So many bytes, as hexadecimal digits. */
const hex = (length: number): Code<string> => (coder, digits) =>
  coder.bytes(length, digits === undefined ? undefined : Uint8Array.fromHex(digits)).toHex();

/** What stands behind the checksum of the header. */
const header = record({ magic: hex(8), format: word, storeId: hex(16), version: long });
const kind = oneOf(frameKinds, 4);
/** What stands behind the checksum of a frame's head. */
const frameHead = record({ bodySum: word, previous: word, ordinal: word, kind, length: word, room: long });
type FrameHead = ReturnType<typeof frameHead> & { readonly sum: number };
/** What seeds the checksum of a frame's head. */
const frameSeed = record({ storeId: hex(16), version: long, offset: long });

/** How many bytes a frame takes in the file. */
export function frameBytes(bodyLength: number): number {
  return Math.ceil((headBytes + bodyLength) / blockBytes) * blockBytes;
}

/** Writes the header block over zeros at the start of `bytes`. */
export function putHeader(bytes: Uint8Array, { storeId, version }: FileIdentity): void {
  bytes.set(encode(header, { magic, format: formatVersion, storeId, version }), 4);
  bytes.set(encode(word, crc32(bytes.subarray(4, blockBytes))));
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
export function readHeader(path: string, bytes: Uint8Array<ArrayBuffer>, version: number): FrameFile {
  const fault = (format: number) =>
    new VarveError(
      `Cannot open manifest "${path}": its format is version ${format}, this release reads version ${formatVersion}`,
    );
  if (bytes.subarray(0, firstMagic.length).toHex() === firstMagic.toHex()) throw fault(1);
  if (bytes.length < blockBytes) {
    const expected = "the header of a manifest";
    const found = bytes.length === 0 ? "an empty file" : `a file of ${bytes.length} bytes`;
    throw new CorruptionError({ path, offset: 0, expected, found });
  }
  const reader = Coder.reader(path, bytes, 0, blockBytes);
  const isWhole = word(reader) === crc32(bytes.subarray(4, blockBytes));
  const found = isWhole ? header(reader) : undefined;
  if (found?.magic !== magic) throw reader.fault("the header of a manifest", "a block that does not check");
  if (found.format !== formatVersion) throw fault(found.format);
  if (found.version !== version) throw reader.fault(`version ${version}`, `${found.version}`);
  return { path, bytes, storeId: found.storeId, version };
}

/**
 * Completes a frame over zeros.
 *
 * @param frame The whole frame, blocks and all.
 * @param identity Whose it is.
 * @param place Where it goes.
 * @param content What it holds, and how long the file is known to be.
 * @returns Where the next one goes.
 */
export function putFrame(
  frame: Uint8Array,
  identity: FileIdentity,
  place: FramePlace,
  { kind, body, room }: { readonly kind: FrameKind; readonly body: Uint8Array; readonly room: number },
): FramePlace {
  frame.set(body, headBytes);
  const { previous, ordinal, offset } = place, bodySum = crc32(frame.subarray(headBytes));
  const head = { bodySum, previous, ordinal, kind, length: body.length, room };
  frame.set(encode(frameHead, head), 4);
  const sum = crc32(frame.subarray(4, headBytes), seedOf(identity, offset));
  frame.set(encode(word, sum));
  return placeBehind(place, { ...head, sum });
}

/**
 * Reads a frame.
 *
 * @param file The file.
 * @param place Where it should be.
 * @returns The frame, or `undefined` at the end, torn frames included (M11).
 * @throws {CorruptionError} If it is damaged, or not the one that was written behind the frame before it.
 */
export function readFrame(file: FrameFile, place: FramePlace): Frame | undefined {
  const { path, bytes } = file, { offset } = place, start = offset + headBytes;
  const head = readHead(file, offset), next = head && placeBehind(place, head);
  if (head !== undefined && next !== undefined) {
    checkPlace(file, place, head, next);
    const isWhole = head.bodySum === crc32(bytes.subarray(start, next.offset));
    if (isWhole) return { kind: head.kind, body: Coder.reader(path, bytes, start, head.length), next };
  }
  // A later frame proves that the one here had been durable (M10).
  for (let later = offset + blockBytes; later < bytes.length; later += blockBytes) {
    const ordinal = readHead(file, later)?.ordinal ?? 0;
    if (ordinal > place.ordinal) throw faultAt(file, place, `damage, but frame ${ordinal} at ${later}`);
  }
  return undefined;
}

/** Throws if the file was cut (M12), or a frame was not written here behind the frame before it. */
function checkPlace(file: FrameFile, place: FramePlace, head: FrameHead, next: FramePlace): void {
  const { length } = file.bytes, claimed = place.ordinal === 0 ? head.room : place.room;
  if (length < head.room) throw faultAt(file, place, `${length} bytes of a file of ${head.room}`);
  const isRight = head.ordinal === place.ordinal && head.previous === place.previous &&
    next.offset <= claimed && next.offset + blockBytes <= head.room;
  if (!isRight) throw faultAt(file, place, `frame ${head.ordinal}, which was not written here`);
}

function faultAt({ path }: FrameFile, { offset, ordinal }: FramePlace, found: string): CorruptionError {
  return new CorruptionError({ path, offset, expected: `frame ${ordinal}`, found });
}

function placeBehind({ offset, ordinal }: FramePlace, { length, room, sum }: FrameHead): FramePlace {
  return { offset: offset + frameBytes(length), ordinal: ordinal + 1, previous: sum, room };
}

/** The head of a frame of this file that was written to `offset`, if there is one. */
function readHead(file: FrameFile, offset: number): FrameHead | undefined {
  const end = offset + headBytes;
  if (end > file.bytes.length || isUnwritten(file.bytes, offset)) return undefined;
  const reader = Coder.reader(file.path, file.bytes, offset, headBytes), sum = word(reader);
  const isWhole = sum === crc32(file.bytes.subarray(offset + 4, end), seedOf(file, offset));
  return isWhole ? { ...frameHead(reader), sum } : undefined;
}

/** Whether nothing was ever written where a head would be: of most blocks in the room that is reserved that says enough. */
function isUnwritten(bytes: Uint8Array, offset: number): boolean {
  for (let i = offset; i < offset + headBytes; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** What seeds the checksum of the head of a frame at `offset`. */
function seedOf({ storeId, version }: FileIdentity, offset: number): number {
  return crc32(encode(frameSeed, { storeId, version, offset }));
}
