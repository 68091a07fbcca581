/** The error of an offset at which nothing stands. */

import { VarveError } from "../base/mod.ts";

/** What an offset was held against. */
export interface OffsetErrorContext {
  /** The offset that was asked for. */
  offset: number;
  /** The offset of the first record that is kept. */
  firstOffset: number;
  /** The offset of the record that is appended next. */
  nextOffset: number;
}

/** An offset before the first record that is kept, or behind the last. */
export class OffsetError extends VarveError {
  /** The name of the class. */
  override name = "OffsetError";
  /** The offset that was asked for. */
  readonly offset: number;
  /** The offset of the first record that is kept. */
  readonly firstOffset: number;
  /** The offset of the record that is appended next. */
  readonly nextOffset: number;

  /** Makes an error from what could not be done, and the bounds. */
  constructor(action: string, { offset, firstOffset, nextOffset }: OffsetErrorContext) {
    const why = offset < firstOffset ? `the first is at ${firstOffset}` : `the next is at ${nextOffset}`;
    super(`Cannot ${action} offset ${offset}: ${why}`);
    this.offset = offset;
    this.firstOffset = firstOffset;
    this.nextOffset = nextOffset;
  }
}
