/**
 * A small store with every kind of file, made the same way each time: what damage is done to, and the truth about it.
 * The only module of this folder that knows which disk in memory the store lies on.
 */

import { equals } from "@std/bytes";
import { Store, type Timeline } from "../../../mod.ts";
import {
  decodePad,
  readRecordHeader,
  type RecordHeader,
  recordHeaderBytes,
  RecordKind,
} from "../../../src/layer/mod.ts";
import { SimDisk, SimEngine } from "../../../src/sim/mod.ts";
import { Random } from "../../random.ts";
import type { Damage } from "./damages.ts";
import type { Subject } from "./verdict.ts";

/** A disk in memory. */
export type Disk = SimDisk;
/** Where the store lies. */
export const storePath = "/disk/store";
/** Blocks of files. */
export const block = 4096;

/** Whether a path is that of a manifest. */
export function isManifestPath(path: string): boolean {
  return /\/(?:manifest|log)-\d+$/.test(path);
}

/** What became of a key at an LSN; `value` is `undefined` if it was deleted. */
export interface Version {
  readonly lsn: number;
  readonly value: Uint8Array | undefined;
}

/** A record of a file of values. */
export interface StoredRecord {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly key: string;
  readonly lsn: number;
}

/** A pad of a segment that is not sealed, which is witness of how far history was durable. */
export interface Witness {
  readonly path: string;
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly durableLsn: number;
}

/** What a timeline must say. */
export interface TimelineTruth {
  readonly name: string;
  /** Where its files are. */
  readonly directory: string;
  /** What {@linkcode describeTimeline} says of it when it is whole. */
  readonly description: string;
  /** Where its values lie. */
  readonly records: readonly StoredRecord[];
  /** What is witness of the end of its history. */
  readonly witnesses: readonly Witness[];
  /** The versions of each key, oldest first. */
  readonly keys: ReadonlyMap<string, readonly Version[]>;
  readonly lastLsn: number;
  /** How far history goes in layers that are sealed, and in segments whose end the manifest tells. */
  readonly sealedLsn: number;
}

/** A store on a disk, and the truth about it. */
export interface Golden extends Omit<Subject, "lookOnce"> {
  readonly timelines: readonly TimelineTruth[];
}

/** Opens the store of a disk, on an engine of its own if none is given. */
export function openOn(
  disk: Disk,
  readOnly = false,
  ioEngine: SimEngine = new SimEngine({ disk }),
): Promise<Store> {
  return Store.open(storePath, {
    ioEngine,
    segmentBytes: 64 * 1024,
    memoryBytes: 2 ** 24,
    readOnly,
    upkeep: "manual",
  });
}

/** Which files a timeline has and what is in them, in a line. */
export function describeTimeline(timeline: Timeline): string {
  const layers = timeline.layers().filter(({ versions }) => versions > 0);
  return layers.map(({ path, firstLsn, lastLsn, versions, keys, tombstones }) =>
    [path, firstLsn, lastLsn, versions, keys, tombstones].join(" ")
  ).join(", ");
}

/** Makes what a store takes from chance and the clock the same each time. */
export async function withoutChance<T>(seed: number, work: () => Promise<T>): Promise<T> {
  const { getRandomValues } = crypto, { now } = Date, random = new Random(seed);
  crypto.getRandomValues = (<T extends ArrayBufferView>(array: T) => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(random.bytes(array.byteLength));
    return array;
  }) as typeof getRandomValues;
  Date.now = () => 1_700_000_000_000;
  try {
    return await work();
  } finally {
    crypto.getRandomValues = getRandomValues;
    Date.now = now;
  }
}

type Written = Pick<TimelineTruth, "name" | "keys" | "lastLsn" | "sealedLsn">;

/** A record that was found, and what stands before it. */
export interface FoundRecord extends RecordHeader {
  readonly from: number;
  readonly keyStart: number;
  readonly to: number;
}

/** The records of a file, up to the first that is none. */
export function* recordsIn(bytes: Uint8Array<ArrayBuffer>): Generator<FoundRecord> {
  const view = new DataView(bytes.buffer);
  for (let from = block, to: number; from + recordHeaderBytes <= bytes.length; from = to) {
    const header = readRecordHeader(view, from);
    if (header === undefined) return;
    const keyStart = from + recordHeaderBytes;
    to = keyStart + header.keyLength + header.valueLength;
    yield { ...header, from, keyStart, to };
  }
}

function storedRecords(path: string, bytes: Uint8Array<ArrayBuffer>): StoredRecord[] {
  const decoder = new TextDecoder();
  return [...recordsIn(bytes)].filter(({ keyLength }) => keyLength > 0)
    .map(({ from, keyStart, to, keyLength, lsn }) => {
      return { path, from, to, key: decoder.decode(bytes.subarray(keyStart, keyStart + keyLength)), lsn };
    });
}

/** The pads of a file, which are witness of how far history was durable. */
export function witnessesIn(path: string, bytes: Uint8Array<ArrayBuffer>): Witness[] {
  const view = new DataView(bytes.buffer);
  return [...recordsIn(bytes)].filter(({ kind }) => kind === RecordKind.PAD).map(({ from, to }) => {
    return { path, from, bytes: bytes.slice(from, to), durableLsn: decodePad(view, from).durableLsn };
  });
}

/** How far history must go at the least, beyond what is sealed: as far as any pad that is not damaged is witness of. */
export function leastLsnOf(
  sealedLsn: number,
  witnesses: readonly Witness[],
  { files }: Pick<Damage, "files">,
): number {
  const isWhole = ({ path, from, bytes }: Witness) => {
    if (!files.has(path)) return true;
    const found = files.get(path)?.subarray(from, from + bytes.length);
    return found !== undefined && equals(found, bytes);
  };
  return Math.max(sealedLsn, ...witnesses.filter(isWhole).map(({ durableLsn }) => durableLsn));
}

/** Joins what was written with where it lies. */
async function golden(
  name: string,
  disk: Disk,
  written: readonly Written[],
  older: Golden["older"],
): Promise<Golden> {
  await using store = await openOn(disk, true);
  const timelines = written.map((each) => {
    const timeline = store.timeline(each.name), [{ path }] = timeline.layers();
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    const files = disk.paths().filter((path) => path.startsWith(directory));
    const records = files.flatMap((path) => storedRecords(path, disk.contents(path)));
    const witnesses = files.flatMap((path) => witnessesIn(path, disk.contents(path)));
    return { ...each, directory, records, witnesses, description: describeTimeline(timeline) };
  });
  const layers = written.flatMap((each) => store.timeline(each.name).layers());
  const sealed = new Set(layers.filter(({ kind }) => kind === "L0").map(({ path }) => path));
  return { name, disk, timelines, sealed, older };
}

/** Writes to one timeline and keeps the truth. */
class Author {
  readonly keys = new Map<string, Version[]>();
  readonly #random: Random;
  lastLsn = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** Appends a batch; every fifth change is a deletion, every seventh value is empty. */
  async append(timeline: Timeline, names: readonly string[], valueBytes: number): Promise<void> {
    const values = names.map((_, i) => {
      if (i % 5 === 4) return undefined;
      return this.#random.bytes(i % 7 === 6 ? 0 : valueBytes);
    });
    const changes = names.map((key, i) => {
      const value = values[i];
      return value === undefined ? { key, delete: true as const } : { key, value };
    });
    const lsn = this.lastLsn = await timeline.append(changes);
    names.forEach((key, i) => {
      const versions = this.keys.get(key) ?? [];
      versions.push({ lsn, value: values[i] });
      this.keys.set(key, versions);
    });
  }

  truth(name: string, sealedLsn: number): Written {
    const keys = new Map([...this.keys].map(([key, versions]) => [key, [...versions]] as const));
    return { name, keys, lastLsn: this.lastLsn, sealedLsn };
  }
}

function numbered(from: number, to: number, bytes = 0): string[] {
  return Array.from({ length: to - from }, (_, i) => `${from + i}/`.padEnd(bytes, `${(from + i) * 7919}`));
}

/** Notes what files hold before they change. */
export function noteContents(disk: Disk, older: Map<string, Uint8Array[]>): void {
  for (const path of disk.paths()) {
    const contents = disk.contents(path), known = older.get(path) ?? [];
    if (!known.some((old) => equals(old, contents))) known.push(contents);
    older.set(path, known);
  }
}

/**
 * Makes two stores: one whose process was killed, with a torn batch at its end, and one that was closed.
 *
 * ```
 *   main   L0, index of several pages │ L0 │ unsealed, closed cleanly
 *   side   delta                      │ unsealed: synced, synced ┃ synced last ┃ torn
 * ```
 *
 * @param seed What its ids and values come of.
 */
export function makeGolden(seed: number): Promise<{ killed: Golden; closed: Golden }> {
  return withoutChance(seed, async () => {
    const older = new Map<string, Uint8Array[]>(), main = new Author(seed), side = new Author(seed + 1);
    const first = new SimDisk();
    const store = await openOn(first);
    const timeline = store.timeline(), other = await store.createTimeline("side");
    await main.append(timeline, numbered(0, 25, 500), 8);
    await main.append(timeline, numbered(20, 40, 500), 8);
    await timeline.freeze();
    noteContents(first, older);
    await main.append(timeline, numbered(5, 12, 500), 30);
    await main.append(timeline, numbered(10, 20), 0);
    await timeline.freeze();
    await side.append(other, numbered(0, 20), 20);
    await other.compact();
    noteContents(first, older);
    // A kill, after which the next opening makes another manifest.
    const second = first.clone();
    await store.close();
    await using again = await openOn(second);
    await main.append(again.timeline(), numbered(15, 25), 100);
    await again.timeline().sync();
    noteContents(second, older);
    // Written over the torn end of the other timeline, the block in which both begin would go on as its history.
    await main.append(again.timeline(), numbered(0, 5), 20);
    await main.append(again.timeline(), numbered(5, 12), 900);
    await again.close();
    noteContents(second, older);
    const closed = { main: main.truth("main", main.lastLsn), side: side.truth("side", side.lastLsn) };
    const disk = second.clone();
    const third = await openOn(disk), tail = third.timeline("side");
    const sealedLsn = side.lastLsn;
    for (const bytes of [200, 500, 300]) {
      await side.append(tail, numbered(bytes / 20, bytes / 20 + 8), bytes);
      await tail.sync();
      noteContents(disk, older);
    }
    const whole = side.truth("side", sealedLsn);
    await side.append(tail, numbered(10, 20), 700);
    await tail.sync();
    const killed = disk.clone();
    await third.close();
    const [torn] = killed.paths().filter((path) => path.endsWith(".seg") && !second.paths().includes(path));
    tear(killed, torn);
    return {
      killed: await golden("killed", killed, [closed.main, whole], older),
      closed: await golden("closed", second, [closed.main, closed.side], older),
    };
  });
}

/** Takes the end of what was written last away, as a crash does: its last block was not written. */
export function tear(disk: Disk, path: string): void {
  const bytes = disk.contents(path), used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  disk.put(path, bytes.fill(0, Math.ceil(used / block) * block - block));
}
