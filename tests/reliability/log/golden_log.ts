/** A small log with every kind of file, made the same way each time: what damage is done to, and the truth about it. */

import { Log, type LogOptions } from "../../../log.ts";
import { RecordKind } from "../../../src/layer/mod.ts";
import { openLogWith } from "../../../src/log/mod.ts";
import { type Host, systemHost } from "../../../src/io/mod.ts";
import { randomOf, SeededChoices, SimDisk, SimEngine, SimTime } from "../../../src/sim/mod.ts";
import { Random } from "../../random.ts";
import { type Disk, noteContents, recordsIn, tear, type Witness, witnessesIn } from "../corrupt/golden.ts";
import type { Subject } from "../corrupt/verdict.ts";

/** Where the log lies. */
export const logPath = "/disk/log";
/** What a sync does with an unfinished block. */
export type Tail = "pad" | "rewrite";
export const tails: readonly Tail[] = ["pad", "rewrite"];

/** A record that was appended. */
export interface WrittenRecord {
  readonly payload: Uint8Array;
  /** When, in milliseconds since the epoch. */
  readonly time: number;
}

/** Where a record lies. */
export interface RecordPlace {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** A log on a disk, and the truth about it. */
export interface GoldenLog extends Omit<Subject, "lookOnce"> {
  readonly tail: Tail;
  /** Its records by their offsets, also those that were given up. */
  readonly records: readonly WrittenRecord[];
  /** Where those lie that are there. */
  readonly places: ReadonlyMap<number, RecordPlace>;
  /** The offset of the first that was not given up. */
  readonly first: number;
  /** The offset up to which the manifest says where segments end. */
  readonly settled: number;
  /** What is witness of the end. */
  readonly witnesses: readonly Witness[];
}

/** Opens the log of a disk, on an engine of its own if none is given. */
export function openLogOn(
  disk: Disk,
  options: LogOptions = {},
  ioEngine: SimEngine = new SimEngine({ disk }),
): Promise<Log> {
  return Log.open(logPath, { ioEngine, segmentBytes: 64 * 1024, ...options });
}

/** Writes a log, life after life, and keeps the truth; all that it takes from chance comes of its seed. */
class Author {
  readonly records: WrittenRecord[] = [];
  readonly #random: Random;
  readonly #clock = new SimTime();
  readonly #tail: Tail;
  first = 0;

  constructor(seed: number, tail: Tail) {
    this.#random = new Random(seed);
    this.#tail = tail;
  }

  open(disk: Disk): Promise<Log> {
    const ioEngine = new SimEngine({ disk }), random = randomOf(new SeededChoices(this.#random.word()));
    const hostOf = (engine: SimEngine): Host => ({ ...systemHost(engine), clock: this.#clock, random });
    return openLogWith(() => hostOf(ioEngine), logPath, {
      ioEngine,
      segmentBytes: 64 * 1024,
      tail: this.#tail,
    });
  }

  /** Appends a record of each length, each some time after the one before. */
  async append(log: Log, ...lengths: readonly number[]): Promise<void> {
    for (const length of lengths) {
      this.#clock.adjust(this.#random.pick([0, 300, 900, 2500]));
      const payload = this.#random.bytes(length);
      this.records.push({ payload, time: this.#clock.now() });
      await log.append(payload);
    }
  }

  async giveUp(log: Log, offset: number): Promise<void> {
    await log.truncateBefore(offset);
    this.first = offset;
  }
}

/** Waits until only the last segment is open. */
async function sealed(log: Log): Promise<void> {
  while (log.segments().some(({ state }) => state === "frozen")) await new Promise((go) => setTimeout(go));
}

/** Joins what was written with where it lies. */
async function golden(
  name: string,
  disk: Disk,
  { records, first }: Author,
  tail: Tail,
  older: Subject["older"],
) {
  await using log = await openLogOn(disk, { readOnly: true });
  const segments = log.segments(), ended = segments.filter(({ state }) => state === "sealed");
  const places = new Map(segments.flatMap(({ path, byteLength }) =>
    [...recordsIn(disk.contents(path))]
      .filter(({ kind, to }) => kind === RecordKind.MARK && to <= byteLength)
      .map(({ lsn, from, to }) => [lsn - 1, { path, from, to }] as const)
  ));
  return {
    name: `${name}, tail ${tail}`,
    disk,
    tail,
    older,
    first,
    places,
    records: records.slice(),
    sealed: new Set(ended.map(({ path }) => path)),
    settled: ended.at(-1)?.nextOffset ?? 0,
    witnesses: segments.flatMap(({ path }) => witnessesIn(path, disk.contents(path))),
  };
}

/**
 * Makes two logs: one whose process was killed, with a torn record at its end, and one that was closed.
 *
 * ```
 *   closed   rotated, 64 KiB │ torn, sealed by the next opening │ open, closed cleanly
 *   killed   rotated, 64 KiB │ torn, sealed by the next opening │ the same │ open: synced ┃ synced ┃ torn
 *             └ the first records were given up
 * ```
 *
 * @param seed What its ids, payloads and times come of.
 * @param tail What a sync does with an unfinished block.
 */
export async function makeGoldenLog(
  seed: number,
  tail: Tail,
): Promise<{ killed: GoldenLog; closed: GoldenLog }> {
  const author = new Author(seed, tail), older = new Map<string, Uint8Array[]>(), first = new SimDisk();
  const one = await author.open(first);
  await author.append(one, 20, 0, 700);
  await one.sync();
  noteContents(first, older);
  await author.append(one, 1, 3000, 150, 9000, 90);
  await one.sync();
  noteContents(first, older);
  while (one.segments().length < 2) await author.append(one, 7000);
  await sealed(one);
  await author.append(one, 60, 800);
  await one.sync();
  const second = first.clone();
  await one.close();
  const two = await author.open(second);
  await author.append(two, 500);
  await two.sync();
  await sealed(two);
  noteContents(second, older);
  await author.append(two, 40, 1200, 6000);
  await two.sync();
  // A segment whose last block holds whole records, as others of its blocks do.
  await author.append(two, 70);
  await two.sync();
  await author.giveUp(two, 4);
  const third = second.clone();
  await author.append(two, 0, 2000);
  await two.close();
  noteContents(second, older);
  const closed = await golden("closed", second, author, tail, older);
  author.records.length -= 2;
  const three = await author.open(third);
  for (const lengths of [[900, 30], [10, 2500, 0], [4000]]) {
    await author.append(three, ...lengths);
    await three.sync();
    noteContents(third, older);
  }
  await sealed(three);
  await author.append(three, 9000);
  await three.sync();
  const killed = third.clone();
  await three.close();
  tear(killed, [...killed.paths()].filter((path) => path.endsWith(".seg")).at(-1)!);
  author.records.pop();
  return { killed: await golden("killed", killed, author, tail, older), closed };
}
