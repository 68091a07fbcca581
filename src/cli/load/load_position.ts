/**
 * Up to where an input is stored.
 *
 * Lines without LSNs do not say whether they are stored, so each batch of them also writes the position behind its last
 * line, under a key of the input's name. Both are stored or none. A checksum of all that stands before the position tells
 * the same input from another of the same name.
 *
 * ```text
 * "\x00varve/load/changes.ndjson"  →  {"bytes":1048563,"lines":20561,"crc":2774812905}
 * ```
 */

import { boundBytes, crc32, type Key, keyBytes, maxKeyBytes, VarveError } from "../../base/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";

/** What the keys of positions start with. */
export const positionPrefix = "\0varve/load/";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What {@linkcode LoadPosition.encode} gives, and nothing else. */
const pattern = /^\{"bytes":([0-9]+),"lines":([0-9]+),"crc":([0-9]+)\}$/;
const mostPositionBytes = 80;
const prefixBytes = encoder.encode(positionPrefix);

/** Whether a key is one under which a position is kept. */
export function isPositionKey(key: Key): boolean {
  if (typeof key === "string") return key.startsWith(positionPrefix);
  const bytes = boundBytes(key);
  // Most keys differ in the first byte.
  for (let i = 0; i < prefixBytes.length; i++) if (bytes[i] !== prefixBytes[i]) return false;
  return true;
}

/** Which keys are asked for. */
export interface AskedKeys {
  /** What they start with. */
  readonly prefix?: Key | undefined;
  /** The first one. */
  readonly start?: Key | undefined;
}

/** Whether keys under which positions are kept are left out of what is shown: all of them, unless they are asked for. */
export function hidesPositions({ prefix, start }: AskedKeys): boolean {
  return !isPositionKey(prefix ?? start ?? "");
}

/** A position as it is kept. */
export type KeptPosition = Pick<LoadPosition, "bytes" | "lines" | "crc">;

/** Reads a position as it is kept; `undefined` if it is none. */
export function parsePosition(value: Uint8Array): KeptPosition | undefined {
  const match = value.length > mostPositionBytes ? null : pattern.exec(decoder.decode(value));
  const [bytes, lines, crc] = (match ?? []).slice(1).map(Number);
  const isPosition = match !== null && Number.isSafeInteger(bytes) && lines <= bytes && crc < 2 ** 32;
  return isPosition ? { bytes, lines, crc } : undefined;
}

/** A position in an input. */
export class LoadPosition {
  /** The key under which it is kept; `undefined` if it is not kept. */
  readonly key: Uint8Array | undefined;
  /** Bytes before it. */
  bytes = 0;
  /** Lines before it. */
  lines = 0;
  /** The checksum of those bytes. */
  crc = 0;

  /**
   * Starts at the beginning of an input.
   *
   * @param name The name of the input; without one the position is not kept.
   * @throws {LimitError} If the name is too long for a key.
   */
  constructor(name: string | undefined) {
    this.key = name === undefined ? undefined : keyBytes(positionPrefix + name);
  }

  /**
   * Reads the position that a timeline keeps for this input, if there is one.
   *
   * @throws {VarveError} If what it keeps there is no position.
   */
  async restore(timeline: Timeline): Promise<void> {
    const value = this.key === undefined ? undefined : await timeline.get(this.key);
    if (value === undefined) return;
    const kept = parsePosition(value);
    if (kept === undefined) {
      const name = `"${decoder.decode(this.key)}"`;
      throw new VarveError(
        `Cannot go on with the input: what the store keeps under ${name} is no position ` +
          "(--name gives the input another name, --again loads it from its first line on)",
      );
    }
    Object.assign(this, kept);
  }

  /** Goes on behind some bytes. */
  advance(bytes: Uint8Array, lines: number): void {
    this.bytes += bytes.length;
    this.lines += lines;
    this.crc = crc32(bytes, this.crc);
  }

  /** What is kept under its key. */
  encode(): Uint8Array {
    const { bytes, lines, crc } = this;
    return encoder.encode(JSON.stringify({ bytes, lines, crc }));
  }
}

/** The most bytes that a name may have. */
export const maxNameBytes: number = maxKeyBytes - prefixBytes.length;
