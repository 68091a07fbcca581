/**
 * The frame of every data file: a header block and a footer block of 4096 bytes each, little-endian.
 *
 * ```
 *   file:    header block │ values area │ index pages │ bloom pages │ footer block
 *
 *   header:  0       4          12        14     16         32            40       48         56
 *            ┌───────┬──────────┬─────────┬──────┬──────────┬─────────────┬────────┬──────────┬──────────┬───
 *            │ crc32 │ VARVEHD1 │ version │ kind │ store id │ timeline id │ file id│ sequence │ first LSN│ …
 *            └───────┴──────────┴─────────┴──────┴──────────┴─────────────┴────────┴──────────┴──────────┴───
 *            64             72                  80              88
 *         ───┬──────────────┬───────────────────┬───────────────┬─────────┐
 *            │ previous end │ previous sequence │ previous LSN  │ zeros … │
 *         ───┴──────────────┴───────────────────┴───────────────┴─────────┘
 *
 *   footer:  0       4          12        14     16        24           32         40          48 …
 *            ┌───────┬──────────┬─────────┬──────┬─────────┬────────────┬──────────┬───────────┬───
 *            │ crc32 │ VARVEFT1 │ version │ kind │ file id │ values end │ bloom at │ first LSN │ last LSN …
 *            └───────┴──────────┴─────────┴──────┴─────────┴────────────┴──────────┴───────────┴───
 * ```
 *
 * The rest of the footer is in {@linkcode encodeFooter}, in order. The index starts where the values end; page 0 is
 * its first leaf, its last page is its root; the pages of the bloom filter go on counting. A file that is still being
 * written has no index and no footer.
 *
 * F1  A file is `bloom at + bloom pages × 8192 + 4096` bytes long, exactly.
 *
 * @module
 */

import { assert, blockBytes, crc32, maxKeyBytes, pageBytes } from "../base/mod.ts";

/** The version of the format. */
export const formatVersion = 1;
/** What a data file is. */
export const FileKind = {
  /** A segment, sealed or not. */
  SEGMENT: 1,
} as const;

const headerMagic = 0x3144484556524156n; // "VARVEHD1"
const footerMagic = 0x3154464556524156n; // "VARVEFT1"

/** What a data file says of itself at its start. */
export interface FileHeader {
  /** The store, as 16 bytes in hexadecimal. */
  storeId: string;
  /** The timeline. */
  timelineId: bigint;
  /** The file; it seeds the checksums of its pages. */
  fileId: bigint;
  /** The file's place in its timeline's log: 1, 2, … */
  sequence: number;
  /** The LSN of its first batch. */
  firstLsn: number;
  /** The offset at which the segment before it ends; 0 if there is none. */
  previousEnd: number;
  /** The sequence of the segment before it; 0 if there is none. */
  previousSequence: number;
  /** The last LSN before it. */
  previousLsn: number;
}

/** What a sealed file says of itself at its end. */
export interface FileFooter {
  /** The file. */
  fileId: bigint;
  /** Where the values area ends and the index starts. */
  valuesEnd: number;
  /** Where the bloom filter starts. */
  bloomStart: number;
  /** The LSN of the first batch. */
  firstLsn: number;
  /** The LSN of the last batch. */
  lastLsn: number;
  /** The number of versions. */
  versions: number;
  /** The number of tombstones among them. */
  tombstones: number;
  /** The number of distinct keys. */
  keys: number;
  /** The pages of the index. */
  indexPages: number;
  /** How many of them are leaves. */
  leafPages: number;
  /** The levels of the index; 0 if there are no versions. */
  height: number;
  /** The pages of the bloom filter. */
  bloomPages: number;
  /** The checksum of the values area, from the end of the header block on. */
  valuesCrc: number;
  /** The checksum of the index. */
  indexCrc: number;
  /** The checksum of the bloom filter. */
  bloomCrc: number;
  /** The smallest key; empty if there are no versions. */
  firstKey: Uint8Array;
  /** The largest key; empty if there are no versions. */
  lastKey: Uint8Array;
}

/** The length of a sealed file in bytes (F1). */
export function sealedLength(footer: FileFooter): number {
  return footer.bloomStart + footer.bloomPages * pageBytes + blockBytes;
}

function stampBlock(block: Uint8Array): Uint8Array {
  new DataView(block.buffer).setUint32(0, crc32(block.subarray(4)), true);
  return block;
}

function isBlock(block: Uint8Array, view: DataView, magic: bigint): boolean {
  return block.length === blockBytes && view.getBigUint64(4, true) === magic &&
    view.getUint32(0, true) === crc32(block.subarray(4)) && view.getUint16(12, true) === formatVersion &&
    view.getUint16(14, true) === FileKind.SEGMENT;
}

/** Encodes a header block. */
export function encodeHeader(header: FileHeader): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  view.setBigUint64(4, headerMagic, true);
  view.setUint16(12, formatVersion, true);
  view.setUint16(14, FileKind.SEGMENT, true);
  block.set(Uint8Array.fromHex(header.storeId), 16);
  view.setBigUint64(32, header.timelineId, true);
  view.setBigUint64(40, header.fileId, true);
  const numbers = [
    header.sequence,
    header.firstLsn,
    header.previousEnd,
    header.previousSequence,
    header.previousLsn,
  ];
  numbers.forEach((value, i) => view.setBigUint64(48 + i * 8, BigInt(value), true));
  return stampBlock(block);
}

/**
 * Decodes a header block.
 *
 * @param block 4096 bytes.
 * @returns The header, or `undefined` if the block is not one.
 */
export function decodeHeader(block: Uint8Array): FileHeader | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (!isBlock(block, view, headerMagic)) return undefined;
  const number = (i: number) => Number(view.getBigUint64(48 + i * 8, true));
  return {
    storeId: block.subarray(16, 32).toHex(),
    timelineId: view.getBigUint64(32, true),
    fileId: view.getBigUint64(40, true),
    sequence: number(0),
    firstLsn: number(1),
    previousEnd: number(2),
    previousSequence: number(3),
    previousLsn: number(4),
  };
}

/** Encodes a footer block. */
export function encodeFooter(footer: FileFooter): Uint8Array {
  assert(footer.firstKey.length <= maxKeyBytes && footer.lastKey.length <= maxKeyBytes, "keys are bounded");
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer);
  view.setBigUint64(4, footerMagic, true);
  view.setUint16(12, formatVersion, true);
  view.setUint16(14, FileKind.SEGMENT, true);
  view.setBigUint64(16, footer.fileId, true);
  const longs = [footer.valuesEnd, footer.bloomStart, footer.firstLsn, footer.lastLsn];
  longs.forEach((value, i) => view.setBigUint64(24 + i * 8, BigInt(value), true));
  const words = [
    footer.versions,
    footer.tombstones,
    footer.keys,
    footer.indexPages,
    footer.leafPages,
    footer.height,
    footer.bloomPages,
    footer.valuesCrc,
    footer.indexCrc,
    footer.bloomCrc,
    footer.firstKey.length,
    footer.lastKey.length,
  ];
  words.forEach((value, i) => view.setUint32(56 + i * 4, value, true));
  block.set(footer.firstKey, 104);
  block.set(footer.lastKey, 104 + footer.firstKey.length);
  return stampBlock(block);
}

/**
 * Decodes a footer block.
 *
 * @param block 4096 bytes.
 * @returns The footer, or `undefined` if the block is not one or contradicts itself.
 */
export function decodeFooter(block: Uint8Array): FileFooter | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (!isBlock(block, view, footerMagic)) return undefined;
  const long = (i: number) => Number(view.getBigUint64(24 + i * 8, true));
  const word = (i: number) => view.getUint32(56 + i * 4, true);
  const firstLength = word(10), lastLength = word(11);
  if (firstLength > maxKeyBytes || lastLength > maxKeyBytes) return undefined;
  const footer: FileFooter = {
    fileId: view.getBigUint64(16, true),
    valuesEnd: long(0),
    bloomStart: long(1),
    firstLsn: long(2),
    lastLsn: long(3),
    versions: word(0),
    tombstones: word(1),
    keys: word(2),
    indexPages: word(3),
    leafPages: word(4),
    height: word(5),
    bloomPages: word(6),
    valuesCrc: word(7),
    indexCrc: word(8),
    bloomCrc: word(9),
    firstKey: block.slice(104, 104 + firstLength),
    lastKey: block.slice(104 + firstLength, 104 + firstLength + lastLength),
  };
  return isSound(footer) ? footer : undefined;
}

function isSound(footer: FileFooter): boolean {
  return footer.valuesEnd >= blockBytes && footer.valuesEnd % blockBytes === 0 &&
    footer.bloomStart === footer.valuesEnd + footer.indexPages * pageBytes &&
    footer.leafPages <= footer.indexPages && (footer.height === 0) === (footer.indexPages === 0) &&
    footer.height <= 32 && footer.bloomPages >= 1 && footer.firstLsn <= footer.lastLsn;
}
