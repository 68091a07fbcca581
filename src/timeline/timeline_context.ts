/**
 * What a timeline is given by its store.
 *
 * @module
 */

import type { BufferPool, IoEngine } from "../io/mod.ts";
import type { Manifest } from "../manifest/mod.ts";
import type { ReadContext } from "./read_context.ts";

/** How large things may become. */
export interface TimelineSettings {
  /** The size at which a segment is frozen, in bytes. */
  readonly segmentBytes: number;
  /** The memory of an index at which its layer is frozen, in bytes. */
  readonly indexBytes: number;
  /** Bytes that wait to be written at which appends are refused, in bytes. */
  readonly waitingBytes: number;
}

/** What a timeline is given by its store. */
export interface TimelineContext {
  /** What reads and writes. */
  readonly engine: IoEngine;
  /** Whether writes bypass the page cache. */
  readonly writeDirect: boolean;
  /** Buffers of writers. */
  readonly pool: BufferPool;
  /** What reads share. */
  readonly read: ReadContext;
  /** What exists. */
  readonly manifest: Manifest;
  /** The store's directory. */
  readonly directory: string;
  /** Whether nothing may be written. */
  readonly readOnly: boolean;
  /** How large things may become. */
  readonly settings: TimelineSettings;
}

/** A random number that names a file or a timeline. */
export function randomId(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0];
}

/** An id as 16 hexadecimal digits. */
export function idName(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}
