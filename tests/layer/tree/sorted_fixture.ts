/** Sorted layers in memory, whole with their values, and what is read of them. */

import { assert, assertEquals } from "@std/assert";
import { blockBytes, compareKeys, CorruptionError, crc32, pageBytes } from "../../../src/base/mod.ts";
import {
  Descent,
  DescentSteps,
  encodePad,
  fileSeed,
  findVersion,
  type Finger,
  hashKey,
  LayerBuilder,
  layoutOf,
  lsnHigh,
  lsnLow,
  pageCursor,
  type PageSource,
  recordHeaderBytes,
  RecordKind,
  stampRecord,
  StoredLayer,
  terminalFlag,
  tombstoneFlag,
  VersionBlock,
  type VersionRange,
  writeRecordHeader,
} from "../../../src/layer/mod.ts";
import { LentRange, type StoredObject } from "../../../src/objects/mod.ts";
import type { Random } from "../../random.ts";
import { CountingTurns, MemorySink, someIdentity } from "../layer_fixture.ts";

/** A version with its value, which a tombstone has not. */
export interface Version {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly lsn: number;
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** Orders versions by (key, LSN). */
export function compareVersions(a: Version, b: Version): number {
  return compareKeys(a.key, b.key) || a.lsn - b.lsn;
}

/** Versions of words such as `a@3=100 a@5 b@1=7000`: a value of so many bytes, or a tombstone. */
export function versionsOf(words: string): Version[] {
  return words.split(" ").filter((word) => word !== "").map((word) => {
    const [name, length] = word.split("="), [key, lsn] = name.split("@");
    const value = length === undefined ? undefined : new Uint8Array(Number(length)).fill(Number(lsn) + 1);
    return { key: new TextEncoder().encode(key), lsn: Number(lsn), value };
  });
}

/** Versions of all kinds, sorted, each once. */
export function randomVersions(random: Random, most: number): Version[] {
  const prefix = random.bytes(random.pick([0, 2, 40]));
  const lengths = random.pick([[0, 7, 100], [100], [900, 1500, 2030], [0, 100, 4000, 9000], [3]]);
  const hot = random.pick([1, 3, 200]);
  const all: Version[] = [];
  while (all.length < most) {
    const tail = random.bytes(random.pick([1, 2, 2, 18, 100]));
    const key = Uint8Array.from([...prefix, ...tail]);
    for (let i = random.below(hot); i >= 0; i--) {
      const value = random.once(6) ? undefined : random.bytes(random.pick(lengths));
      all.push({ key, lsn: random.from(1, 1000), value });
    }
  }
  all.sort(compareVersions);
  return all.filter((version, i) => i === 0 || compareVersions(all[i - 1], version) !== 0);
}

let orders = 100_000;

/** A sorted layer. */
export class SortedLayer {
  readonly layer: StoredLayer;
  /** All of its file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly versions: readonly Version[];
  /** Where the records of versions start. */
  readonly offsets: readonly number[];

  private constructor(
    layer: StoredLayer,
    bytes: Uint8Array<ArrayBuffer>,
    versions: readonly Version[],
    offsets: readonly number[],
  ) {
    this.layer = layer;
    this.bytes = bytes;
    this.versions = versions;
    this.offsets = offsets;
  }

  /** Writes one, of so many rows at once. */
  static async of(
    versions: readonly Version[],
    { most = Infinity, filterBits }: { most?: number; filterBits?: number } = {},
  ): Promise<SortedLayer> {
    const { fileId } = someIdentity,
      seed = fileSeed(fileId),
      records: Uint8Array[] = [],
      offsets: number[] = [];
    const leaves: Uint8Array[] = [];
    const file: { sink?: MemorySink } = {};
    let end = blockBytes;
    const builder = new LayerBuilder(fileId, (page) => {
      if (file.sink === undefined) leaves.push(page.slice());
      else file.sink.append(page);
    }, filterBits);
    for (let from = 0; from < versions.length; from += most) {
      const rows = versions.slice(from, from + most),
        encoded = rows.map((version) => recordOf(version, seed));
      const base = end, all = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
      const block = new VersionBlock(rows.length, rows.reduce((sum, { key }) => sum + key.length, 0));
      let keyAt = 0;
      rows.forEach(({ key, lsn, value }, row) => {
        block.bytes.set(key, keyAt);
        block.keyStart[row] = keyAt;
        keyAt += block.keyLength[row] = key.length;
        block.lsn[row] = lsn;
        block.offset[row] = end;
        block.length[row] = encoded[row].length;
        block.flags[row] = value === undefined ? terminalFlag | tombstoneFlag : terminalFlag;
        all.set(encoded[row], end - base);
        offsets.push(end);
        end += encoded[row].length;
      });
      block.count = rows.length;
      builder.addRuns(block, 0, rows.length, all, base);
      records.push(all);
    }
    const left = blockBytes - end % blockBytes, length = left < 52 ? left + blockBytes : left;
    records.push(encodePad(length, 1, { fileId, offset: end, durableOffset: 0, durableLsn: 0 }));
    const sink = file.sink = new MemorySink(end + length);
    for (const leaf of leaves) sink.append(leaf);
    const identity = { ...someIdentity, kind: "delta" as const };
    const description = await builder.finish(sink, identity, end + length, new CountingTurns());
    const bytes = new Uint8Array(description.byteLength);
    let at = blockBytes;
    for (const part of [...records, sink.bytes]) {
      bytes.set(part, at);
      at += part.length;
    }
    assertEquals(at, description.byteLength);
    const path = `/objects/${++orders}`;
    const object = { id: path, order: orders, path, layout: layoutOf(description, path) };
    return new SortedLayer(
      new StoredLayer(description, object as unknown as StoredObject),
      bytes,
      versions,
      offsets,
    );
  }

  /** The number of the newest version of a key at or before an LSN; −1 if there is none. */
  newest(key: Uint8Array, lsn: number): number {
    return this.versions.findLastIndex((version) =>
      compareKeys(version.key, key) === 0 && version.lsn <= lsn
    );
  }

  /** Looks a version up; returns its number and its value, if that was met on the way. */
  async find(
    key: Uint8Array,
    lsn: number,
    pages: WholePages,
    finger?: Finger,
  ): Promise<[number, Uint8Array | undefined]> {
    const steps = new DescentSteps(1), hash = hashKey(key, 0, key.length);
    for (;;) {
      const came = findVersion(this.layer, key, hash, lsn, pages, steps, 0, finger);
      if (came === Descent.ABSENT) return [-1, undefined];
      if (came === Descent.WAITING) {
        await pages.fetch();
        continue;
      }
      const number = this.offsets.indexOf(steps.offsetOf(0)),
        version = this.versions[number],
        { value } = version;
      const isIt = compareKeys(version.key, key) === 0 && version.lsn === steps.lsnOf(0);
      // What has no value yet is read by itself, and found out.
      if (!isIt && steps.memory === undefined) throw damaged();
      assert(isIt);
      assertEquals((steps.flagsOf(0) & tombstoneFlag) !== 0, value === undefined);
      assertEquals(steps.lengthOf(0), recordHeaderBytes + key.length + (value?.length ?? 0));
      const start = steps.memoryAt + recordHeaderBytes + key.length;
      return [number, steps.memory?.slice(start, steps.memoryAt + steps.lengthOf(0))];
    }
  }

  /** Walks a range; returns the numbers of versions, each checked in what the block says of it. */
  async walk(range: VersionRange, pages: WholePages): Promise<number[]> {
    const cursor = pageCursor(this.layer, range), found: number[] = [];
    for (;;) {
      while (!cursor.settle(pages)) await pages.fetch();
      if (cursor.ended) return found;
      const { block, at } = cursor, number = this.offsets.indexOf(block.offset[at]);
      const { key, lsn, value } = this.versions[number], keyEnd = block.keyStart[at] + block.keyLength[at];
      assertEquals(block.bytes.slice(block.keyStart[at], keyEnd), key);
      assertEquals(block.lsn[at], lsn);
      if (block.hasRecords) {
        const end = block.keyStart[at] - recordHeaderBytes + block.length[at];
        assertEquals(block.bytes.slice(keyEnd, end), value ?? new Uint8Array(0));
      }
      found.push(number);
      cursor.step();
    }
  }
}

function damaged(): CorruptionError {
  return new CorruptionError({
    path: "",
    offset: 0,
    expected: "the record of this key and LSN",
    found: "another",
  });
}

function recordOf({ key, lsn, value }: Version, seed: number): Uint8Array {
  const length = recordHeaderBytes + key.length + (value?.length ?? 0), bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer), kind = value === undefined ? RecordKind.DELETE : RecordKind.PUT;
  const keyAt = writeRecordHeader(view, 0, kind, key.length, value?.length ?? 0);
  bytes.set(key, keyAt);
  if (value !== undefined) bytes.set(value, keyAt + key.length);
  stampRecord(bytes, view, 0, length, lsnLow(lsn), lsnHigh(lsn), 0, seed);
  return bytes;
}

/** Pages and ranges of layers that are whole in memory; they come when they are fetched. */
export class WholePages implements PageSource {
  readonly #layer: SortedLayer;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #there = new Set<string>();
  readonly #lent = new LentRange();
  #listed = new Set<string>();
  /** What was fetched, as `page 3` or `4096+4000`. */
  readonly fetched: string[] = [];
  /** How many ranges came back. */
  givenBack = 0;

  /** Reads a layer, or other bytes in their place. */
  constructor(layer: SortedLayer, bytes: Uint8Array<ArrayBuffer> = layer.bytes) {
    this.#layer = layer;
    this.#bytes = bytes;
  }

  #has(name: string): boolean {
    if (!this.#there.has(name)) this.#listed.add(name);
    return this.#there.has(name);
  }

  get(_object: StoredObject, number: number): Uint8Array | undefined {
    if (!this.#has(`page ${number}`)) return undefined;
    const start = this.#layer.layer.description.valuesEnd + number * pageBytes;
    const page = this.#bytes.subarray(start, start + pageBytes);
    this.#layer.layer.object.layout?.checkPage(number, page);
    return page;
  }

  take(object: StoredObject, number: number): Uint8Array | undefined {
    return this.get(object, number);
  }

  want(_object: StoredObject, number: number): void {
    this.#has(`page ${number}`);
  }

  getRange(_object: StoredObject, offset: number, length: number, sum: number): LentRange | undefined {
    if (!this.#has(`${offset}+${length}`)) return undefined;
    const range = this.#bytes.slice(offset, offset + length);
    return this.#lent.set(range, 0, crc32(range) === sum);
  }

  wantRange(_object: StoredObject, offset: number, length: number): void {
    this.#has(`${offset}+${length}`);
  }

  takeRange(_object: StoredObject, offset: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const name = `${offset}+${length}`;
    if (!this.#has(name)) return undefined;
    this.#there.delete(name);
    return this.#bytes.slice(offset, offset + length);
  }

  /** Whoever still looks at it sees nonsense. */
  giveBack(range: Uint8Array<ArrayBuffer>): void {
    this.givenBack++;
    range.fill(0xdb);
  }

  fetch(): Promise<void> {
    assert(this.#listed.size > 0, "who waits has said for what");
    for (const name of this.#listed) this.#there.add(name);
    this.fetched.push(...this.#listed);
    this.#listed = new Set();
    return Promise.resolve();
  }
}
