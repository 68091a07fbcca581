/** Feeds of changes beside a model, and somebody who follows one. */

import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type ChangeBatch, type Difference, LsnError, type Timeline } from "../../mod.ts";
import type { Random } from "../random.ts";
import { sameBytes } from "./bytes.ts";
import type { ModelBatch, ModelDifference } from "./model.ts";

/** Checks batches against those of a model. */
export function assertBatches(
  found: readonly ChangeBatch[],
  expected: readonly ModelBatch[],
  what: string,
): void {
  assertEquals(found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn), what);
  found.forEach(({ lsn, changes }, i) => {
    const others = expected[i].changes;
    assertEquals(
      changes.map(({ key }) => key.toHex()),
      others.map(({ key }) => key.toHex()),
      `${what} at ${lsn}`,
    );
    changes.forEach((change, j) => {
      const value = "value" in change ? change.value : undefined;
      assert("value" in change !== "delete" in change);
      assert(sameBytes(value, others[j].value), `${what} at ${lsn}: the value of ${change.key.toHex()}`);
    });
  });
}

/** Checks differences against those of a model. */
export function assertDifferences(
  found: readonly Difference[],
  expected: readonly ModelDifference[],
  what: string,
): void {
  assertEquals(found.map(({ key }) => key.toHex()), expected.map(({ key }) => key.toHex()), what);
  found.forEach((one, i) => {
    const isSame = sameBytes(one.before, expected[i].before) && sameBytes(one.after, expected[i].after);
    assert(isSame, `${what}: the values of ${one.key.toHex()}`);
  });
}

/** Somebody who reads a feed as it goes on, over as many openings of the store as there are. */
export class Follower {
  /** Where it went on, whenever history before that was given up. */
  readonly starts: number[] = [];
  /** What it was told since the last start. */
  told: ChangeBatch[] = [];
  /** The first LSN that it was not told. */
  position: number;
  readonly #random: Random;
  #running: Promise<unknown> = Promise.resolve();

  /** Has read nothing yet. */
  constructor(from: number, random: Random) {
    this.position = from;
    this.starts.push(from);
    this.#random = random;
  }

  /** Follows a timeline until its store is closed. */
  follow(timeline: Timeline, horizonOf: () => number): void {
    this.#running = this.#follow(timeline, horizonOf);
  }

  /** Goes on behind an LSN at the most: what it was told of later ones was lost, and others may take their places. */
  forget(lastLsn: number): void {
    this.told = this.told.filter(({ lsn }) => lsn <= lastLsn);
    this.position = Math.min(this.position, lastLsn + 1);
    if (this.position < (this.starts.at(-1) as number)) this.starts.push(this.position);
  }

  /** Resolves with why it ended. */
  async ended(): Promise<unknown> {
    return await this.#running;
  }

  async #follow(timeline: Timeline, horizonOf: () => number): Promise<unknown> {
    for (;;) {
      try {
        for await (const batch of timeline.changes({ from: this.position, follow: true })) {
          this.told.push(batch);
          this.position = batch.lsn + 1;
          if (this.#random.once(20)) await delay(this.#random.below(8));
        }
      } catch (error) {
        if (!(error instanceof LsnError)) return error;
        assertInstanceOf(error, LsnError);
        const horizon = horizonOf();
        assert(horizon > this.position, `the horizon ${horizon} is not behind ${this.position}: ${error}`);
        this.position = horizon;
        this.starts.push(horizon);
        this.told = [];
      }
    }
  }
}
