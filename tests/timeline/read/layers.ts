/**
 * Layers made by hand, and pages that are counted.
 *
 * Versions are written as `a@3` for a whole value of the key a at LSN 3, `a@4x` for a tombstone, and `a@5~` for a
 * version that is not terminal.
 */

import { CorruptionError, type Turns } from "../../../src/base/mod.ts";
import {
  fileSeed,
  layoutOf,
  MemoryIndex,
  MemoryLayer,
  noPages,
  type PageSource,
  type RecordFile,
  recordHeaderBytes,
  StoredLayer,
  terminalFlag,
  tombstoneFlag,
  VersionBlock,
  type VersionCursor,
  writeLayer,
} from "../../../src/layer/mod.ts";
import { objectId, type ObjectName } from "../../../src/objects/mod.ts";
import { StoredObject } from "../../../src/objects/stored_object.ts";
import { EncodedBatch } from "../../../src/segment/mod.ts";
import type { Places } from "../../../src/timeline/read/records/places.ts";

const encoder = new TextEncoder();
const valuesEnd = 1 << 20;

/** A version, as it is written in tests. */
export interface TestVersion {
  readonly key: string;
  readonly lsn: number;
  readonly flags: number;
}

/** Reads versions as they are written in tests. */
export function versions(text: string): TestVersion[] {
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const [, key, lsn, mark] = /^(.*)@(\d+)([x~]?)$/.exec(word) ?? [];
    const flags = mark === "~" ? 0 : mark === "x" ? terminalFlag | tombstoneFlag : terminalFlag;
    return { key, lsn: Number(lsn), flags };
  });
}

/** The bytes of a key. */
export function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(key);
}

/** A cursor over versions in memory. */
export class TestCursor implements VersionCursor {
  readonly block: VersionBlock;
  at = 0;
  readonly end: number;

  /** Takes versions in the order in which they are to come; each lies at an offset that its LSN tells. */
  constructor(all: readonly TestVersion[]) {
    const keys = all.map(({ key }) => bytesOf(key));
    const bytes = new Uint8Array(keys.reduce((sum, { length }) => sum + length, 0));
    const starts = new Int32Array(all.length);
    let end = 0;
    keys.forEach((key, i) => {
      bytes.set(key, starts[i] = end);
      end += key.length;
    });
    this.end = all.length;
    this.block = Object.assign(new VersionBlock(), {
      count: all.length,
      bytes,
      keyStart: starts,
      keyLength: Int32Array.from(keys, ({ length }) => length),
      lsn: Float64Array.from(all, ({ lsn }) => lsn),
      offset: Float64Array.from(all, ({ lsn }) => offsetOf(lsn)),
      length: Uint32Array.from(all, ({ key }) => lengthOf(key)),
      flags: Uint8Array.from(all, ({ flags }) => flags),
    });
  }

  get ended(): boolean {
    return this.at >= this.end;
  }

  settle(): boolean {
    return true;
  }

  step(rows = 1): void {
    this.at += rows;
  }
}

/** Where the record of a version of a test's layer lies. */
export function offsetOf(lsn: number): number {
  return 4096 + lsn * 64;
}

/** The length of a record of a test's layer. */
export function lengthOf(key: string): number {
  return recordHeaderBytes + key.length + 5;
}

/** Turns that are never due. */
export const noTurns: Turns = {
  due: () => false,
  turn: () => Promise.resolve(),
  awaiting: () => {},
  answered: () => {},
};

let orders = 0;

/** An object that no floor knows. */
export function testObject(sequence: number, kind: ObjectName["kind"] = "seg"): StoredObject {
  const id = objectId({ timeline: 1, firstLsn: 1, sequence, generation: 1, kind });
  return new StoredObject("/nowhere", id, ++orders);
}

/** A file that no floor knows. */
export function testFile(sequence: number): RecordFile {
  return { object: testObject(sequence), seed: sequence };
}

/** Stored layers and their pages, which are counted. */
export class TestLayers implements PageSource {
  /** How often pages were fetched. */
  rounds = 0;
  /** What was fetched, as `<sequence>/<page>`, by round. */
  readonly fetched: string[][] = [];
  readonly #objects = new Map<StoredObject, { bytes: Uint8Array; sequence: number }>();
  readonly #pages = new Map<StoredObject, Map<number, Uint8Array | Error>>();
  readonly #damaged = new Set<string>();
  #needed = new Map<string, { object: StoredObject; page: number }>();
  #sequences = 0;

  /** Makes a stored layer of versions, in any order. */
  async store(
    text: string | readonly TestVersion[],
    range: { firstLsn?: number; lastLsn?: number } = {},
  ): Promise<StoredLayer> {
    const all = (typeof text === "string" ? versions(text) : [...text])
      .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.lsn - b.lsn);
    const sequence = ++this.#sequences;
    const written: Uint8Array[] = [];
    let position = valuesEnd;
    const sink = {
      get position() {
        return position;
      },
      append: (bytes: Uint8Array) => {
        written.push(bytes.slice());
        position += bytes.length;
        return position - bytes.length;
      },
      room: () => undefined,
    };
    const lsns = all.map(({ lsn }) => lsn);
    const description = await writeLayer(new TestCursor(all), sink, {
      kind: "delta",
      sequence,
      generation: 1,
      fileId: 1000 + sequence,
      firstLsn: range.firstLsn ?? Math.min(...lsns),
      lastLsn: range.lastLsn ?? Math.max(...lsns),
    }, { turns: noTurns, pages: noPages });
    const object = testObject(sequence, "delta");
    object.layout = layoutOf(description, object.path);
    const bytes = new Uint8Array(position);
    let at = valuesEnd;
    for (const part of written) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#objects.set(object, { bytes, sequence });
    return new StoredLayer(description, object);
  }

  /** Makes a page of a layer fail. */
  damage(layer: StoredLayer, page: number): void {
    this.#damaged.add(`${layer.description.sequence}/${page}`);
  }

  /** How many pages were fetched. */
  get count(): number {
    return this.fetched.flat().length;
  }

  get(object: StoredObject, page: number): Uint8Array | undefined {
    const found = this.#pages.get(object)?.get(page);
    if (found instanceof Error) throw found;
    if (found === undefined) this.want(object, page);
    return found;
  }

  want(object: StoredObject, page: number): void {
    const sequence = this.#objects.get(object)?.sequence;
    if (this.#pages.get(object)?.has(page)) return;
    this.#needed.set(`${sequence}/${page}`, { object, page });
  }

  take(object: StoredObject, page: number): Uint8Array | undefined {
    return this.get(object, page);
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

  fetch(): Promise<void> {
    this.rounds++;
    this.fetched.push([...this.#needed.keys()]);
    for (const [name, { object, page }] of this.#needed) this.#load(name, object, page);
    this.#needed = new Map();
    return Promise.resolve();
  }

  #load(name: string, object: StoredObject, page: number): void {
    const bytes = this.#objects.get(object)?.bytes as Uint8Array;
    const at = object.layout?.offsetOf(page) as number;
    let found: Uint8Array | Error = bytes.slice(at, at + 8192);
    if (this.#damaged.has(name)) {
      found = new CorruptionError({ path: object.path, offset: at, expected: "a page", found: "damage" });
    } else {
      object.layout?.checkPage(page, found);
    }
    let pages = this.#pages.get(object);
    if (pages === undefined) this.#pages.set(object, pages = new Map());
    pages.set(page, found);
  }
}

const memoryFileId = 999;

/** A layer in memory; its versions are added in the order of their LSNs. */
export function memoryLayer(text: string, object: StoredObject = testObject(999)): MemoryLayer {
  const index = new MemoryIndex();
  const all = versions(text);
  let offset = 4096;
  for (const { key, lsn, flags } of all) {
    const batch = new EncodedBatch();
    if ((flags & tombstoneFlag) !== 0) batch.delete(key);
    else if ((flags & terminalFlag) === 0) batch.patch(key, `p${lsn}`);
    else batch.put(key, `v${lsn}`);
    batch.stamp(lsn, fileSeed(memoryFileId));
    index.insertBatch(batch.bytes, batch.view, 0, batch.end, offset);
    offset += batch.end;
  }
  const header = { fileId: memoryFileId, firstLsn: all[0].lsn };
  return new MemoryLayer(index, object, header, all[all.length - 1].lsn);
}

/** The list of a key, as it is written in tests. */
export function listOf(places: Places, key: number): string {
  const failure = places.failureOf(key);
  if (failure !== undefined) return failure.name;
  const words: string[] = [];
  for (let place = places.newestOf(key); place >= 0; place = places.olderThan(place)) {
    const mark = places.isTombstone(place) ? "x" : places.isTerminal(place) ? "" : "~";
    words.push(`${places.lsnOf(place)}${mark}`);
  }
  return words.join(" ") || "absent";
}
