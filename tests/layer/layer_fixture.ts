/** Fills indexes, writes layers into memory, and reads them back page by page. */

import { assert, assertEquals } from "@std/assert";
import { compareKeys, pageBytes, type Turns } from "../../src/base/mod.ts";
import {
  hashKey,
  type LayerDescription,
  type LayerIdentity,
  type LayerSink,
  layoutOf,
  lsnHigh,
  lsnLow,
  memoryCursor,
  MemoryIndex,
  noPages,
  type PageSource,
  recordHeaderBytes,
  RecordKind,
  rowKey,
  sortIndex,
  stampRecord,
  StoredLayer,
  terminalFlag,
  tombstoneFlag,
  type VersionBlock,
  type VersionCursor,
  type VersionRange,
  writeLayer,
  writeRecordHeader,
} from "../../src/layer/mod.ts";
import type { StoredObject } from "../../src/objects/mod.ts";
import type { Random } from "../random.ts";

/** A change: the key, and a value or `undefined` for a tombstone. */
export type Given = readonly [Uint8Array, Uint8Array | undefined];

/** A version, as plainly as it can be said. */
export interface Row {
  readonly key: string;
  readonly lsn: number;
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
}

/** Orders rows by (key, LSN). */
export function compareModelRows(a: Row, b: Row): number {
  return compareKeys(Uint8Array.fromHex(a.key), Uint8Array.fromHex(b.key)) || a.lsn - b.lsn;
}

/** Appends batches to an index, at offsets that follow each other, and remembers what should be in it. */
export class IndexFixture {
  readonly index: MemoryIndex;
  offset = 4096;
  readonly #rows = new Map<string, Row>();

  constructor(index: MemoryIndex = new MemoryIndex()) {
    this.index = index;
  }

  /** Adds a batch. */
  add(lsn: number, changes: readonly Given[]): this {
    const lengths = changes.map(([key, value]) => recordHeaderBytes + key.length + (value?.length ?? 0));
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    changes.forEach(([key, value], i) => {
      const kind = value === undefined ? RecordKind.DELETE : RecordKind.PUT;
      const keyAt = writeRecordHeader(view, at, kind, key.length, value?.length ?? 0);
      bytes.set(key, keyAt);
      if (value !== undefined) bytes.set(value, keyAt + key.length);
      stampRecord(
        bytes,
        view,
        at,
        lengths[i],
        lsnLow(lsn),
        lsnHigh(lsn),
        i === changes.length - 1 ? 1 : 0,
        0,
      );
      const flags = value === undefined ? terminalFlag | tombstoneFlag : terminalFlag;
      const row = { key: key.toHex(), lsn, offset: this.offset + at, length: lengths[i], flags };
      this.#rows.set(`${row.key} ${lsn}`, row);
      at += lengths[i];
    });
    this.index.insertBatch(bytes, view, 0, bytes.length, this.offset);
    this.offset += bytes.length;
    return this;
  }

  /** The id of a key. */
  id(key: Uint8Array): number {
    return this.index.keyId(key, hashKey(key, 0, key.length));
  }

  /** Every version, in order. */
  rows(): Row[] {
    return [...this.#rows.values()].sort(compareModelRows);
  }
}

/** An index of many keys of all lengths, each with some versions. */
export function randomIndex(random: Random, keys: number, batches: number = 4): IndexFixture {
  const t = new IndexFixture();
  const prefix = random.bytes(random.pick([0, 0, 2, 40]));
  const all = Array.from({ length: keys }, () => {
    const tail = random.bytes(random.pick([1, 2, 3, 18, 100, 512 - prefix.length]));
    return Uint8Array.from([...prefix, ...tail]);
  });
  for (let lsn = 1; lsn <= batches; lsn++) {
    const some = all.filter(() => random.once(lsn));
    if (some.length === 0) continue;
    t.add(
      lsn * 10,
      some.map((key): Given => [key, random.once(5) ? undefined : random.bytes(random.below(9))]),
    );
  }
  return t;
}

/** Which of some rows a range has, in the order in which it is walked. */
export function rowsIn(rows: readonly Row[], range: VersionRange): Row[] {
  const { start, startLsn = 0, end, endLsn = 0, reverse = false } = range;
  const isBefore = (row: Row, key: Uint8Array, lsn: number) =>
    (compareKeys(Uint8Array.fromHex(row.key), key) || row.lsn - lsn) < 0;
  const inside = rows.filter((row) => {
    return (start === undefined || !isBefore(row, start, startLsn)) &&
      (end === undefined || isBefore(row, end, endLsn));
  });
  return reverse ? inside.reverse() : inside;
}

/** A range whose ends are near versions that are there. */
export function randomRange(random: Random, rows: readonly Row[]): VersionRange {
  const bound = () => {
    if (random.once(4)) return {};
    const row = random.pick(rows);
    const key = Uint8Array.fromHex(row.key);
    if (random.once(4)) key[key.length - 1]++;
    return { key, lsn: random.pick([undefined, row.lsn, row.lsn + 1, 0]) };
  };
  const start = bound(), end = bound();
  return { start: start.key, startLsn: start.lsn, end: end.key, endLsn: end.lsn, reverse: random.once(2) };
}

/** Checks rows against those that should be; in its own words, since there may be many. */
export function assertRows(found: readonly Row[], expected: readonly Row[]): void {
  const differs = (row: Row, i: number) => {
    const other = found[i];
    return other === undefined || row.key !== other.key || row.lsn !== other.lsn ||
      row.offset !== other.offset || row.length !== other.length || row.flags !== other.flags;
  };
  const at = expected.findIndex(differs);
  if (at >= 0) assertEquals(found[at], expected[at], `row ${at} of ${expected.length}`);
  assertEquals(found.length, expected.length);
}

/** A row of a block. */
export function rowAt(block: VersionBlock, at: number): Row {
  assert(at >= 0 && at < block.count, "the row is in the block");
  return {
    key: rowKey(block, at).toHex(),
    lsn: block.lsn[at],
    offset: block.offset[at],
    length: block.length[at],
    flags: block.flags[at],
  };
}

/** Walks a cursor to its end, by as many rows at once as `most` says. */
export async function walk(
  cursor: VersionCursor,
  pages: PageSource = noPages,
  most: number = Infinity,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    while (!cursor.settle(pages)) await pages.fetch();
    assert(cursor.settle(pages), "it stays settled");
    if (cursor.ended) return rows;
    const count = Math.min(most, cursor.end - cursor.at);
    assert(count >= 1, "it stands at a row");
    for (let i = 0; i < count; i++) rows.push(rowAt(cursor.block, cursor.at + i));
    cursor.step(count);
  }
}

/** A file that grows in memory. */
export class MemorySink implements LayerSink {
  readonly parts: Uint8Array[] = [];
  position: number;
  /** How often room was asked for. */
  asked = 0;

  constructor(position: number) {
    this.position = position;
  }

  append(bytes: Uint8Array): number {
    this.parts.push(bytes.slice());
    this.position += bytes.length;
    return this.position - bytes.length;
  }

  room(): Promise<void> | undefined {
    this.asked++;
    return this.asked % 3 === 0 ? Promise.resolve() : undefined;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

/** Turns that are due every third time. */
export class CountingTurns implements Turns {
  asked = 0;
  given = 0;

  due(): boolean {
    return ++this.asked % 3 === 0;
  }

  async turn(): Promise<void> {
    this.given++;
    await Promise.resolve();
  }

  awaiting(): void {}
  answered(): void {}
}

let objects = 0;

/** A layer in memory: its object has no values, which nobody reads here. */
export class LayerFixture {
  readonly layer: StoredLayer;
  /** What stands behind the values. */
  readonly tail: Uint8Array<ArrayBuffer>;

  constructor(description: LayerDescription, tail: Uint8Array<ArrayBuffer>) {
    const path = `/objects/${++objects}`;
    const object = { id: path, order: objects, path, layout: layoutOf(description, path) };
    this.layer = new StoredLayer(description, object as unknown as StoredObject);
    this.tail = tail;
  }

  get description(): LayerDescription {
    return this.layer.description;
  }

  /** A page, checked. */
  page(number: number): Uint8Array<ArrayBuffer> {
    const page = this.tail.subarray(number * pageBytes, (number + 1) * pageBytes);
    this.layer.object.layout?.checkPage(number, page);
    return page;
  }
}

/** What layers are, if a test does not care. */
export const someIdentity: LayerIdentity = {
  kind: "L0",
  sequence: 7,
  generation: 3,
  fileId: 2 ** 52 + 12345,
  firstLsn: 1,
  lastLsn: Number.MAX_SAFE_INTEGER,
};

/** Writes the layer of an index into memory, as sealing does. */
export async function layerOf(t: IndexFixture, part: Partial<LayerIdentity> = {}): Promise<LayerFixture> {
  const sink = new MemorySink(Math.ceil(t.offset / 4096) * 4096);
  const turns = new CountingTurns();
  await sortIndex(t.index, turns);
  const description = await writeLayer(memoryCursor(t.index), sink, { ...someIdentity, ...part }, { turns });
  assertEquals(sink.position, description.byteLength);
  return new LayerFixture(description, sink.bytes);
}

/** Pages that come when they are fetched. */
export class FixturePages implements PageSource {
  readonly #layers: Map<StoredObject, LayerFixture>;
  readonly #pages = new Map<string, Uint8Array | Error>();
  #listed: [LayerFixture, number][] = [];
  /** How often pages were fetched. */
  rounds = 0;
  /** What was fetched, as `order/page`. */
  readonly fetched: string[] = [];

  constructor(...layers: LayerFixture[]) {
    this.#layers = new Map(layers.map((fixture) => [fixture.layer.object, fixture]));
  }

  get(object: StoredObject, page: number): Uint8Array | undefined {
    const known = this.#pages.get(`${object.order}/${page}`);
    if (known instanceof Error) throw known;
    if (known === undefined) this.#list(object, page);
    return known;
  }

  want(object: StoredObject, page: number): void {
    if (!this.#pages.has(`${object.order}/${page}`)) this.#list(object, page);
  }

  take(object: StoredObject, page: number): Uint8Array | undefined {
    const bytes = this.get(object, page);
    this.#pages.delete(`${object.order}/${page}`);
    return bytes;
  }

  /** Its layers are written without runs. */
  getRange(): undefined {
    throw new Error("a slot leads to a run");
  }

  /** See {@linkcode getRange}. */
  takeRange(): undefined {
    return this.getRange();
  }

  /** See {@linkcode getRange}. */
  wantRange(): void {
    this.getRange();
  }

  #list(object: StoredObject, page: number): void {
    const fixture = this.#layers.get(object);
    assert(fixture !== undefined, "the layer is known");
    const { indexPages, filterPages } = fixture.description;
    assert(page >= 0 && page < indexPages + filterPages, `page ${page} is in the file`);
    if (!this.#listed.some(([other, number]) => other === fixture && number === page)) {
      this.#listed.push([fixture, page]);
    }
  }

  fetch(): Promise<void> {
    this.rounds++;
    for (const [fixture, page] of this.#listed) {
      const name = `${fixture.layer.object.order}/${page}`;
      this.fetched.push(name);
      try {
        this.#pages.set(name, fixture.page(page));
      } catch (error) {
        this.#pages.set(name, error as Error);
      }
    }
    this.#listed = [];
    return Promise.resolve();
  }
}
