/**
 * What a log with damaged files must say: each record that is read is right, and comes in its turn, or the read ends with
 * an error of a damaged file, in that file. What is in other files reads on, and so does what stands in front of damage.
 */

import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes";
import { CorruptionError, type Log } from "../../../log.ts";
import { Random } from "../../random.ts";
import type { MakeSubjects } from "../corrupt/corrupt.ts";
import type { Damage } from "../corrupt/damages.ts";
import { type Disk, isManifestPath, leastLsnOf } from "../corrupt/golden.ts";
import { type Found, type Look, refusalOf, type Subject, unlike } from "../corrupt/verdict.ts";
import { RecyclingEngine } from "../recycling_engine.ts";
import { type GoldenLog, logPath, makeGoldenLog, openLogOn, tails } from "./golden_log.ts";

/** Logs to be damaged: with either tail, one whose process was killed, and one that was closed. */
export const damagedLogs: MakeSubjects = async (seed) => {
  const pairs: (readonly [Subject, GoldenLog])[] = [];
  for (const tail of tails) {
    const { killed, closed } = await makeGoldenLog(seed, tail), others = await makeGoldenLog(seed + 1, tail);
    pairs.push([logSubject(killed), others.killed], [logSubject(closed), others.closed]);
  }
  return pairs;
};

/** A log to be damaged. */
export function logSubject(golden: GoldenLog): Subject {
  return { ...golden, lookOnce: (disk, damage, look) => lookOnce(golden, disk, damage, look) };
}

async function lookOnce(golden: GoldenLog, disk: Disk, damage: Damage, look: Look): Promise<Found> {
  const { readOnly } = look;
  await using engine = new RecyclingEngine({ disk });
  let log: Log;
  try {
    log = await openLogOn(disk, { readOnly, tail: golden.tail }, engine);
  } catch (error) {
    return { verdict: "detected", refusal: refusalOf(error, logPath) };
  }
  try {
    const reading = new Reading(log, golden, damage);
    await reading.readAll(look);
    const verdict = reading.isLost ? "lost" : reading.errors > 0 ? "detected" : "harmless";
    return { verdict, ends: [log.firstOffset, log.nextOffset] };
  } finally {
    // Sealing may come upon the damage too.
    await log.close().catch((error) => refusalOf(error, logPath));
  }
}

/** The reads of a log. */
class Reading {
  readonly #log: Log;
  readonly #golden: GoldenLog;
  readonly #damage: Damage;
  readonly #first: number;
  readonly #next: number;
  errors = 0;

  constructor(log: Log, golden: GoldenLog, damage: Damage) {
    this.#log = log;
    this.#golden = golden;
    this.#damage = damage;
    const { firstOffset, nextOffset, durableOffset } = log;
    this.#first = firstOffset;
    this.#next = nextOffset;
    const { first, records: { length } } = golden,
      least = leastLsnOf(golden.settled, golden.witnesses, damage);
    assert(nextOffset <= length, `it ends at offset ${nextOffset} of ${length}`);
    assert(nextOffset >= least, `it ends at offset ${nextOffset} of ${least} at the least`);
    assertEquals(durableOffset, nextOffset, "what was opened is durable");
    const mayForget = [...damage.files.keys()].some(isManifestPath);
    assert(
      mayForget ? firstOffset <= first : firstOffset === first,
      `it begins at offset ${firstOffset} of ${first}`,
    );
  }

  /** Whether the end is not there, or what was given up is there again, and nothing says so. */
  get isLost(): boolean {
    return this.#next < this.#golden.records.length || this.#first < this.#golden.first;
  }

  async readAll({ isThorough, turn }: Look): Promise<void> {
    const random = new Random(turn), first = this.#first, count = this.#next - first + 1;
    const all = Array.from({ length: count }, (_, i) => first + i);
    const some = [first, this.#hit(), random.pick(all), random.pick(all)];
    const offsets = isThorough ? all : [...new Set(some)];
    const times = isThorough ? all : [random.pick(all)];
    for (const from of offsets) await this.#readFrom(from, this.#next);
    for (const offset of times) await this.#lookUp(offset, random.pick([0, 1, 999, -1, -1500]));
  }

  /** The offset behind the first record that may be damaged: a read from there begins in the midst. */
  #hit(): number {
    const { files, range: [from, to] = [0, Infinity] } = this.#damage;
    for (const [offset, place] of this.#golden.places) {
      const isHit = files.has(place.path) && place.from < to && place.to > from;
      if (isHit) return Math.min(Math.max(offset + 1, this.#first), this.#next);
    }
    return this.#first;
  }

  async #readFrom(from: number, to: number): Promise<void> {
    let due = from;
    try {
      for await (const { offset, payload } of this.#log.readable({ from, to })) {
        assertEquals(offset, due, "records come in order");
        assert(equals(payload, this.#golden.records[due++].payload), `record ${offset} is another`);
      }
    } catch (error) {
      return this.#fail(error, due);
    }
    assertEquals(due, to, "a read goes to its end");
  }

  /** Notes an error of a read that had come so far. */
  #fail(error: unknown, due: number): void {
    this.#failAtAll(error);
    const { files, range: [from] = [0] } = this.#damage, place = this.#golden.places.get(due);
    if (place === undefined) return;
    if (!files.has(place.path)) throw unlike(`none of record ${due}, which is in no damaged file`, error);
    if (place.to <= from) throw unlike(`none of record ${due}, which stands in front of the damage`, error);
  }

  #failAtAll(error: unknown): void {
    if (!(error instanceof CorruptionError)) throw unlike("a CorruptionError", error);
    if (!this.#damage.files.has(error.path)) throw unlike("one of a damaged file", error);
    this.errors++;
  }

  /** Looks up a date near that of a record, and reads on from there. */
  async #lookUp(near: number, distance: number): Promise<void> {
    const { records } = this.#golden, date = (records[near] ?? records[records.length - 1]).time + distance;
    let found: number;
    try {
      found = await this.#log.offsetAt(new Date(date));
    } catch (error) {
      return this.#failAtAll(error);
    }
    assert(found >= this.#first && found <= this.#next, `offset ${found} by date`);
    const early = records.findIndex(({ time }, offset) =>
      offset >= this.#first && offset < found && time >= date
    );
    assert(
      early < 0,
      `from offset ${found} on for ${date}, but record ${early} is of ${records[early]?.time}`,
    );
    const late = records.findIndex(({ time }, offset) =>
      offset >= found && offset < this.#next && time < date - 1000
    );
    assert(late < 0, `from offset ${found} on for ${date}, and record ${late} is of ${records[late]?.time}`);
    await this.#readFrom(found, Math.min(found + 3, this.#next));
  }
}
