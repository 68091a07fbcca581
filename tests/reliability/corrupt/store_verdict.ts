/**
 * What a store with damaged files must say.
 *
 * Within a store that opens, a timeline that has none of the damaged files reads without an error; so does any other
 * below the first LSN of those that have one.
 */

import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes";
import { CorruptionError, type Store, type Timeline, VarveError } from "../../../mod.ts";
import { RecyclingEngine } from "../recycling_engine.ts";
import type { Damage } from "./damages.ts";
import {
  describeTimeline,
  type Disk,
  type Golden,
  leastLsnOf,
  openOn,
  storePath,
  type TimelineTruth,
  type Version,
} from "./golden.ts";
import { type Found, type Look, refusalOf, type Subject, unlike } from "./verdict.ts";

const decoder = new TextDecoder();
const report = { damage: "report" } as const;

/** A store to be damaged. */
export function storeSubject(golden: Golden): Subject {
  return { ...golden, lookOnce: (disk, damage, look) => lookOnce(golden, disk, damage, look) };
}

async function lookOnce(golden: Golden, disk: Disk, damage: Damage, look: Look): Promise<Found> {
  await using engine = new RecyclingEngine({ disk });
  let store: Store;
  try {
    store = await openOn(disk, look.readOnly, engine);
  } catch (error) {
    return { verdict: "detected", refusal: refusalOf(error, storePath) };
  }
  try {
    const reads = golden.timelines.map((truth) => new Reading(store.timeline(truth.name), truth, damage));
    for (const reading of reads) await reading.readAll(look);
    const isLost = reads.some(({ isLost }) => isLost), isDamaged = reads.some(({ errors }) => errors > 0);
    const verdict = isLost ? "lost" : isDamaged ? "detected" : "harmless";
    return { verdict, ends: reads.map(({ lastLsn }) => lastLsn) };
  } finally {
    // Sealing may come upon the damage too.
    await store.close().catch((error) => refusalOf(error, storePath));
  }
}

/** The reads of one timeline. */
class Reading {
  readonly #timeline: Timeline;
  readonly #truth: TimelineTruth;
  readonly #damage: Damage;
  /** The LSN from which on something may be damaged. */
  readonly #damagedFrom: number;
  readonly lastLsn: number;
  errors = 0;

  constructor(timeline: Timeline, truth: TimelineTruth, damage: Damage) {
    this.#timeline = timeline;
    this.#truth = truth;
    this.#damage = damage;
    this.lastLsn = timeline.lastLsn;
    this.#damagedFrom = damagedFrom(timeline, damage);
    assert(this.lastLsn <= truth.lastLsn, `history ends at LSN ${this.lastLsn} of ${truth.lastLsn}`);
    const least = leastLsnOf(truth.sealedLsn, truth.witnesses, damage);
    assert(this.lastLsn >= least, `history ends at LSN ${this.lastLsn} of ${least} at the least`);
  }

  /** Whether the end of history is not there, and nothing says so. */
  get isLost(): boolean {
    return this.lastLsn < this.#truth.lastLsn;
  }

  /** Whether anything of what this reads may differ: files that are whole, and named alike, read alike. */
  get mayDiffer(): boolean {
    const { directory, description } = this.#truth;
    if (description !== describeTimeline(this.#timeline)) return true;
    return [...this.#damage.files.keys()].some((path) => path.startsWith(directory));
  }

  async readAll(look: Look): Promise<void> {
    if (look.isThorough) await this.#readEverything();
    else if (this.mayDiffer) await this.#readDamaged(look);
  }

  async #readEverything(): Promise<void> {
    const keys = [...this.#truth.keys.keys()];
    for (let lsn = 0; lsn <= this.lastLsn; lsn++) {
      await this.#vectored(keys, lsn);
      await this.#scan(lsn);
      await this.#count(lsn);
    }
    for (const key of keys) await this.#history(key);
  }

  /** Reads the versions whose records may be damaged, and some more in one way or another. */
  async #readDamaged({ turn }: Look): Promise<void> {
    const { keys: { size }, records } = this.#truth,
      { files, range: [from, to] = [0, Infinity] } = this.#damage;
    const keys = [...this.#truth.keys.keys()], first = turn % size;
    await this.#vectored([...keys.slice(first, first + 4), keys[(first + 10) % size]], this.lastLsn);
    const own = records.filter(({ path }) => files.has(path));
    const hit = own.filter((each) => each.from < to && each.to > from), few = Math.ceil(own.length / 7);
    // Every version of a layer needs its pages, each some of them.
    const damaged = hit.length > 0 ? hit : own.filter((_, i) => (i + turn) % few === 0);
    for (const [lsn, group] of Map.groupBy(damaged, ({ lsn }) => lsn)) {
      if (lsn <= this.lastLsn) await this.#vectored(group.map(({ key }) => key), lsn);
    }
    const lsn = this.lastLsn - Math.min(this.lastLsn, turn % 2), next = turn % 15;
    if (next === 0) await this.#scan(lsn);
    if (next === 1) await this.#count(lsn);
    if (next < 5) await this.#history(keys[first]);
  }

  #fail(error: unknown, lsn: number): void {
    if (!(error instanceof CorruptionError)) throw unlike("a CorruptionError", error);
    if (!this.#damage.files.has(error.path)) throw unlike("one of a damaged file", error);
    if (lsn < this.#damagedFrom) throw unlike(`none that reads as of ${lsn} do not need`, error);
    this.errors++;
  }

  async #vectored(keys: readonly string[], lsn: number): Promise<void> {
    let i = 0;
    for await (const entry of this.#timeline.getVectored(keys, { ...report, lsn })) {
      const key = decoder.decode(entry.key);
      if (key !== keys[i++]) throw new Error(`${key} stands in the place of ${keys[i - 1]}`);
      if ("error" in entry) this.#fail(entry.error, lsn);
      else assertVersion(key, versionAt(this.#truth, key, lsn), entry);
    }
    assertEquals(i, keys.length, "every key has an entry");
  }

  async #scan(lsn: number): Promise<void> {
    const expected = this.#present(lsn);
    let i = 0;
    try {
      for await (const entry of this.#timeline.scan({}, { ...report, lsn })) {
        assert(i < expected.length, "a scan ends with the last key");
        const [key, version] = expected[i++];
        if (decoder.decode(entry.key) !== key) throw new Error(`${key} is left out of a scan`);
        if ("error" in entry) this.#fail(entry.error, lsn);
        else assertVersion(key, version, entry);
      }
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      return this.#fail(error, lsn);
    }
    assertEquals(i, expected.length, "a scan goes to the end");
  }

  async #count(lsn: number): Promise<void> {
    const count = await this.#timeline.count({}, { lsn }).catch((error) => this.#fail(error, lsn));
    if (count !== undefined) assertEquals(count, this.#present(lsn).length);
  }

  async #history(key: string): Promise<void> {
    const expected = (this.#truth.keys.get(key) ?? []).filter(({ lsn }) => lsn <= this.lastLsn);
    let i = 0;
    try {
      for await (const version of this.#timeline.history(key, report)) {
        if ("error" in version) this.#fail(version.error, this.lastLsn);
        else assertVersion(key, expected[i], version);
        i++;
      }
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      return this.#fail(error, this.lastLsn);
    }
    assertEquals(i, expected.length, `history of ${key}`);
  }

  /** The keys that have a value, in order. */
  #present(lsn: number): [string, Version][] {
    const found: [string, Version][] = [];
    for (const key of this.#truth.keys.keys()) {
      const version = versionAt(this.#truth, key, lsn);
      if (version?.value !== undefined) found.push([key, version]);
    }
    return found.sort(([a], [b]) => a < b ? -1 : 1);
  }
}

function versionAt({ keys }: TimelineTruth, key: string, lsn: number): Version | undefined {
  return keys.get(key)?.findLast((version) => version.lsn <= lsn);
}

function assertVersion(
  key: string,
  expected: Version | undefined,
  { lsn, value }: { readonly lsn: number | undefined; readonly value: Uint8Array | undefined },
): void {
  const { value: right } = expected ?? {};
  const isRight = right === undefined ? value === undefined : value !== undefined && equals(value, right);
  if (lsn === expected?.lsn && isRight) return;
  throw new Error(`${key} is ${value?.toHex()} of LSN ${lsn}, and not ${right?.toHex()} of ${expected?.lsn}`);
}

/** The first LSN of the damaged files of a timeline; none of those of a timeline that has no such file. */
function damagedFrom(timeline: Timeline, { files }: Damage): number {
  const firsts = timeline.layers().filter(({ path }) => files.has(path)).map(({ firstLsn }) => firstLsn);
  return Math.min(Infinity, ...firsts);
}
