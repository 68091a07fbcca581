/**
 * Many who agree at once, beside those who just write, while layers are frozen, sealed and merged, and few of their pages
 * stay in memory: each batch is applied at an LSN below which all stood that it expected, or refused for what stood at some
 * moment between its call and its end.
 */

import { assert, assertEquals } from "@std/assert";
import { ConflictError, type Expectation, type Timeline } from "../../../mod.ts";
import { Random, seeds } from "../../random.ts";
import { collect, patterned } from "../../store/bytes.ts";
import { testEach } from "../../store/matrix.ts";

const KiB = 1024;
const steps = 500, hotKeys = 12, allKeys = 2500;

/** What became of an append. */
interface Outcome {
  readonly expect: readonly Expectation[];
  /** The last LSN when it was called, and when it ended. */
  readonly from: number;
  readonly to: number;
  /** Its LSN, or why it was refused. */
  readonly ended: number | ConflictError;
}

class Trial {
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** What the last one who wrote a key saw: others may have written it since. */
  readonly #known = new Map<string, number | undefined>();
  readonly #outcomes: Outcome[] = [];
  readonly #running = new Set<Promise<void>>();
  /** How many were applied later than in the turn of their call. */
  #later = 0;

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  async run(): Promise<void> {
    for (let i = 0; i < allKeys;) {
      const keys = Array.from({ length: 50 }, () => `key ${`${i++}`.repeat(20)}`);
      const lsn = await this.#timeline.append(keys.map((key, i) => ({ key, value: patterned(100, i) })));
      for (const key of keys) this.#known.set(key, lsn);
    }
    await this.#timeline.freeze();
    for (let step = 0; step < steps; step++) await this.#step();
    await Promise.all(this.#running);
    await this.#check();
  }

  async #step(): Promise<void> {
    const random = this.#random, die = random.below(100);
    if (die < 60) this.#start(this.#agree());
    else if (die < 70) void this.#write();
    else if (die < 73) this.#start(this.#timeline.freeze());
    else if (die < 75) this.#start(this.#timeline.compact().then(() => {}));
    else await new Promise((resolve) => setTimeout(resolve));
    while (this.#running.size > 30) await Promise.race(this.#running);
  }

  #start(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #key(): string {
    const random = this.#random,
      number = random.once(2) ? random.below(hotKeys) : random.below(allKeys + 100);
    return `key ${`${number}`.repeat(20)}`;
  }

  async #write(): Promise<void> {
    const key = this.#key(), isDeleted = this.#random.once(3);
    const lsn = await this.#timeline.append([isDeleted ? { key, delete: true } : { key, value: "written" }]);
    if (this.#random.once(2)) this.#known.set(key, isDeleted ? undefined : lsn);
  }

  async #agree(): Promise<void> {
    const timeline = this.#timeline, from = timeline.lastLsn;
    const keys = Array.from({ length: this.#random.from(1, 4) }, () => this.#key());
    const expect = keys.map((key) => ({ key, lsn: this.#known.get(key) }));
    const [key] = keys, changes = [{ key, value: `${from}` }];
    const appended = timeline.append(changes, { expect }), isLater = timeline.lastLsn === from;
    const ended: number | ConflictError = await appended.catch((error) => error);
    if (typeof ended !== "number" && !(ended instanceof ConflictError)) throw ended;
    this.#outcomes.push({ expect, from, to: timeline.lastLsn, ended });
    if (typeof ended === "number") {
      if (isLater) this.#later++;
      return void this.#known.set(key, ended);
    }
    this.#known.set(new TextDecoder().decode(ended.key), ended.found);
  }

  async #check(): Promise<void> {
    const newest = await this.#newestOf();
    let applied = 0;
    for (const { expect, from, to, ended } of this.#outcomes) {
      if (typeof ended === "number") {
        applied++;
        for (const { key, lsn } of expect) {
          const stood = newest(key as string, ended - 1);
          assert(
            lsn === undefined ? !stood.hasValue : stood.lsn === lsn,
            `${key} at ${ended}: ${lsn}, ${stood.lsn}`,
          );
        }
        continue;
      }
      const key = new TextDecoder().decode(ended.key);
      assert(expect.some((one) => one.key === key && one.lsn === ended.expected));
      const moments = Array.from({ length: to - from + 1 }, (_, i) => newest(key, from + i));
      const isTrue = moments.some(({ lsn, hasValue }) =>
        (hasValue ? lsn : undefined) === ended.found &&
        (ended.expected === undefined ? hasValue : lsn !== ended.expected)
      );
      assert(isTrue, `${ended.message}, between ${from} and ${to}`);
    }
    const refused = this.#outcomes.length - applied;
    const words = `${applied} were applied, ${this.#later} of them later, ${refused} refused`;
    assert(applied > steps / 10 && this.#later > steps / 20 && refused > steps / 20, words);
  }

  /** Tells the newest version of a key as of an LSN. */
  async #newestOf(): Promise<(key: string, lsn: number) => { lsn: number | undefined; hasValue: boolean }> {
    const keys = new Set(this.#outcomes.flatMap(({ expect }) => expect.map(({ key }) => key as string)));
    const histories = new Map<string, { lsn: number; deleted: boolean }[]>();
    for (const key of keys) histories.set(key, await collect(this.#timeline.history(key)));
    return (key, at) => {
      const version = histories.get(key)?.findLast(({ lsn }) => lsn <= at);
      return { lsn: version?.lsn, hasValue: version?.deleted === false };
    };
  }
}

testEach(
  "Timeline.append() applies only what is expected truly, however many append, seal and merge",
  async (place) => {
    for (const seed of seeds("expect", 1)) {
      await using own = place.within(`${seed}`);
      const store = await own.open();
      await new Trial(store.timeline(), new Random(seed)).run();
      assertEquals(store.metrics().views, 0);
    }
  },
  { segmentBytes: 64 * KiB, cacheBytes: 64 * KiB },
);
