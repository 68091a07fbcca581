/**
 * One transfer alone.
 *
 * @module
 */

import { assert } from "../../base/mod.ts";
import type { IoEngine, IoFile, Transfer, WriteOptions } from "../engine.ts";

/**
 * Reads once.
 *
 * @param engine What reads.
 * @param file The file.
 * @param offset Where in the file.
 * @param bytes Filled from its start.
 * @returns How many bytes were read: fewer than asked for at the end of the file only.
 */
export async function readOnce(
  engine: Pick<IoEngine, "read">,
  file: IoFile,
  offset: number,
  bytes: Uint8Array,
): Promise<number> {
  const transfer: Transfer = { file, offset, bytes, done: 0, error: undefined };
  await engine.read([transfer]);
  if (transfer.error !== undefined) throw transfer.error;
  return transfer.done;
}

/** Writes all of `bytes` at an offset; see {@linkcode readOnce}. */
export async function writeOnce(
  engine: Pick<IoEngine, "write">,
  file: IoFile,
  offset: number,
  bytes: Uint8Array,
  options?: WriteOptions,
): Promise<void> {
  const transfer: Transfer = { file, offset, bytes, done: 0, error: undefined };
  await engine.write([transfer], options);
  if (transfer.error !== undefined) throw transfer.error;
  assert(transfer.done === bytes.length, "a write that did not fail is whole");
}
