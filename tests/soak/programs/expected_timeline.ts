/** What a timeline must answer: every batch that was applied to it, and how many of them must never be lost. */

import { assert, assertEquals } from "@std/assert";
import {
  type ChangeBatch,
  type Expectation,
  type HistoryPolicy,
  LsnError,
  type Timeline,
} from "../../../mod.ts";
import { Random } from "../../random.ts";
import { mostHorizonOf } from "../../reliability/simulated/most_horizon.ts";
import { collect, patterned, sameBytes } from "../../store/bytes.ts";
import { assertBatches, assertDifferences } from "../../store/feeds.ts";
import { Model, type ModelChange, type ModelVersion } from "../../store/model.ts";

const encoder = new TextEncoder();
const keys = Array.from({ length: 11 }, (_, i) => encoder.encode(`key/${"x".repeat(i * i)}${i}`));
/** A key that nobody writes. */
const absentKey = encoder.encode("key/absent");
const lengths = [0, 0, 1, 20, 300, 2000, 4095, 4096, 4097, 9000];

/** The changes of a batch, of any number and size; with a seed for patches, some are that. */
export function changesOf(random: Random, patches?: number): ModelChange[] {
  const count = random.pick([0, 1, 1, 1, 2, 3, 8, random.once(4) ? 40 : 1]);
  const changes = Array.from({ length: count }, (): ModelChange => {
    const length = random.once(80) ? 70_000 : random.pick(lengths);
    const value = random.once(5) ? undefined : patterned(length, random.word());
    return { key: random.pick(keys), value };
  });
  if (patches === undefined) return changes;
  const patching = new Random(patches);
  return changes.map((change) => {
    if (patching.once(3)) return change;
    const patch = patterned(patching.pick([0, 1, 20, 100, 1000]), patching.word());
    return { key: change.key, value: undefined, patch };
  });
}

/** Where a branch goes on. */
interface Origin {
  /** What it goes on from. */
  readonly from: ExpectedTimeline;
  /** The branch LSN. */
  readonly lsn: number;
}

/** See the top of the file. */
export class ExpectedTimeline {
  /** Whether it is known to be durable. */
  isMade: boolean;
  /** Whether somebody has begun to delete it. */
  isAbandoned = false;
  /** Where it goes on, if it is a branch. */
  readonly origin: Origin | undefined;
  #batches: {
    readonly lsn: number;
    readonly changes: readonly ModelChange[];
    readonly milliseconds: number;
  }[] = [];
  #model = new Model();
  #durable = 0;
  #horizon = 0;
  #mostHorizon = 0;

  /** Starts without history, or with what it goes on from. */
  constructor(isMade: boolean, origin?: Origin) {
    this.isMade = isMade;
    this.origin = origin;
    if (origin === undefined) return;
    const { from, lsn } = origin, inherited = from.#batches.filter((batch) => batch.lsn <= lsn);
    for (const batch of inherited) this.append(batch.lsn, batch.changes, batch.milliseconds);
    // Between two batches it goes on where there is none.
    if (this.lastLsn < lsn) this.append(lsn, [], inherited.at(-1)?.milliseconds ?? 0);
    this.#durable = lsn;
    this.#horizon = from.#horizon;
    this.#mostHorizon = Math.min(lsn, from.#mostHorizon);
  }

  /** The LSN of the last batch. */
  get lastLsn(): number {
    return this.#model.lastLsn;
  }

  /** The LSN up to which nothing may be lost. */
  get durable(): number {
    return this.#durable;
  }

  /** Where somebody saw the horizon. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Notes that a policy may have moved the horizon, up to when the clock showed a time. */
  allow(policy: HistoryPolicy, now: number): void {
    const own = mostHorizonOf(policy, this.#batches, now), { origin } = this;
    // What a branch goes on from may give up what lies below the branch LSN.
    const under = origin === undefined ? 0 : Math.min(origin.lsn, origin.from.#mostHorizon);
    this.#mostHorizon = Math.max(this.#mostHorizon, own, under);
  }

  /** Checks that the horizon is where it was or further, and not beyond what was allowed. */
  checkHorizon(horizon: number, least: number = this.#horizon): void {
    assert(
      horizon >= least && horizon <= this.#mostHorizon,
      `the horizon is at ${horizon}: it was at ${least} and may be at ${this.#mostHorizon}`,
    );
  }

  /** Notes where the horizon is. */
  see(horizon: number): void {
    this.checkHorizon(horizon);
    this.#horizon = horizon;
  }

  /** Notes a batch, and what the clock shows. */
  append(lsn: number, changes: readonly ModelChange[], milliseconds: number): void {
    this.#batches.push({ lsn, changes, milliseconds });
    this.#model.append(lsn, changes);
  }

  /** What stands of some keys, or does not of one of them. */
  expectations(random: Random, stand: boolean): Expectation[] {
    const chosen = Array.from({ length: random.pick([1, 2, 12]) }, () => random.pick([...keys, absentKey]));
    const expect = chosen.map((key) => {
      const version = this.#model.at(key, this.lastLsn);
      // A deletion below the horizon may be forgotten.
      return { key, lsn: version?.value && version.lsn };
    });
    if (stand) return expect;
    const wrong = random.below(expect.length), { key, lsn } = expect[wrong];
    return expect.with(wrong, {
      key,
      lsn: lsn === undefined || random.once(2) ? this.lastLsn + 1 : undefined,
    });
  }

  /** Notes that batches are durable. */
  acknowledge(lsn: number): void {
    // Of one that somebody tried to delete nothing more is written.
    if (this.isAbandoned) return;
    assert(lsn <= this.lastLsn, `LSN ${lsn} is acknowledged, ${this.lastLsn} was the last`);
    this.#durable = Math.max(this.#durable, lsn);
  }

  /** Checks that a timeline holds a prefix of the batches, at least those that may not be lost. */
  checkEnd({ name, lastLsn }: Timeline, least: number = this.#durable): void {
    assert(lastLsn >= least, `"${name}": ${lastLsn} is the last LSN, ${least} was durable`);
    const isOne = lastLsn === 0 || this.#batches.some(({ lsn }) => lsn === lastLsn);
    assert(isOne, `"${name}": ${lastLsn} is the last LSN, no batch has it`);
  }

  /** Takes what a crash left as all there is. */
  adopt(timeline: Timeline, horizon: number): void {
    this.checkEnd(timeline);
    this.see(horizon);
    this.#mostHorizon = horizon;
    const { lastLsn } = timeline;
    const batches = this.#batches.filter(({ lsn }) => lsn <= lastLsn);
    this.#batches = [];
    this.#model = new Model();
    for (const { lsn, changes, milliseconds } of batches) this.append(lsn, changes, milliseconds);
    assertEquals(timeline.durableLsn, lastLsn, "what was recovered is durable");
    this.#durable = lastLsn;
    this.isMade = true;
    this.isAbandoned = false;
  }

  /** Checks every version that a timeline has from its horizon on, wherever that is when a key is asked for. */
  async checkWhole(timeline: Timeline, horizonNow: () => number): Promise<void> {
    const { lastLsn } = timeline;
    for (const key of keys) await this.#checkHistory(timeline, key, horizonNow(), lastLsn);
    await this.#checkScan(timeline, {}, lastLsn);
  }

  /** Asks something as of some LSN; what is below the horizon when it is asked for is refused. */
  async ask(timeline: Timeline, random: Random, horizonNow: () => number): Promise<void> {
    const { lastLsn } = timeline, before = horizonNow();
    const least = random.once(4) ? before : 0;
    const lsn = random.once(3) ? lastLsn : random.from(least, lastLsn);
    try {
      await this.#ask(timeline, random, lsn);
    } catch (error) {
      if (error instanceof LsnError && error.lsn < horizonNow()) return;
      throw error;
    }
    assert(lsn >= before, `LSN ${lsn} is read: the horizon is at ${before}`);
  }

  /** Asks what changed and what differs between two LSNs; what begins below the horizon is refused. */
  async compare(timeline: Timeline, random: Random, horizonNow: () => number): Promise<void> {
    const { lastLsn } = timeline,
      before = horizonNow(),
      prefix = random.once(3) ? encoder.encode("key/xxx") : undefined;
    const from = random.from(random.once(4) ? 0 : before, lastLsn), to = random.from(from, lastLsn);
    const what = `from ${from} to ${to}, horizon ${before}`;
    try {
      if (from === 0 || random.once(2)) {
        const found = await collect(timeline.diff(from, to, { prefix }));
        assertDifferences(found, this.#model.diff(from, to, prefix), `what differs ${what}`);
      } else {
        const found = await collect(timeline.changes({ from, to, prefix }));
        assertBatches(found, this.#model, { from, to, prefix }, `what changed ${what}`);
      }
    } catch (error) {
      if (error instanceof LsnError && error.lsn < horizonNow()) return;
      throw error;
    }
    assert(from >= before, `LSN ${from} is compared: the horizon is at ${before}`);
  }

  /** The LSN of the last batch that changed anything, or 0. */
  get lastChangedLsn(): number {
    return this.#model.changes(1, this.lastLsn).at(-1)?.lsn ?? 0;
  }

  /** Checks what was told of the LSNs between two, both inclusive. */
  checkTold(found: readonly ChangeBatch[], from: number, to: number, what: string): void {
    assertBatches(found, this.#model, { from, to }, what);
  }

  async #ask(timeline: Timeline, random: Random, lsn: number): Promise<void> {
    const key = random.once(10) ? absentKey : random.pick(keys);
    switch (random.below(5)) {
      case 0:
        return this.#check("get", key, lsn, await timeline.get(key, { lsn }), this.#model.at(key, lsn));
      case 1: {
        const values = await timeline.getMany([...keys, absentKey], { lsn });
        return [...keys, absentKey].forEach((key, i) =>
          this.#check("getMany", key, lsn, values[i], this.#model.at(key, lsn))
        );
      }
      case 2:
        return await this.#checkHistory(timeline, key, random.from(0, lsn), lsn);
      case 3: {
        const range = { ...random.once(2) ? { start: key } : {}, ...random.once(2) ? { limit: 3 } : {} };
        return await this.#checkScan(timeline, { ...range, reverse: random.once(2) }, lsn);
      }
      default:
        assertEquals(
          await timeline.count({ start: key }, { lsn }),
          this.#model.scan({ start: key }, lsn).length,
        );
    }
  }

  async #checkHistory(timeline: Timeline, key: Uint8Array, from: number, to: number): Promise<void> {
    const found = await collect(timeline.history(key, { from, to }));
    const expected = this.#model.history(key, from, to);
    const where = `history of ${key.length} bytes from ${from} to ${to}`;
    assertEquals(found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn), where);
    found.forEach(({ value, lsn }, i) => this.#check("history", key, lsn, value, expected[i]));
  }

  async #checkScan(timeline: Timeline, range: Parameters<Model["scan"]>[0], lsn: number): Promise<void> {
    const found = await collect(timeline.scan(range, { lsn }));
    const expected = this.#model.scan(range, lsn);
    assertEquals(
      found.map(({ key }) => key.toHex()),
      expected.map(({ key }) => key.toHex()),
      `scan at ${lsn}`,
    );
    found.forEach(({ key, value }, i) => this.#check("scan", key, lsn, value, expected[i].version));
  }

  #check(question: string, key: Uint8Array, lsn: number, found?: Uint8Array, version?: ModelVersion): void {
    if (sameBytes(found, version?.value)) return;
    throw new Error(
      `${question} of a key of ${key.length} bytes at LSN ${lsn}: found ${found?.length} bytes, expected ` +
        `${version?.value?.length} bytes of LSN ${version?.lsn}`,
    );
  }
}
