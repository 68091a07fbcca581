/** Layers on a simulated disk that are merged without a compactor, and everything that stands in one. */

import { assert, assertEquals } from "@std/assert";
import { crc32 } from "../../../../src/base/mod.ts";
import {
  checkLayer,
  checkRecord,
  decodeFooter,
  decodeHeader,
  type FoundDamage,
  pageCursor,
  readRecordHeader,
  RecordKind,
  StoredLayer,
  tombstoneFlag,
} from "../../../../src/layer/mod.ts";
import { PageSet } from "../../../../src/objects/mod.ts";
import type { Change } from "../../../../src/segment/mod.ts";
import { mergeContext } from "../../../../src/timeline/timeline_context.ts";
import type { MergeWindows } from "../../../../src/timeline/upkeep/merge/merge_windows.ts";
import { mergeLayers, type MergeWork } from "../../../../src/timeline/upkeep/merge/merge_layers.ts";
import { walk } from "../../../layer/layer_fixture.ts";
import { HookedSim } from "../../hooked_sim.ts";
import { encoded, timelineId, WriterFixture } from "../../write/writer_fixture.ts";

const KiB = 1024;

/** A batch: its changes, behind its LSN if that is not the next one. */
export type GivenBatch = readonly Change[] | readonly [lsn: number, changes: readonly Change[]];

/** Layers of batches. */
export type Given = readonly (readonly GivenBatch[])[];

/** A version as it stands in a layer: a record is known by its bytes but for the checksum. */
export interface MergedVersion {
  readonly key: string;
  readonly lsn: number;
  /** Length and checksum of what the record has behind its own checksum. */
  readonly record: string;
  readonly flags: number;
}

/** How layers are merged here. */
export interface GivenWork extends Partial<MergeWork> {
  /** The bytes after which an output ends between two keys. */
  readonly targetBytes?: number;
}

/** Layers, and what merges them. */
export class MergeFixture {
  readonly engine: HookedSim;
  readonly t: WriterFixture;
  /** How many bytes the last merge told of. */
  copied = 0;
  /** Windows of all merges; left out, each has one of its own. */
  windows: MergeWindows | undefined;
  /** By sequence: the levels of what came of the last merge. */
  levels: ReadonlyMap<number, number> = new Map();
  #sequence = 1_000_000;

  private constructor(engine: HookedSim, t: WriterFixture) {
    this.engine = engine;
    this.t = t;
  }

  /** Makes a layer of each list of batches. */
  static async make(
    layers: Given,
    bufferBytes: number = 64 * KiB,
  ): Promise<MergeFixture> {
    const engine = new HookedSim();
    const settings = { segmentBytes: 1024 ** 3, waitingBytes: 1024 ** 3 };
    const t = new MergeFixture(engine, await WriterFixture.open(engine, { settings, bufferBytes }));
    for (const batches of layers) await t.add(batches);
    return t;
  }

  /** Appends batches and seals them. */
  async add(batches: readonly GivenBatch[]): Promise<void> {
    const { writer } = this.t;
    for (const batch of batches) {
      const [first, rest] = batch;
      if (typeof first === "number") writer.append(encoded(rest as readonly Change[]), first);
      else writer.append(encoded(batch as readonly Change[]), undefined);
      await writer.makeRoom();
    }
    await writer.freeze();
  }

  /** The sealed layers, oldest first. */
  get layers(): StoredLayer[] {
    const layers = [...this.t.writer.layers.map.stored()];
    return layers.sort((a, b) => a.description.sequence - b.description.sequence);
  }

  /** Merges layers. What comes of it is in no manifest. */
  async merge(layers: readonly StoredLayer[], work: GivenWork = {}): Promise<StoredLayer[]> {
    const { context, objects } = this.t;
    this.copied = 0;
    const { targetBytes = 64 * KiB * KiB } = work;
    const merged = await mergeLayers({ ...mergeContext(context), windows: this.windows }, layers, {
      level: 7,
      cuts: [],
      ends: { atCutBytes: targetBytes, anywhereBytes: targetBytes },
      columnBytes: Infinity,
      reserve: (count) => Promise.resolve((this.#sequence += count) - count),
      check: () => {},
      copied: (bytes) => this.copied += bytes,
      ...work,
    });
    this.levels = new Map(merged.map(({ sequence, level }) => [sequence, level]));
    return merged.map(({ level: _, ...layer }) => StoredLayer.of(objects, timelineId, layer));
  }

  /** The files of layers that came of merges. */
  deltas(): string[] {
    return this.engine.disk.paths().filter((path) => path.endsWith(".delta"));
  }

  /** The bytes of a layer's file. */
  bytesOf({ object }: StoredLayer): Uint8Array<ArrayBuffer> {
    return this.engine.disk.contents(object.path);
  }

  /** Puts other bytes in the place of a layer's file; nothing of it stays open or in memory. */
  async replace({ object }: StoredLayer, bytes: Uint8Array): Promise<void> {
    const { cache, files } = this.t.objects.context;
    cache.drop(object.own.cached);
    await files.drop(object);
    this.engine.disk.put(object.path, bytes);
  }

  /** Every version of a layer, in order; each record must check with the seed of its file and with no other. */
  async versionsOf(layer: StoredLayer, others: readonly StoredLayer[] = []): Promise<MergedVersion[]> {
    const bytes = this.bytesOf(layer), view = new DataView(bytes.buffer);
    const rows = await walk(pageCursor(layer), new PageSet(this.t.objects, { keep: false }));
    return rows.map(({ key, lsn, offset, length, flags }) => {
      const header = readRecordHeader(view, offset);
      const name = `${key}@${lsn}`;
      assert(checkRecord(bytes, view, offset, length, layer.seed), `the record of ${name} checks`);
      for (const { seed } of others) {
        assert(!checkRecord(bytes, view, offset, length, seed), `${name} is ours`);
      }
      assertEquals(bytes.subarray(offset + 20, offset + 20 + key.length / 2).toHex(), key);
      assertEquals(header?.lsn, lsn, name);
      assertEquals(header?.kind === RecordKind.DELETE, (flags & tombstoneFlag) !== 0, name);
      return { key, lsn, flags, record: `${length} ${crc32(bytes.subarray(offset + 4, offset + length))}` };
    });
  }

  /** Every version of some layers, in order and each once. */
  async union(layers: readonly StoredLayer[]): Promise<MergedVersion[]> {
    const found = new Map<string, MergedVersion>();
    for (const layer of layers) {
      for (const version of await this.versionsOf(layer)) found.set(`${version.key} ${version.lsn}`, version);
    }
    return [...found.values()].sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.lsn - b.lsn);
  }

  /** Checks that layers hold what others did, each version once, and are in themselves as the format says. */
  async assertMerged(inputs: readonly StoredLayer[], outputs: readonly StoredLayer[]): Promise<void> {
    const expected = await this.union(inputs), found: MergedVersion[] = [];
    for (const output of outputs) {
      const versions = await this.versionsOf(output, [
        ...inputs,
        ...outputs.filter((each) => each !== output),
      ]);
      await this.#assertSound(output, versions);
      found.push(...versions);
    }
    const at = expected.findIndex((version, i) => !isSame(version, found[i]));
    if (at >= 0) assertEquals(found[at], expected[at], `version ${at} of ${expected.length}`);
    assertEquals(found.length, expected.length);
    const firstLsn = Math.min(...inputs.map(({ description }) => description.firstLsn));
    const lastLsn = Math.max(...inputs.map(({ description }) => description.lastLsn));
    for (const { description } of outputs) {
      assert(description.firstLsn === firstLsn || description.keys === 1 && description.firstLsn > firstLsn);
    }
    assertEquals(Math.max(...outputs.map(({ description }) => description.lastLsn)), lastLsn);
  }

  async #assertSound(output: StoredLayer, versions: readonly MergedVersion[]): Promise<void> {
    const { description } = output, bytes = this.bytesOf(output);
    const keys = [...new Set(versions.map(({ key }) => key))];
    assertEquals(description.kind, "delta");
    assertEquals(description.versions, versions.length);
    assertEquals(description.keys, keys.length);
    assertEquals(description.tombstones, versions.filter(({ flags }) => flags & tombstoneFlag).length);
    assertEquals([description.firstKey.toHex(), description.lastKey.toHex()], [
      keys[0] ?? "",
      keys.at(-1) ?? "",
    ]);
    assert(versions.every(({ lsn }) => lsn >= description.firstLsn && lsn <= description.lastLsn));
    assertEquals(bytes.length, description.byteLength);
    assertEquals(decodeFooter(bytes.slice(-4096)), description);
    const { kind, sequence, generation, fileId, firstLsn } = description;
    const header = decodeHeader(bytes.subarray(0, 4096));
    assertEquals<typeof header>({ ...header!, kind, sequence, generation, fileId, firstLsn }, header);
    assertEquals(await this.findings(output), []);
  }

  /** What an inspection finds in a layer. */
  async findings({ description }: StoredLayer): Promise<FoundDamage[]> {
    const { objects, context: { storeId } } = this.t, damages: FoundDamage[] = [];
    await checkLayer(objects, { storeId, timelineId, description, manifestPath: undefined }, {
      turns: objects.host.turns,
      check: () => {},
      read: () => {},
      found: (damage) => void damages.push(damage),
    });
    return damages;
  }

  /** Ends it: nothing may be open then. */
  async close(): Promise<void> {
    this.engine.hook = () => {};
    await this.t.close();
    assertEquals(this.engine.openFiles, 0);
  }
}

function isSame(a: MergedVersion, b: MergedVersion | undefined): boolean {
  return b !== undefined && a.key === b.key && a.lsn === b.lsn && a.record === b.record &&
    a.flags === b.flags;
}

/** Puts a value of any length under a key. */
export function put(key: string | Uint8Array, value: string | Uint8Array): Change {
  return { key, value };
}

/** Deletes a key. */
export function gone(key: string | Uint8Array): Change {
  return { key, delete: true };
}

/** Makes so many of a kind. */
export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
