/**
 * How a file is opened and read.
 *
 * @module
 */

import { checkFlag, checkNames, typeName } from "../base/mod.ts";
import type { IoEngine, IoMode } from "../io/mod.ts";

/** Options of `DirectFile.open`. */
export interface DirectFileOptions {
  /** What bypasses the page cache: nothing, reads, or reads and writes. The default is `"direct-rw"`. */
  ioMode?: IoMode | undefined;
  /** What does the IO. The default is `"auto"`. */
  ioEngine?: "auto" | "uring" | "threads" | "node" | IoEngine | undefined;
  /** Whether it is an error not to obtain the mode, or the engine that was named. The default is `false`. */
  strict?: boolean | undefined;
  /**
   * What a sync does with an unfinished block: `"rewrite"` writes it padded, and again when it has grown, so that the
   * file stays dense; `"pad"` fills it with zeros, which are part of the file then, so that a block that holds durable
   * bytes is never written again. The default is `"rewrite"`.
   */
  tail?: "rewrite" | "pad" | undefined;
  /**
   * Room to reserve behind the end, in bytes, so that writes do not extend the file: all of it when it is opened, and
   * more whenever it comes to its end, in steps of as much but 32 MiB at the most, beside the writes. The default is
   * none.
   */
  preallocateBytes?: number | undefined;
  /**
   * The length that the owner recorded, such as the last `durableLength`: what stands behind it, padding or what a crash
   * left, is cut off, or where nothing may be written, not shown. The default is the length that the system says.
   */
  length?: number | undefined;
  /** Whether the file is made if there is none. The default is `true`. */
  create?: boolean | undefined;
  /** Whether nothing may be written. The default is `false`. */
  readOnly?: boolean | undefined;
}

/** A range of a file. */
export interface ByteRange {
  /** Where it starts. The default is 0. */
  start?: number | undefined;
  /** Where it ends; the end of the file if that is before. The default is all there is at the call. */
  end?: number | undefined;
}

const names = ["ioMode", "ioEngine", "strict", "tail", "preallocateBytes", "length", "create", "readOnly"];

/**
 * Checks options; what is about IO is checked where it is used.
 *
 * @throws {TypeError} If one is unknown or has the wrong type.
 * @throws {RangeError} If one has a value that cannot be.
 */
export function checkOptions(path: string, options: DirectFileOptions): void {
  const action = `open "${path}"`;
  checkNames(action, options, names);
  checkFlag(action, "create", options.create);
  if (options.tail !== undefined && options.tail !== "rewrite" && options.tail !== "pad") {
    throw new TypeError(`Cannot open "${path}": expected tail "rewrite" or "pad", found "${options.tail}"`);
  }
  const { preallocateBytes = 0, length = 0 } = options;
  checkWhole(action, "preallocateBytes", preallocateBytes);
  checkWhole(action, "length", length);
}

/**
 * Checks a range.
 *
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If one is no whole number of 0 or more.
 */
export function checkRange(path: string, range: ByteRange): void {
  const action = `read "${path}"`;
  checkNames(action, range, ["start", "end"]);
  const { start = 0, end = Infinity } = range;
  checkWhole(action, "start", start);
  if (end !== Infinity) checkWhole(action, "end", end);
}

/**
 * Checks an offset or a length.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is no whole number of 0 or more.
 */
export function checkWhole(action: string, name: string, value: unknown): void {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action}: expected ${name} to be a number, found ${typeName(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot ${action}: expected ${name} to be a whole number of 0 or more, found ${value}`,
    );
  }
}
