/**
 * How a store is verified.
 *
 * @module
 */

import { checkNames, typeName } from "../../base/mod.ts";

/** How far a verification has come. */
export interface VerifyProgress {
  /** Bytes that were read. */
  readonly bytes: number;
  /** Bytes that there are to read, as far as is known. */
  readonly totalBytes: number;
  /** Objects that were read to their ends: layers and segments. */
  readonly objects: number;
  /** Objects that there are. */
  readonly totalObjects: number;
}

/** Options of {@linkcode Store.verify}. */
export interface VerifyOptions {
  /** Stops it: the next finding that is asked for rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is told how far it has come, at every piece of 16 KiB and more. */
  progress?: ((progress: VerifyProgress) => void) | undefined;
  /** The one timeline that is verified, by its name, beside the manifest. The default is all of them. */
  timeline?: string | undefined;
}

/**
 * Checks options.
 *
 * @throws {TypeError} If one is unknown or of a wrong type.
 */
export function checkVerifyOptions(options: VerifyOptions): void {
  checkNames("verify", options, ["signal", "progress", "timeline"]);
  const { signal, progress, timeline } = options;
  const wrong = signal !== undefined && !(signal instanceof AbortSignal)
    ? { name: "signal", expected: "an AbortSignal", found: signal }
    : progress !== undefined && typeof progress !== "function"
    ? { name: "progress", expected: "a function", found: progress }
    : timeline !== undefined && typeof timeline !== "string"
    ? { name: "timeline", expected: "a string", found: timeline }
    : undefined;
  if (wrong === undefined) return;
  const { name, expected, found } = wrong;
  throw new TypeError(`Cannot verify: expected "${name}" to be ${expected}, found ${typeName(found)}`);
}
