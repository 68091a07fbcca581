/**
 * The ids of objects: what stands in an id is all that a name on disk says.
 *
 * ```
 *   0123456789abcdef/00000000000001-00000001-00000001.seg
 *   └ timeline       └ first LSN    └ sequence └ generation
 * ```
 *
 * @module
 */

import { assert, type Lsn } from "../base/mod.ts";

declare const brand: unique symbol;

/** Names an object, in the form that is drawn above. */
export type ObjectId = string & { readonly [brand]: true };

/** What an object is: a segment, sealed or not, or one of the two kinds of layers that upkeep makes. */
export type ObjectKind = "seg" | "delta" | "image";

/** What an id says. */
export interface ObjectName {
  /** The id of the timeline. */
  readonly timeline: number;
  /** The first LSN that the object may hold. */
  readonly firstLsn: Lsn;
  /** Its number in its timeline, below 2^32. */
  readonly sequence: number;
  /** The generation of the store that made it, below 2^32. */
  readonly generation: number;
  /** What it is. */
  readonly kind: ObjectKind;
}

const pattern = /^([0-9a-f]{16})\/([0-9a-f]{14})-([0-9a-f]{8})-([0-9a-f]{8})\.(seg|delta|image)$/;
const timelinePattern = /^[0-9a-f]{16}$/;

/** The id of an object of this name. */
export function objectId(name: ObjectName): ObjectId {
  const { timeline, firstLsn, sequence, generation, kind } = name;
  const place = `${hex(firstLsn, 14)}-${hex(sequence, 8)}-${hex(generation, 8)}`;
  return `${timelineName(timeline)}/${place}.${kind}` as ObjectId;
}

/**
 * Reads an id, strictly: what {@linkcode objectId} gives is read back, and nothing else is read.
 *
 * @param text Such as a path under the directory of a store.
 * @returns What it says, or `undefined` if it is no id.
 */
export function parseObjectId(text: string): ObjectName | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [timeline, firstLsn, sequence, generation] = match.slice(1, 5).map((digits) => parseInt(digits, 16));
  if (timeline > Number.MAX_SAFE_INTEGER || firstLsn > Number.MAX_SAFE_INTEGER) return undefined;
  return { timeline, firstLsn, sequence, generation, kind: match[5] as ObjectKind };
}

/** The name of the directory of a timeline's objects. */
export function timelineName(timeline: number): string {
  return hex(timeline, 16);
}

/** Reads the name of a timeline's directory; `undefined` if it is none. */
export function parseTimelineName(name: string): number | undefined {
  const timeline = timelinePattern.test(name) ? parseInt(name, 16) : NaN;
  return Number.isSafeInteger(timeline) ? timeline : undefined;
}

function hex(value: number, digits: number): string {
  const text = value.toString(16).padStart(digits, "0");
  assert(Number.isSafeInteger(value) && value >= 0 && text.length === digits, "a name has fixed width");
  return text;
}
