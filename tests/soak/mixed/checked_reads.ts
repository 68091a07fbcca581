/** Reads of all kinds, each compared with what was planned. */

import { LsnError, type Reader, type ReadOptions, type SnapshotReadOptions } from "../../../mod.ts";
import type { Random } from "../../random.ts";
import { sameBytes } from "../../store/bytes.ts";
import type { PlannedKey, PlannedTimeline } from "./planned_timeline.ts";

/** As of when a reader is asked. */
export interface AsOf {
  /** What is asked. */
  readonly reader: Reader<SnapshotReadOptions>;
  /** As of which LSN it answers. */
  readonly lsn: number;
  /** The options that say so. */
  readonly options: ReadOptions;
  /** Its horizon. */
  readonly horizon: number;
}

/** Each kind of read. */
type Kind = "get" | "entry" | "many" | "run" | "scan" | "keys" | "prefix" | "count" | "history" | "refused";

const kinds: readonly Kind[] = [
  ...Array.from({ length: 24 }, (_, i) => i % 2 === 0 ? "get" as const : "entry" as const),
  ...["many", "run", "scan", "scan", "keys", "prefix", "count", "history", "history", "refused"] as const,
];

/** Reads a timeline at random. */
export class CheckedReads {
  readonly #planned: PlannedTimeline;
  readonly #random: Random;

  /** Compares with what was planned. */
  constructor(planned: PlannedTimeline, random: Random) {
    this.#planned = planned;
    this.#random = random;
  }

  /** Reads once; throws if the answer is another than planned. It is asked in the turn of the call. */
  async one(asOf: AsOf): Promise<void> {
    const kind = this.#random.pick(kinds);
    switch (kind) {
      case "get":
      case "entry":
        return await this.entry(asOf, this.#key());
      case "many":
        return await this.#many(asOf, Array.from({ length: 64 }, () => this.#key()));
      case "run":
        return await this.#run(asOf);
      case "history":
        return await this.history(asOf, this.#key());
      case "refused":
        return await this.#refused(asOf);
      case "prefix":
        return await this.#hot(asOf);
      default:
        return await this.#range(asOf, kind);
    }
  }

  /** Compares the version of a key. */
  async entry({ reader, lsn, options }: AsOf, key: PlannedKey): Promise<void> {
    const { lsn: found, value } = await reader.getEntry(this.#planned.key(key), options);
    this.#compare(key, lsn, value, found);
  }

  /** Compares all versions of a key from the horizon on. */
  async history({ reader, lsn, options: { lsn: to }, horizon }: AsOf, key: PlannedKey): Promise<void> {
    const reverse = this.#random.once(2);
    const given = to === undefined ? { reverse } : { to, reverse };
    const found = await Array.fromAsync(reader.history(this.#planned.key(key), given));
    if (reverse) found.reverse();
    const expected = this.#planned.versionsBetween(key, Math.max(1, horizon), lsn);
    const isSame = found.length === expected.length &&
      found.every(({ lsn, value }, i) => lsn === expected[i].lsn && sameBytes(value, expected[i].value));
    if (isSame) return;
    const [there, planned] = [found, expected].map((all) => all.map(({ lsn }) => lsn).join(" "));
    throw new Error(`the history of ${this.#name(key)} up to ${lsn} is ${there} instead of ${planned}`);
  }

  /** Compares every key of a set with a scan of it. */
  async all(asOf: AsOf, set: number): Promise<void> {
    await this.#scan(asOf, set, 0, 2 ** this.#planned.plan.sets[set].bits, Infinity, false);
  }

  async #many({ reader, lsn, options }: AsOf, keys: readonly PlannedKey[]): Promise<void> {
    const values = await reader.getMany(keys.map((key) => this.#planned.key(key)), options);
    keys.forEach((key, i) => this.#compare(key, lsn, values[i]));
  }

  async #run({ reader, lsn, options }: AsOf): Promise<void> {
    const { set, index } = this.#key(), all = 2 ** this.#planned.plan.sets[set].bits;
    const count = Math.min(this.#random.from(1, 300), all - index);
    const base = this.#planned.key({ set, index });
    let at = index;
    for await (const { value, lsn: found } of reader.getVectored([{ base, count }], options)) {
      this.#compare({ set, index: at++ }, lsn, value, found);
    }
    if (at !== index + count) throw new Error(`${at - index} of ${count} keys came`);
  }

  async #range(asOf: AsOf, kind: "scan" | "keys" | "count"): Promise<void> {
    const { set, index } = this.#key(), all = 2 ** this.#planned.plan.sets[set].bits;
    const end = Math.min(all, index + this.#random.from(1, 600));
    if (kind === "count") return await this.#count(asOf, set, index, end);
    const limit = this.#random.once(2) ? Infinity : this.#random.from(1, 200);
    await this.#scan(asOf, set, index, end, limit, this.#random.once(2), kind === "keys");
  }

  async #hot(asOf: AsOf): Promise<void> {
    const { sets } = this.#planned.plan, set = sets.length - 1;
    const { reader, lsn, options } = asOf, { prefix, bits } = sets[set];
    const expected = this.#present(set, 0, 2 ** bits, lsn);
    const found = await Array.fromAsync(reader.scan({ prefix }, options));
    this.#compareRows(found, set, expected, lsn);
  }

  async #count({ reader, lsn, options }: AsOf, set: number, from: number, to: number): Promise<void> {
    const range = {
      start: this.#planned.key({ set, index: from }),
      end: this.#planned.key({ set, index: to }),
    };
    const count = await reader.count(range, options), expected = this.#present(set, from, to, lsn).length;
    if (count !== expected) throw new Error(`${count} keys were counted as of ${lsn}, ${expected} are there`);
  }

  async #scan(
    { reader, lsn, options }: AsOf,
    set: number,
    from: number,
    to: number,
    limit: number,
    reverse: boolean,
    keysOnly = false,
  ): Promise<void> {
    const bounds = {
      start: this.#planned.key({ set, index: from }),
      end: this.#planned.key({ set, index: to }),
    };
    const range = { ...bounds, reverse, ...limit === Infinity ? {} : { limit } };
    const stream = keysOnly
      ? reader.scan({ ...range, keysOnly: true }, options)
      : reader.scan(range, options);
    const found = await Array.fromAsync<{ key: Uint8Array; value?: Uint8Array; lsn: number | undefined }>(
      stream,
    );
    const expected = this.#present(set, from, to, lsn);
    if (reverse) expected.reverse();
    this.#compareRows(found, set, expected.slice(0, limit), lsn, keysOnly);
  }

  async #refused({ reader, horizon, options: { lsn } }: AsOf): Promise<void> {
    // A snapshot has its own LSN and is asked for no other.
    if (horizon === 0 || lsn === undefined) return;
    const asked = { lsn: this.#random.below(horizon) };
    const error = await (reader as Reader<ReadOptions>).get(this.#planned.key(this.#key()), asked).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(error instanceof LsnError)) {
      throw new Error(`a read as of ${asked.lsn}, below the horizon ${horizon}, ended with ${error}`);
    }
  }

  #compareRows(
    found: readonly { key: Uint8Array; value?: Uint8Array | undefined; lsn?: number | undefined }[],
    set: number,
    expected: readonly number[],
    lsn: number,
    keysOnly = false,
  ): void {
    if (found.length !== expected.length) {
      throw new Error(`a scan as of ${lsn} has ${found.length} keys instead of ${expected.length}`);
    }
    found.forEach(({ key, value, lsn: foundLsn }, i) => {
      const planned = { set, index: expected[i] };
      if (!sameBytes(key, this.#planned.key(planned))) {
        throw new Error(`a scan as of ${lsn} has ${key.toHex()} instead of ${this.#name(planned)}`);
      }
      const version = this.#planned.versionAt(planned, lsn);
      this.#compare(planned, lsn, keysOnly ? version?.value : value, foundLsn);
    });
  }

  #compare(key: PlannedKey, lsn: number, value: Uint8Array | undefined, found?: number | undefined): void {
    const version = this.#planned.versionAt(key, lsn);
    const isSame = sameBytes(value, version?.value) &&
      (found === undefined || value === undefined || found === version?.lsn);
    if (isSame) return;
    const [there, planned] = [{ value, lsn: found }, version].map((each) =>
      `${each?.value?.length} bytes of LSN ${each?.lsn}`
    );
    throw new Error(`${this.#name(key)} as of ${lsn} is ${there} instead of ${planned}`);
  }

  /** The keys of a run that have a value as of an LSN. */
  #present(set: number, from: number, to: number, lsn: number): number[] {
    const present: number[] = [];
    for (let index = from; index < to; index++) {
      if (this.#planned.versionAt({ set, index }, lsn)?.value !== undefined) present.push(index);
    }
    return present;
  }

  #key(): PlannedKey {
    const set = this.#random.below(this.#planned.plan.sets.length);
    return { set, index: this.#random.below(2 ** this.#planned.plan.sets[set].bits) };
  }

  #name({ set, index }: PlannedKey): string {
    return `"${this.#planned.plan.name}" ${this.#planned.plan.sets[set].prefix}${index}`;
  }
}
