/**
 * The frame of every data file: a header block and a footer block of 4096 bytes each, little-endian.
 *
 * ```
 *   file:    header block │ values area │ index pages │ filter pages │ footer block
 *
 *   header:  0       4          12        14     16         32            40        48
 *            ┌───────┬──────────┬─────────┬──────┬──────────┬─────────────┬─────────┬──────────┬───
 *            │ crc32 │ VARVEHD1 │ version │ kind │ store id │ timeline id │ file id │ sequence │ …
 *            └───────┴──────────┴─────────┴──────┴──────────┴─────────────┴─────────┴──────────┴───
 *            56           64          72                  80              88
 *         ───┬────────────┬───────────┬───────────────────┬───────────────┬─────────┐
 *            │ generation │ first LSN │ previous sequence │ previous LSN  │ zeros … │
 *         ───┴────────────┴───────────┴───────────────────┴───────────────┴─────────┘
 *
 *   footer:  0       4          12        14     16        24         32           40          48
 *            ┌───────┬──────────┬─────────┬──────┬─────────┬──────────┬────────────┬───────────┬──────────┬───
 *            │ crc32 │ VARVEFT1 │ version │ kind │ file id │ sequence │ generation │ first LSN │ last LSN │ …
 *            └───────┴──────────┴─────────┴──────┴─────────┴──────────┴────────────┴───────────┴──────────┴───
 *            56           64         72           80     88            96            104          112
 *         ───┬────────────┬──────────┬────────────┬──────┬─────────────┬─────────────┬────────────┬────────┬───
 *            │ values end │ versions │ tombstones │ keys │ index pages │ leaf pages  │ filter pages │ height │
 *         ───┴────────────┴──────────┴────────────┴──────┴─────────────┴─────────────┴────────────┴────────┴───
 *            120       128         136       144                146               148
 *         ───┬─────────┬───────────┬─────────┬──────────────────┬─────────────────┬───────────┬──────────┬─────────┐
 *            │ horizon │ image LSN │ patches │ first key length │ last key length │ first key │ last key │ zeros … │
 *         ───┴─────────┴───────────┴─────────┴──────────────────┴─────────────────┴───────────┴──────────┴─────────┘
 * ```
 *
 * Numbers are 64 bits wide unless they are drawn narrower: the version, the kind and lengths of keys have 16. The
 * checksum covers the rest of the block. The index starts where the values end; page 0 is its first leaf, its last
 * page is its root; the pages of the filter go on counting. A file that is still being written has no index and no
 * footer. What the footer says is a {@linkcode LayerDescription}, and must be what the manifest says.
 *
 * @module
 */

import { assert, blockBytes, CorruptionError, crc32, type Lsn } from "../../base/mod.ts";
import {
  descriptionFault,
  layerByteLength,
  type LayerDescription,
  type LayerKind,
} from "../layer_description.ts";
import { getLong, putLong } from "./long.ts";

/** The version of the format. */
export const formatVersion = 8;

const encoder = new TextEncoder();
const headerMagic = encoder.encode("VARVEHD1");
const footerMagic = encoder.encode("VARVEFT1");
/** What a data file is: a layer, a segment of one, or a segment of a log, which has neither pages nor this footer. */
export type FileKind = LayerKind | "log";
/** The kinds of files; a kind is on disk as its place here. */
const kinds: readonly (FileKind | undefined)[] = [undefined, "L0", "delta", "image", "log"];

/** Whose a data file is. */
export interface FileIdentity {
  /** The store, as 16 bytes in hexadecimal. */
  readonly storeId: string;
  /** The timeline. */
  readonly timelineId: number;
  /** The file; it seeds the checksums of its pages. */
  readonly fileId: number;
}

/** What a data file says of itself at its start. */
export interface FileHeader extends FileIdentity {
  /** What it is; a segment of a timeline is `L0`, sealed or not. */
  readonly kind: FileKind;
  /** The file's place in its timeline: 1, 2, … */
  readonly sequence: number;
  /** The generation of the store's owner that made it. */
  readonly generation: number;
  /** The LSN of its first batch. */
  readonly firstLsn: Lsn;
  /** The sequence of the segment before it; 0 if there is none. */
  readonly previousSequence: number;
  /** The last LSN before it. */
  readonly previousLsn: Lsn;
}

function viewOf(block: Uint8Array): DataView {
  return new DataView(block.buffer, block.byteOffset, block.byteLength);
}

/** A block that has everything but its checksum and its numbers. */
function frame(magic: Uint8Array, kind: FileKind): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  block.set(magic, 4);
  viewOf(block).setUint16(12, formatVersion, true);
  viewOf(block).setUint16(14, kinds.indexOf(kind), true);
  return block;
}

function stamp(block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  viewOf(block).setUint32(0, crc32(block.subarray(4)), true);
  return block;
}

/** Whether a block starts with such a magic and checks, whatever its version is. */
function isIntact(block: Uint8Array, magic: Uint8Array): boolean {
  return block.length === blockBytes && magic.every((byte, i) => block[4 + i] === byte) &&
    viewOf(block).getUint32(0, true) === crc32(block.subarray(4));
}

/** The kind of an intact block of this version; `undefined` if it is of another version or kind. */
function kindOf(block: Uint8Array): FileKind | undefined {
  const view = viewOf(block);
  return view.getUint16(12, true) === formatVersion ? kinds[view.getUint16(14, true)] : undefined;
}

function getNumbers<Name extends string>(
  block: Uint8Array,
  at: number,
  names: readonly Name[],
): Record<Name, number> {
  const pairs = names.map((name, i) => [name, getLong(viewOf(block), at + i * 8)]);
  return Object.fromEntries(pairs) as Record<Name, number>;
}

/** The numbers of a header, in their order. */
const headerNumbers = [
  "timelineId",
  "fileId",
  "sequence",
  "generation",
  "firstLsn",
  "previousSequence",
  "previousLsn",
] as const;

/** Encodes a header block. */
export function encodeHeader(header: FileHeader): Uint8Array<ArrayBuffer> {
  const block = frame(headerMagic, header.kind);
  block.set(Uint8Array.fromHex(header.storeId), 16);
  headerNumbers.forEach((name, i) => putLong(viewOf(block), 32 + i * 8, header[name]));
  return stamp(block);
}

/**
 * Decodes a header block.
 *
 * @param block 4096 bytes.
 * @returns The header, or `undefined` if the block is not one of this version.
 */
export function decodeHeader(block: Uint8Array): FileHeader | undefined {
  const kind = isIntact(block, headerMagic) ? kindOf(block) : undefined;
  if (kind === undefined) return undefined;
  const numbers = getNumbers(block, 32, headerNumbers);
  if (!Object.values(numbers).every(Number.isSafeInteger)) return undefined;
  return { storeId: block.subarray(16, 32).toHex(), kind, ...numbers };
}

/**
 * Decodes the header of a file whose owner is known. A write that was torn leaves a block that does not check; a block
 * that checks and says something else was never torn.
 *
 * @param block The first 4096 bytes of the file.
 * @param expected Whose it must be.
 * @param path The file, for messages.
 * @returns The header, or `undefined` if the block does not check.
 * @throws {CorruptionError} If it is an intact header of another store, timeline, file or version.
 */
export function readHeader(block: Uint8Array, expected: FileIdentity, path: string): FileHeader | undefined {
  if (!isIntact(block, headerMagic)) return undefined;
  const header = decodeHeader(block);
  const found = header === undefined
    ? `a header of version ${viewOf(block).getUint16(12, true)} and kind ${viewOf(block).getUint16(14, true)}`
    : strangerIn(header, expected);
  if (found === undefined) return header;
  throw new CorruptionError({
    path,
    offset: 0,
    expected: `a header of this file, version ${formatVersion}`,
    found,
  });
}

function strangerIn(header: FileHeader, expected: FileIdentity): string | undefined {
  if (header.storeId !== expected.storeId) return `the header of store ${header.storeId}`;
  if (header.timelineId !== expected.timelineId) return `the header of timeline ${header.timelineId}`;
  return header.fileId === expected.fileId ? undefined : `the header of file ${header.fileId}`;
}

/** Encodes a footer block. */
export function encodeFooter(layer: LayerDescription): Uint8Array<ArrayBuffer> {
  assert(descriptionFault(layer) === undefined, "a description agrees with itself");
  const block = frame(footerMagic, layer.kind);
  const view = viewOf(block);
  footerNumbers.forEach((name, i) => putLong(view, 16 + i * 8, layer[name]));
  view.setUint16(keysStart - 4, layer.firstKey.length, true);
  view.setUint16(keysStart - 2, layer.lastKey.length, true);
  block.set(layer.firstKey, keysStart);
  block.set(layer.lastKey, keysStart + layer.firstKey.length);
  return stamp(block);
}

const footerNumbers = [
  "fileId",
  "sequence",
  "generation",
  "firstLsn",
  "lastLsn",
  "valuesEnd",
  "versions",
  "tombstones",
  "keys",
  "indexPages",
  "leafPages",
  "filterPages",
  "height",
  "horizon",
  "imageLsn",
  "patches",
] as const;
const keysStart = 16 + footerNumbers.length * 8 + 4;

/**
 * Decodes a footer block.
 *
 * @param block 4096 bytes.
 * @returns What it says, or `undefined` if it is not a footer of this version or contradicts itself.
 */
export function decodeFooter(block: Uint8Array): LayerDescription | undefined {
  const kind = isIntact(block, footerMagic) ? kindOf(block) : undefined;
  if (kind === undefined || kind === "log") return undefined;
  const view = viewOf(block);
  const numbers = getNumbers(block, 16, footerNumbers);
  const lastStart = keysStart + view.getUint16(keysStart - 4, true);
  const layer: LayerDescription = {
    kind,
    ...numbers,
    byteLength: layerByteLength(numbers),
    firstKey: block.slice(keysStart, lastStart),
    lastKey: block.slice(lastStart, lastStart + view.getUint16(keysStart - 2, true)),
  };
  return descriptionFault(layer) === undefined ? layer : undefined;
}
