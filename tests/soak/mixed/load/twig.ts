/** A branch of a planned timeline that is made, read, written to and deleted, again and again. */

import { type Difference, LsnError, type Store, type Timeline } from "../../../../mod.ts";
import { compareKeys } from "../../../../src/base/mod.ts";
import type { Random } from "../../../random.ts";
import { sameBytes } from "../../../store/bytes.ts";
import { CheckedReads } from "../checked_reads.ts";
import type { Line } from "./line.ts";

/** Its name. */
export const twigName = "twig";
/** Keys of its own, beside some of those that it goes on from, and bytes of their values. */
const ownKeys = 50, mostValueBytes = 3000;

/** What was written to it: by key, the value; `undefined` if it was deleted. */
type Own = Map<string, Uint8Array | undefined>;

/** See the top of the file. */
export class Twig {
  /** The timeline. */
  readonly timeline: Timeline;
  /** The branch LSN. */
  readonly lsn: number;
  readonly #store: Store;
  readonly #line: Line;
  readonly #random: Random;
  readonly #reads: CheckedReads;
  readonly #own: Own = new Map();

  private constructor(store: Store, line: Line, random: Random, timeline: Timeline, lsn: number) {
    this.timeline = timeline;
    this.lsn = lsn;
    this.#store = store;
    this.#line = line;
    this.#random = random;
    this.#reads = new CheckedReads(line.planned, random);
  }

  /** Makes one somewhere in a timeline; `undefined` if history was given up there meanwhile. */
  static async make(store: Store, line: Line, random: Random): Promise<Twig | undefined> {
    const { horizon, timeline: { name: ancestor, lastLsn } } = line, lsn = random.from(horizon, lastLsn);
    try {
      return new Twig(store, line, random, await store.createTimeline(twigName, { ancestor, lsn }), lsn);
    } catch (error) {
      if (error instanceof LsnError && lsn < line.horizon) return undefined;
      throw error;
    }
  }

  /** Takes up one that a process left which was killed, if there is one. */
  static left(store: Store, line: Line, random: Random): Twig | undefined {
    const found = store.timelines().find(({ name }) => name === twigName);
    if (found?.ancestor === undefined) return undefined;
    return new Twig(store, line, random, store.timeline(twigName), found.ancestor.lsn);
  }

  /** Reads as of the branch LSN, where it is what it goes on from, whatever became of that. */
  async read(): Promise<void> {
    const { timeline: reader, lsn } = this;
    const { horizon } = this.#store.timelines().find(({ name }) => name === twigName)!;
    await this.#reads.one({ reader, lsn, options: { lsn }, horizon });
  }

  /** Writes to it, and checks what it has of its own. */
  async grow(): Promise<void> {
    const random = this.#random, { timeline } = this, changes = new Map<string, Uint8Array | undefined>();
    for (let left = random.from(1, 8); left > 0; left--) {
      changes.set(
        this.#anyKey().toHex(),
        random.once(4) ? undefined : random.bytes(random.below(mostValueBytes)),
      );
    }
    const before = timeline.lastLsn;
    const lsn = await timeline.append(Array.from(changes, ([hex, value]) => {
      const key = Uint8Array.fromHex(hex);
      return value === undefined ? { key, delete: true as const } : { key, value };
    }));
    if (lsn !== before + 1) throw new Error(`an append to a branch at ${before} took LSN ${lsn}`);
    for (const [hex, value] of changes) this.#own.set(hex, value);
    if (random.once(20)) await timeline.freeze();
    if (random.once(60)) await timeline.compact();
  }

  /** Checks what differs from the branch LSN on: that is what was written to it. */
  async compare(): Promise<void> {
    const found = await Array.fromAsync(this.timeline.diff(this.lsn, this.timeline.lastLsn));
    const before = await this.timeline.getMany(this.#keys(), { lsn: this.lsn });
    const expected = this.#keys().map((key, i): Difference => {
      return { key, before: before[i], after: this.#own.get(key.toHex()) as Difference["after"] };
    }).filter(({ before, after }) => !sameBytes(before, after));
    const isSame = found.length === expected.length &&
      found.every((one, i) =>
        sameBytes(one.key, expected[i].key) && sameBytes(one.before, expected[i].before) &&
        sameBytes(one.after, expected[i].after)
      );
    if (!isSame) {
      throw new Error(`${found.length} keys differ on a branch at ${this.lsn} instead of ${expected.length}`);
    }
    for (const key of this.#keys()) {
      if (sameBytes(await this.timeline.get(key), this.#own.get(key.toHex()))) continue;
      throw new Error(`the value of ${key.toHex()} on a branch at ${this.lsn} is not what was written`);
    }
  }

  /** Deletes it. */
  async drop(): Promise<void> {
    await this.#store.deleteTimeline(twigName);
  }

  #keys(): Uint8Array<ArrayBuffer>[] {
    return Array.from(this.#own.keys(), (hex) => Uint8Array.fromHex(hex)).sort(compareKeys);
  }

  #anyKey(): Uint8Array<ArrayBuffer> {
    const random = this.#random, { planned } = this.#line, { sets } = planned.plan;
    if (random.once(2)) return new TextEncoder().encode(`twig/${random.below(ownKeys)}`);
    const set = random.below(sets.length);
    return planned.key({ set, index: random.below(2 ** sets[set].bits) });
  }
}
