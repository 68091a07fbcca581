/** What appends of random programs expect of keys: what stands, or what does not, and then they must be refused. */

import { ConflictError, type Expectation } from "../../../../mod.ts";
import { chance, pick, SeededChoices } from "../../../../src/sim/mod.ts";
import type { IssuedBatch } from "../known.ts";
import { Versions } from "../versions.ts";

const decoder = new TextDecoder();
/** A key that nobody writes. */
const absent = "aab";

/** The expectations of one append. */
export class Expected {
  /** All of them. */
  readonly expect: readonly Expectation[];
  /** The key of the one that does not stand; `undefined` if all do. */
  readonly #wrong: string | undefined;

  /**
   * Chooses them.
   *
   * @param batches All that was appended.
   * @param seed What decides.
   */
  constructor(batches: readonly IssuedBatch[], seed: number) {
    const choices = new SeededChoices(seed), model = new Versions(batches), keys = [...model.keys, absent];
    const lastLsn = batches.at(-1)?.lsn ?? 0;
    const expect = Array.from({ length: 1 + choices.choose(4) }, () => {
      const key = pick(choices, keys), version = model.at(key, lastLsn);
      return { key, lsn: version?.value === undefined ? undefined : version.lsn };
    });
    const wrong = chance(choices, 1, 3) ? choices.choose(expect.length) : -1;
    this.expect = expect.map(({ key, lsn }, i) => {
      if (i !== wrong) return { key, lsn };
      return { key, lsn: lsn === undefined || chance(choices, 1, 2) ? lastLsn + 1 : undefined };
    });
    this.#wrong = expect[wrong]?.key;
  }

  /**
   * Waits for the append.
   *
   * @returns Its LSN; `undefined` if it was refused as it must be.
   */
  async judge(appended: Promise<number>): Promise<number | undefined> {
    const wrong = this.#wrong;
    try {
      const lsn = await appended;
      if (wrong !== undefined) {
        throw new Error(`append: key ${wrong} is not as was expected, and it was applied`);
      }
      return lsn;
    } catch (error) {
      if (error instanceof ConflictError && decoder.decode(error.key) === wrong) return undefined;
      throw error;
    }
  }
}
