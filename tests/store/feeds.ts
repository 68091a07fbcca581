/** Feeds of changes beside a model, and somebody who follows one. */

import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type ChangeBatch, type Difference, type KeyChange, LsnError, type Timeline } from "../../mod.ts";
import type { Random } from "../random.ts";
import { sameBytes } from "./bytes.ts";
import { type ModelBatch, type ModelDifference, modelRedo, type ModelVersion } from "./model.ts";

/** What tells versions: a model. */
interface Versions {
  /** The version of a key as of an LSN. */
  at(key: Uint8Array, lsn: number): ModelVersion | undefined;
  /** What changed at each LSN between two. */
  changes(from: number, to: number, prefix?: Uint8Array): ModelBatch[];
}

/** Which changes are asked for. */
interface Asked {
  readonly from: number;
  readonly to: number;
  readonly prefix?: Uint8Array | undefined;
}

/**
 * Checks batches against what a model says: what is told of a key, patches among it, makes of what stood before what the
 * model has.
 *
 * @returns How many patches there are.
 */
export function assertBatches(
  found: readonly ChangeBatch[],
  model: Versions,
  { from, to, prefix }: Asked,
  what: string,
): number {
  const expected = model.changes(from, to, prefix);
  let patches = 0;
  assertEquals(found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn), what);
  found.forEach(({ lsn, changes }, i) => {
    const groups = groupByKey(changes), others = expected[i].changes;
    assertEquals(groups.map(([name]) => name), others.map(({ key }) => key.toHex()), `${what} at ${lsn}`);
    groups.forEach(([name, [first, ...rest]], j) => {
      assert(rest.every((change) => "patch" in change), `${what} at ${lsn}: behind the first are patches`);
      const before = "patch" in first ? model.at(first.key, lsn - 1)?.value : valueOf(first);
      const list = [first, ...rest].flatMap((change) => "patch" in change ? [change.patch] : []);
      const value = list.length === 0 ? before : modelRedo(first.key, before, list);
      assert(sameBytes(value, others[j].value), `${what} at ${lsn}: the value of ${name}`);
      patches += list.length;
    });
  });
  return patches;
}

function valueOf(change: KeyChange): Uint8Array | undefined {
  assert("value" in change !== "delete" in change);
  return "value" in change ? change.value : undefined;
}

/** Changes by their keys, which follow each other. */
function groupByKey(changes: readonly KeyChange[]): [name: string, KeyChange[]][] {
  const groups: [string, KeyChange[]][] = [];
  for (const change of changes) {
    const name = change.key.toHex(), last = groups.at(-1);
    if (last?.[0] === name) last[1].push(change);
    else groups.push([name, [change]]);
  }
  return groups;
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
