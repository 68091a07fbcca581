/**
 * How a file is opened.
 *
 * @module
 */

import { checkNames } from "../base/mod.ts";
import type { IoEngine, IoMode } from "../io/mod.ts";

/** Options of `DirectFile.open`. */
export interface DirectFileOptions {
  /** What bypasses the page cache: nothing, reads, or reads and writes. The default is `"direct-rw"`. */
  ioMode?: IoMode | undefined;
  /** What does the IO. The default is `"auto"`. */
  ioEngine?: "auto" | "uring" | "threads" | "node" | IoEngine | undefined;
  /** Whether it is an error not to obtain the mode, or the engine that was named. The default is `false`. */
  strict?: boolean | undefined;
  /** What a sync does with an unfinished block. The default is `"rewrite"`. */
  tail?: "rewrite" | "pad" | undefined;
  /** Room to reserve, in bytes, so that writes do not extend the file. The default is none. */
  preallocateBytes?: number | undefined;
  /** Whether the file is made if there is none. The default is `true`. */
  create?: boolean | undefined;
  /** Whether nothing may be written. The default is `false`. */
  readOnly?: boolean | undefined;
}

const names = ["ioMode", "ioEngine", "strict", "tail", "preallocateBytes", "create", "readOnly"];

/**
 * Checks options; what is about IO is checked where it is used.
 *
 * @throws {TypeError} If one is unknown or has the wrong type.
 * @throws {RangeError} If one has a value that cannot be.
 */
export function checkOptions(path: string, options: DirectFileOptions): void {
  checkNames(`open "${path}"`, options, names);
  if (options.tail !== undefined && options.tail !== "rewrite" && options.tail !== "pad") {
    throw new TypeError(`Cannot open "${path}": expected tail "rewrite" or "pad", found "${options.tail}"`);
  }
  const bytes = options.preallocateBytes ?? 0;
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new RangeError(`Cannot open "${path}": expected preallocateBytes of 0 or more, found ${bytes}`);
  }
}
