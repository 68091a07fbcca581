/**
 * Feeds of changes, and differences, over random programs: what a feed tells is what a model says, whatever is sealed, merged, given up or
 * reopened meanwhile, and somebody who follows is told everything once.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LsnError, type Store, type Timeline } from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { collect, patterned } from "./bytes.ts";
import { assertBatches, assertDifferences, Follower } from "./feeds.ts";
import { copyDirectory, type Place, testEach } from "./matrix.ts";
import { Model, type ModelChange, modelRedo, toChange } from "./model.ts";

const KiB = 1024, steps = 100;
const lengths = [0, 1, 20, 100, 100, 100, 511, 4095, 4096, 9000, 70_000, 300_000];
const encoder = new TextEncoder();

class Trial {
  readonly #place: Place;
  readonly #random: Random;
  readonly #model = new Model();
  readonly #follower: Follower;
  #store!: Store;
  #timeline!: Timeline;
  #values = 0;
  #copies = 0;
  #patches = 0;
  #pending: Promise<unknown>[] = [];

  constructor(place: Place, random: Random) {
    this.#place = place;
    this.#random = random;
    this.#follower = new Follower(1, random);
  }

  async run(): Promise<void> {
    await this.#reopen();
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#settle();
    await this.#ask({});
    await this.#timeline.freeze();
    await this.#ask({});
    await this.#timeline.compact();
    await this.#ask({});
    await this.#caughtUp();
    const horizon = this.#horizon;
    await this.#place.close(this.#store);
    assert(await this.#follower.ended() instanceof Deno.errors.BadResource);
    const { told, starts } = this.#follower;
    const asked = { from: starts.at(-1) as number, to: this.#model.lastLsn };
    this.#patches += assertBatches(told, this.#model, asked, "what was followed");
    assert(starts.at(-1) as number <= Math.max(1, horizon));
    assert(this.#patches > 0, "patches were told");
  }

  get #horizon(): number {
    return this.#store.timelines()[0].horizon;
  }

  async #caughtUp(): Promise<void> {
    const last = this.#model.changes(1, this.#model.lastLsn).at(-1)?.lsn ?? 0;
    for (let i = 0; this.#follower.position <= last; i++) {
      assert(i < 5000, `told up to ${this.#follower.position}, appended up to ${last}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  async #reopen(): Promise<void> {
    await this.#settle();
    if (this.#store !== undefined) {
      await this.#place.close(this.#store);
      assert(await this.#follower.ended() instanceof Deno.errors.BadResource);
    }
    const store = this.#store = await this.#place.open({
      upkeep: this.#random.pick(["slices", "manual"] as const),
    });
    this.#timeline = store.timeline();
    assertEquals(this.#timeline.lastLsn, this.#model.lastLsn);
    this.#follower.follow(this.#timeline, () => store.timelines()[0].horizon);
  }

  async #step(): Promise<void> {
    const die = this.#random.below(100);
    if (die < 70) await this.#append();
    else if (die < 76) await this.#timeline.sync();
    else if (die < 80) this.#pending.push(this.#timeline.freeze());
    else if (die < 83) this.#pending.push(this.#timeline.compact());
    else if (die < 85) this.#pending.push(this.#timeline.gc());
    else if (die < 87) await this.#reopen();
    else if (die < 88) await this.#kill();
    else this.#pending.push(this.#random.once(2) ? this.#askAny() : this.#compare());
    if (this.#pending.length > 6) await this.#settle();
  }

  async #append(): Promise<void> {
    const random = this.#random;
    const changes: ModelChange[] = Array.from({ length: random.pick([0, 1, 1, 3, 40, 200]) }, () => {
      const key = encoder.encode(`${random.pick(["a", "b", "user/"])}${random.below(120)}`);
      if (random.once(3)) {
        return { key, value: undefined, patch: patterned(random.below(80), ++this.#values) };
      }
      return { key, value: random.once(5) ? undefined : this.#value() };
    });
    const lsn = this.#model.lastLsn + (random.once(6) ? random.pick([2, 90, 2 ** 34]) : 1);
    const appended = this.#timeline.append(changes.map(toChange), { lsn });
    this.#model.append(lsn, changes);
    await appended;
    if (random.once(4)) await new Promise((resolve) => setTimeout(resolve));
  }

  #value(): Uint8Array {
    const length = this.#random.once(4) ? this.#random.pick(lengths) : this.#random.below(120);
    return patterned(length, ++this.#values);
  }

  /** What a process that is killed leaves tells the same, as far as it goes. */
  async #kill(): Promise<void> {
    await this.#settle();
    const durable = await this.#timeline.sync();
    // No merge may remove a file in the midst of the copy.
    const others = this.#place.within(`../killed-${this.#random.word()}-${++this.#copies}`);
    try {
      copyDirectory(this.#place.path, others.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    const store = await others.open(), timeline = store.timeline();
    assert(timeline.lastLsn >= durable);
    for (let isTold = false; !isTold;) {
      const from = store.timelines()[0].horizon;
      try {
        const asked = { from: Math.max(1, from), to: timeline.lastLsn };
        assertBatches(await collect(timeline.changes()), this.#model, asked, "what was killed");
        isTold = true;
      } catch (error) {
        // Its own upkeep went past it: it is read from there.
        if (!(error instanceof LsnError)) throw error;
        assert(store.timelines()[0].horizon > from, `${error}`);
      }
    }
    await others.close(store);
  }

  async #askAny(): Promise<void> {
    const { lastLsn } = this.#model, random = this.#random, horizon = Math.max(1, this.#horizon);
    if (lastLsn < horizon) return;
    const from = random.once(3) ? undefined : random.from(horizon, lastLsn);
    const to = random.once(2) ? undefined : random.from(from ?? horizon, lastLsn);
    await this.#ask({ from, to, prefix: random.once(3) ? encoder.encode("user/1") : undefined });
    if (horizon > 1) assertThrows(() => this.#timeline.changes({ from: horizon - 1 }), LsnError);
  }

  /** What differs between two LSNs. */
  async #compare(): Promise<void> {
    const { lastLsn } = this.#model, random = this.#random, horizon = this.#horizon;
    const before = random.from(horizon, lastLsn),
      after = random.once(3) ? lastLsn : random.from(before, lastLsn);
    const prefix = random.once(3) ? encoder.encode("user/1") : undefined;
    const expected = this.#model.diff(before, after, prefix);
    const found = await collect(this.#timeline.diff(before, after, { prefix }));
    assertDifferences(found, expected, `from ${before} to ${after}`);
  }

  async #ask(
    options: { from?: number | undefined; to?: number | undefined; prefix?: Uint8Array | undefined },
  ) {
    const horizon = Math.max(1, this.#horizon),
      { lastLsn } = this.#model,
      { from = horizon, to = lastLsn } = options;
    const asked = { from, to, prefix: options.prefix };
    try {
      const found = await collect(this.#timeline.changes(options));
      this.#patches += assertBatches(found, this.#model, asked, `changes from ${from} to ${to}`);
    } catch (error) {
      // The horizon went past it while it was read, or between the question and the model's answer.
      if (!(error instanceof LsnError)) throw error;
      assert(this.#horizon > horizon, `${error}`);
    }
  }
}

testEach(
  "Timeline tells all changes in order, and who follows each once, whatever becomes of layers",
  async (place) => {
    for (const seed of seeds("feeds", 1)) {
      await using own = place.within(`${seed}`);
      await new Trial(own, new Random(seed)).run();
    }
  },
  { segmentBytes: 64 * KiB, cacheBytes: 64 * KiB, history: { lsns: 2 ** 36 }, redo: modelRedo },
);
