/**
 * Which change of a batch is wrong.
 *
 * @module
 */

import { LimitError } from "../base/mod.ts";

/**
 * Has the error of a change say which one of its batch that is.
 *
 * @param error What is wrong with it, as it was found here: what the caller's own code throws is not touched.
 * @param index Which change it is, from 0; left out, nobody knows.
 * @returns The same error.
 */
export function ofChange(error: unknown, index: number | undefined): unknown {
  const isTold = error instanceof TypeError || error instanceof RangeError || error instanceof LimitError;
  if (isTold && index !== undefined) error.message += ` (changes[${index}])`;
  return error;
}
