/** Objects in a directory that goes away, with records in them whose places are known. */

import {
  blockBytes,
  type Clock,
  Health,
  SlicedTurns,
  systemRandom,
  systemTimers,
} from "../../../src/base/mod.ts";
import { LayerMap, terminalFlag, tombstoneFlag } from "../../../src/layer/mod.ts";
import { type Io, openIo } from "../../../src/io/mod.ts";
import { objectId, Objects, type StoredObject } from "../../../src/objects/mod.ts";
import { EncodedBatch, joinPatches } from "../../../src/segment/mod.ts";
import type { Places } from "../../../src/timeline/read/records/places.ts";
import { type View, Views } from "../../../src/timeline/read/view.ts";

/** A record to be written. */
export interface TestRecord {
  readonly key: string;
  readonly lsn: number;
  /** The value; a tombstone if there is none. */
  readonly value?: Uint8Array | string;
  /** A patch of the value, in the same record. */
  readonly patch?: string;
}

/** Where a record was written. */
export interface WrittenRecord extends TestRecord {
  readonly object: StoredObject;
  readonly offset: number;
  readonly length: number;
}

const clock: Clock = { now: () => 0, monotonic: () => 0 };

/** See the top of the file. */
export class ObjectsFixture implements AsyncDisposable {
  readonly directory: string;
  readonly objects: Objects;
  readonly views: Views = new Views(clock, "/store");
  readonly #io: Io;
  #made = 0;

  private constructor(directory: string, io: Io) {
    this.directory = directory;
    this.#io = io;
    const host = {
      engine: io.engine,
      clock,
      timers: systemTimers,
      random: systemRandom,
      turns: new SlicedTurns(),
    };
    this.objects = new Objects({ host, io, directory, cacheBytes: 1 << 20 });
  }

  static async make(): Promise<ObjectsFixture> {
    const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
    const fixture = new ObjectsFixture(
      directory,
      await openIo(directory, { ioEngine: "node", ioMode: "buffered" }),
    );
    await fixture.objects.prepare(1);
    return fixture;
  }

  /** A view, which nobody needs but to be stopped by. */
  view(signal?: AbortSignal): View {
    return this.views.open(LayerMap.empty, 1, signal);
  }

  /** Writes records into an object. */
  async write(records: readonly TestRecord[]): Promise<WrittenRecord[]> {
    const { written, finish } = this.append(records);
    await finish();
    return written;
  }

  /** Appends records to an object, which stay in memory until it is finished. */
  append(records: readonly TestRecord[]): { written: WrittenRecord[]; finish: () => Promise<unknown> } {
    const id = objectId({ timeline: 1, firstLsn: 1, sequence: ++this.#made, generation: 1, kind: "seg" });
    const writer = this.objects.create(id, { health: new Health("test"), reserveBytes: 0 });
    const written = records.map((record) => {
      const changes = new EncodedBatch();
      if (record.value === undefined) changes.delete(record.key);
      else changes.put(record.key, record.value);
      if (record.patch !== undefined) changes.patch(record.key, record.patch);
      const batch = joinPatches(changes);
      batch.stamp(record.lsn, testSeed);
      const offset = writer.append(batch.bytes.subarray(0, batch.end));
      return { ...record, object: writer.object, offset, length: batch.end };
    });
    writer.append(new Uint8Array(blockBytes - writer.position % blockBytes));
    return { written, finish: () => writer.finish() };
  }

  /** Flips a bit of a file. */
  flip(object: StoredObject, offset: number): void {
    const bytes = Deno.readFileSync(object.path);
    bytes[offset] ^= 4;
    Deno.writeFileSync(object.path, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects.close();
    await this.#io.engine.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** The seed of all files of a fixture. */
export const testSeed = 0x1234_5678;

/** Adds where a record lies to the list of a key. */
export function addPlace(places: Places, key: number, record: WrittenRecord): void {
  const flags = record.value === undefined ? terminalFlag | tombstoneFlag : terminalFlag;
  places.add(key, { object: record.object, seed: testSeed }, record.lsn, record.offset, record.length, flags);
}
