/**
 * The manifest: what exists. One line that says what it is, then JSON, so that it can be read with `less`.
 *
 * ```
 *   varve-manifest 1 <checksum of the rest, 8 hexadecimal digits>\n
 *   {"version":…,"storeId":"…","timelines":[…]}\n
 * ```
 *
 * Names of files are generated from numbers and parsed strictly; nothing read from a file is used as a path.
 *
 * @module
 */

import { crc32, maxKeyBytes, maxTimelineNameLength } from "../base/mod.ts";

/** A segment that is not sealed. */
export interface SegmentEntry {
  /** Its id, 16 hexadecimal digits. */
  fileId: string;
  /** Its place in the log. */
  sequence: number;
  /** The LSN of its first batch. */
  firstLsn: number;
  /** After a clean close: how far it was durable. */
  witness?: { offset: number; lsn: number };
}

/** A sealed file. */
export interface LayerEntry {
  /** Its id, 16 hexadecimal digits. */
  fileId: string;
  /** Its place in the log. */
  sequence: number;
  /** The LSN of its first batch. */
  firstLsn: number;
  /** The LSN of its last batch. */
  lastLsn: number;
  /** Its length in bytes. */
  byteLength: number;
  /** The number of versions in it. */
  versions: number;
  /** The number of tombstones among them. */
  tombstones: number;
  /** The number of distinct keys. */
  keys: number;
  /** The smallest key, in hexadecimal. */
  firstKey: string;
  /** The largest key, in hexadecimal. */
  lastKey: string;
}

/** A timeline. */
export interface TimelineEntry {
  /** Its name. */
  name: string;
  /** Its id, 16 hexadecimal digits: the name of its directory. */
  id: string;
  /** When it was made, in milliseconds since the epoch. */
  created: number;
  /** The sequence of its next segment. */
  nextSequence: number;
  /** Its unsealed segments, oldest first. */
  segments: SegmentEntry[];
  /** Its sealed layers, oldest first. */
  layers: LayerEntry[];
}

/** What exists. */
export interface ManifestState {
  /** The version, which grows by one with every manifest. */
  version: number;
  /** The store's id, 32 hexadecimal digits. */
  storeId: string;
  /** The timelines. */
  timelines: TimelineEntry[];
}

const magic = "varve-manifest 1 ";
const encoder = new TextEncoder();
const namePattern = /^manifest-([0-9]{12})$/;
const segmentPattern = /^[0-9a-f]{14}-[0-9a-f]{8}\.seg$/;

/** The file name of a manifest. */
export function manifestName(version: number): string {
  return `manifest-${String(version).padStart(12, "0")}`;
}

/** The version in the file name of a manifest, or `undefined` if it is not one. */
export function parseManifestName(name: string): number | undefined {
  const match = namePattern.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The file name of a segment, sealed or not. */
export function segmentName(firstLsn: number, sequence: number): string {
  return `${firstLsn.toString(16).padStart(14, "0")}-${sequence.toString(16).padStart(8, "0")}.seg`;
}

/** Whether a file name is one that {@linkcode segmentName} makes. */
export function isSegmentName(name: string): boolean {
  return segmentPattern.test(name);
}

/** Encodes a manifest. */
export function encodeManifest(state: ManifestState): Uint8Array<ArrayBuffer> {
  const body = JSON.stringify(state) + "\n";
  const sum = crc32(encoder.encode(body)).toString(16).padStart(8, "0");
  return encoder.encode(`${magic}${sum}\n${body}`);
}

/**
 * Decodes a manifest.
 *
 * @param bytes The file.
 * @returns The manifest, or in words why it is not one.
 */
export function decodeManifest(bytes: Uint8Array): ManifestState | string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "bytes that are not UTF-8";
  }
  const bodyStart = magic.length + 9;
  if (!text.startsWith(magic) || text[bodyStart - 1] !== "\n") {
    return "no manifest of a version that is known";
  }
  const sum = crc32(encoder.encode(text.slice(bodyStart))).toString(16).padStart(8, "0");
  if (sum !== text.slice(magic.length, bodyStart - 1)) return "a checksum that does not match";
  const value = parse(text.slice(bodyStart));
  return isState(value) ? value : "fields that are missing or out of range";
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHex(value: unknown, digits: number): value is string {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]*$/.test(value);
}

function isKey(value: unknown): boolean {
  return typeof value === "string" && value.length % 2 === 0 && value.length <= maxKeyBytes * 2 &&
    /^[0-9a-f]*$/.test(value);
}

function isState(value: unknown): value is ManifestState {
  return isObject(value) && isCount(value.version) && isHex(value.storeId, 32) &&
    Array.isArray(value.timelines) && value.timelines.every(isTimeline);
}

function isTimeline(value: unknown): boolean {
  return isObject(value) && typeof value.name === "string" && value.name.length > 0 &&
    value.name.length <= maxTimelineNameLength && isHex(value.id, 16) && isCount(value.created) &&
    isCount(value.nextSequence) && Array.isArray(value.segments) && value.segments.every(isSegment) &&
    Array.isArray(value.layers) && value.layers.every(isLayer) &&
    isInOrder([...value.layers, ...value.segments], value.nextSequence);
}

/** Whether files stand in the order of history, and the next one stands after them. */
function isInOrder(files: { sequence: number }[], next: number): boolean {
  return [...files, { sequence: next }].every(({ sequence }, i) =>
    i === 0 || files[i - 1].sequence < sequence
  );
}

function isSegment(value: unknown): boolean {
  return isObject(value) && isHex(value.fileId, 16) && isCount(value.sequence) && isCount(value.firstLsn) &&
    (value.witness === undefined ||
      isObject(value.witness) && isCount(value.witness.offset) && isCount(value.witness.lsn));
}

function isLayer(value: unknown): boolean {
  return isObject(value) && isHex(value.fileId, 16) && isCount(value.sequence) && isCount(value.firstLsn) &&
    isCount(value.lastLsn) && isCount(value.byteLength) && isCount(value.versions) &&
    isCount(value.tombstones) && isCount(value.keys) && isKey(value.firstKey) && isKey(value.lastKey);
}
