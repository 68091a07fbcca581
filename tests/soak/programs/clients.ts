/** What programs do with a store that is open, and what they expect of it afterwards. */

import { assert, assertEquals } from "@std/assert";
import { ConflictError, type HistoryPolicy, Store, type StoreOptions, type Timeline } from "../../../mod.ts";
import type { Clock } from "../../../src/base/mod.ts";
import { Random } from "../../random.ts";
import type { Disk } from "./disks.ts";
import { modelRedo, toChange } from "../../store/model.ts";
import { changesOf, ExpectedTimeline } from "./expected_timeline.ts";
import type { StepOf } from "./steps.ts";
import type { Watch } from "./watch.ts";

/** Small things, so that little work meets every case. */
export const sizes: StoreOptions = {
  segmentBytes: 64 * 1024,
  memoryBytes: 16 * 2 ** 20,
  cacheBytes: 64 * 1024,
  redo: modelRedo,
};

/** The machine's clock, which a program sets forward and back. */
export class SetClock implements Clock {
  #ahead = 0;

  /** See {@linkcode Clock.now}. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /** See {@linkcode Clock.monotonic}. */
  monotonic(): number {
    return performance.now();
  }

  /** Sets it. */
  adjust(milliseconds: number): void {
    this.#ahead += milliseconds;
  }
}

/** See the top of the file. */
export class Clients {
  /** What every timeline must hold. */
  readonly expected: Map<string, ExpectedTimeline> = new Map();
  /** The store that is open. */
  store!: Store;
  /** Tells when batches are appended. */
  readonly clock: SetClock = new SetClock();
  /** How much history is kept, by the opening and by what was asked of gc since; and the latest that the clock showed. */
  #policies: HistoryPolicy[] = [];
  #latest = -Infinity;
  readonly #disk: Disk;
  readonly #watch: Watch;

  /** Knows of no timeline. */
  constructor(disk: Disk, watch: Watch) {
    this.#disk = disk;
    this.#watch = watch;
  }

  /** One of the timelines that there are, and what it must hold. */
  line(line: number): [Timeline, ExpectedTimeline] {
    const { name } = this.store.timelines()[line % this.store.timelines().length];
    return [this.store.timeline(name), this.expected.get(name) as ExpectedTimeline];
  }

  /** Where the horizon of a timeline is now. */
  horizonOf(name: string, store: Store = this.store): number {
    return store.timelines().find((timeline) => timeline.name === name)!.horizon;
  }

  /** Notes which policy is followed from now on. */
  follow(history: HistoryPolicy): void {
    this.allow();
    [this.#policies, this.#latest] = [[history], -Infinity];
  }

  /** Notes how far horizons may have moved by now. */
  allow(): void {
    this.#latest = Math.max(this.#latest, this.clock.now());
    for (const expected of this.expected.values()) {
      for (const policy of this.#policies) expected.allow(policy, this.#latest);
    }
  }

  /** Sets the clock forward or back. */
  setClock(milliseconds: number): void {
    this.allow();
    this.clock.adjust(milliseconds);
  }

  /** Has all of a timeline merged. */
  async compact({ line }: StepOf<"compact">): Promise<void> {
    await this.line(line)[0].compact();
  }

  /** Has history given up, as the opening or somebody now says; the dead have seen no horizon. */
  async gc({ line, history }: StepOf<"gc">): Promise<void> {
    const [timeline, expected] = this.line(line);
    if (history !== undefined) this.#policies.push(history);
    const { horizonBefore, horizonAfter } = await timeline.gc({ history });
    assert(horizonAfter >= horizonBefore, `gc moved the horizon from ${horizonBefore} to ${horizonAfter}`);
    this.allow();
    if (!this.#disk.engine.isDead && horizonAfter > expected.horizon) expected.see(horizonAfter);
  }

  /** Appends; what is applied is there when the call returns. */
  async append({ line, seed, gap, sync, patches }: Omit<StepOf<"append">, "do">): Promise<void> {
    const [timeline, expected] = this.line(line);
    const changes = changesOf(new Random(seed), patches);
    const before = timeline.lastLsn;
    const appended = timeline.append(
      changes.map(toChange),
      gap === 0 ? { sync } : { sync, lsn: before + gap },
    );
    const lsn = timeline.lastLsn;
    if (lsn !== before) {
      assertEquals(lsn, before + (gap || 1));
      expected.append(lsn, changes, this.clock.now());
    }
    assertEquals(await appended, lsn);
    if (sync) this.acknowledge(expected, lsn);
    this.acknowledge(expected, timeline.durableLsn);
  }

  /** Appends on condition, while nobody else appends: it is applied if that stands, and not otherwise. */
  async agree({ line, seed, sync, patches }: Omit<StepOf<"agree">, "do">): Promise<void> {
    const [timeline, expected] = this.line(line), random = new Random(seed), before = timeline.lastLsn;
    const changes = changesOf(random, patches), stands = !random.once(3);
    const expect = expected.expectations(random, stands);
    const ended = await timeline.append(changes.map(toChange), { expect, sync }).catch((error: unknown) =>
      error
    );
    if (timeline.lastLsn !== before) {
      assert(stands, "an append is applied whose expectations do not stand");
      assertEquals(timeline.lastLsn, before + 1);
      expected.append(before + 1, changes, this.clock.now());
    }
    if (ended instanceof ConflictError) return assert(!stands, ended.message);
    if (typeof ended !== "number") throw ended;
    assertEquals(ended, timeline.lastLsn);
    if (sync) this.acknowledge(expected, ended);
  }

  /** Notes that batches are durable; the dead have heard nothing. */
  acknowledge(expected: ExpectedTimeline, lsn: number): void {
    if (!this.#disk.engine.isDead) expected.acknowledge(lsn);
  }

  /** Appends many batches at once. */
  async storm({ line, seed, count, sync }: StepOf<"storm">): Promise<void> {
    const random = new Random(seed);
    const appends = Array.from({ length: count }, () =>
      this.append({
        line,
        seed: random.word(),
        gap: random.once(5) ? random.from(1, 200) : 0,
        sync,
        wait: true,
      }));
    const failed = (await Promise.allSettled(appends)).filter((result) => result.status === "rejected");
    for (const { reason } of failed) this.#watch.judge(reason);
  }

  /** Syncs or freezes. */
  async settleLine(step: StepOf<"sync" | "freeze">): Promise<void> {
    const [timeline, expected] = this.line(step.line);
    const { lastLsn } = timeline;
    if (step.do === "sync") assert(await timeline.sync() >= lastLsn);
    else await timeline.freeze();
    this.acknowledge(expected, lastLsn);
  }

  /** Makes a timeline, up to four. */
  async makeTimeline(): Promise<void> {
    const made = this.store.timelines().filter(({ ancestor }) => ancestor === undefined).length;
    if (made >= 4) return;
    const name = `side ${made}`;
    const expected = this.expected.get(name) ?? new ExpectedTimeline(false);
    this.expected.set(name, expected);
    const making = this.store.createTimeline(name).then(() => {
      if (!this.#disk.engine.isDead) expected.isMade = true;
    });
    await making;
  }

  /** Asks one question. */
  async ask({ line, seed }: StepOf<"ask">): Promise<void> {
    const [timeline, expected] = this.line(line);
    await expected.ask(timeline, new Random(seed), () => this.horizonOf(timeline.name));
  }

  /** Reads as another process would, beside the writer. */
  async readBeside({ seed }: StepOf<"reader">): Promise<void> {
    const { path, plain, ioMode } = this.#disk;
    const random = new Random(seed);
    const least = new Map(
      [...this.expected].map(([name, { durable, horizon }]) => [name, { durable, horizon }]),
    );
    await using store = await Store.open(path, { ...sizes, readOnly: true, ioEngine: plain, ioMode });
    for (const { name } of store.timelines()) {
      const timeline = store.timeline(name), expected = this.expected.get(name);
      assert(expected !== undefined, `a timeline "${name}" that nobody made`);
      const { durable = 0, horizon = 0 } = least.get(name) ?? {},
        horizonNow = () => this.horizonOf(name, store);
      expected.checkEnd(timeline, durable);
      this.allow();
      expected.checkHorizon(horizonNow(), horizon);
      await expected.checkWhole(timeline, horizonNow);
      for (let i = 0; i < 3; i++) await expected.ask(timeline, random, horizonNow);
    }
  }

  /** Compares a store that was opened with what must be there. */
  async adopt(): Promise<void> {
    const { store, expected } = this;
    const found = new Set(store.timelines().map(({ name }) => name));
    if (expected.size === 0) expected.set("main", new ExpectedTimeline(true));
    for (const [name, { isMade }] of expected) {
      assert(found.has(name) || !isMade, `timeline "${name}" is lost`);
      if (!found.has(name)) expected.delete(name);
    }
    for (const name of found) {
      const one = expected.get(name);
      assert(one !== undefined, `a timeline "${name}" that nobody made`);
      this.allow();
      one.adopt(store.timeline(name), this.horizonOf(name));
      await this.#watch.bounded(one.checkWhole(store.timeline(name), () => this.horizonOf(name)));
    }
  }
}
