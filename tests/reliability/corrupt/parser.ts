/** What is fuzzed: a parser, what it is fed, and what it must keep to. */

import type { Random } from "../../random.ts";

/** Bytes that a parser is fed. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A class of errors. */
// deno-lint-ignore no-explicit-any -- whatever its constructor takes
export type ErrorClass = new (...args: any[]) => Error;

/** A parser and its promises. */
export interface Parser {
  readonly name: string;
  /** Bytes that it takes. */
  readonly corpus: readonly Uint8Array[];
  /** The errors that say that bytes are refused. */
  readonly refusals: readonly ErrorClass[];
  /** How long inputs are, if they have one length. */
  readonly byteLength?: number;
  /** Makes checksums right, so that what is behind them is reached. */
  readonly repair?: (bytes: Bytes) => void;
  /**
   * Parses bytes, and checks what came out.
   *
   * @returns Whether they were taken.
   * @throws A refusal, or an error that says which promise was broken.
   */
  readonly parse: (bytes: Bytes, random: Random) => boolean | Promise<boolean>;
}

/** Throws if a promise of a parser is broken. */
export function promise(condition: boolean, words: string): asserts condition {
  if (!condition) throw new Error(words);
}
