/**
 * Which change of a batch is wrong, or which of its expectations.
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
  return index === undefined ? error : ofItem(error, "changes", index);
}

/** As {@linkcode ofChange}, for what an append expects. */
export function ofExpectation(error: unknown, index: number): unknown {
  return ofItem(error, "expect", index);
}

function ofItem(error: unknown, list: string, index: number): unknown {
  const isTold = error instanceof TypeError || error instanceof RangeError || error instanceof LimitError;
  if (isTold) error.message += ` (${list}[${index}])`;
  return error;
}
