/** Timelines over a disk in memory, written without a store, and read back whole. */

import { assertEquals } from "@std/assert";
import { type Lsn, noTimes } from "../../../src/base/mod.ts";
import { type Host, type IoEngine, systemHost } from "../../../src/io/mod.ts";
import { Manifest, type SegmentDescription, type TimelineState } from "../../../src/manifest/mod.ts";
import type { Objects } from "../../../src/objects/mod.ts";
import { type Change, EncodedBatch } from "../../../src/segment/mod.ts";
import {
  Meters,
  StoreUpkeep,
  Timeline,
  type TimelineContext,
  type TimelineSettings,
  TimelineWriter,
  type UpkeepMode,
  Views,
} from "../../../src/timeline/mod.ts";
import { SlicedUpkeep } from "../../../src/timeline/upkeep/runner/sliced_upkeep.ts";
import type { UpkeepRunner } from "../../../src/timeline/upkeep/runner/upkeep_runner.ts";
import { block, objectsOn } from "../../segment/segment_fixture.ts";

/** The only timeline here. */
export const timelineId: number = 0x1234;
/** The store that it is in. */
export const storeId: string = "00112233445566778899aabbccddeeff";
/** The directory of its objects. */
export const directory: string = `/store/${timelineId.toString(16).padStart(16, "0")}`;

const KiB = 1024;

/** Small things, so that little work meets every case. */
export const smallSettings: TimelineSettings = {
  segmentBytes: 32 * KiB,
  indexBytes: 1024 * KiB,
  waitingBytes: 16 * 1024 * KiB,
  flushMilliseconds: 60_000,
};

/** How a fixture is opened. */
export interface WriterOptions {
  readonly settings?: Partial<TimelineSettings>;
  readonly readOnly?: boolean;
  readonly host?: Host;
  readonly bufferBytes?: number;
  readonly runner?: (objects: Objects) => UpkeepRunner;
  /** @default {"manual"} */
  readonly upkeep?: UpkeepMode;
}

/** A timeline that is open. */
export class WriterFixture {
  readonly context: TimelineContext;
  readonly objects: Objects;
  readonly manifest: Manifest;
  readonly writer: TimelineWriter;
  readonly timeline: Timeline;

  private constructor(context: TimelineContext, writer: TimelineWriter) {
    this.context = context;
    this.objects = context.objects;
    this.manifest = context.manifest;
    this.writer = writer;
    this.timeline = new Timeline({ context, writer });
  }

  /** Opens the timeline of a disk; makes it where there is none. */
  static async open(engine: IoEngine, options: WriterOptions = {}): Promise<WriterFixture> {
    const context = await openContext(engine, options);
    try {
      return new WriterFixture(context, await TimelineWriter.open(context));
    } catch (error) {
      await closeContext(context);
      throw error;
    }
  }

  /** What the manifest says of the timeline. */
  get state(): TimelineState {
    return this.manifest.state.timelines[0];
  }

  /** Appends a batch and waits for nothing. */
  append(...changes: Change[]): Lsn {
    return this.writer.append(encoded(changes), undefined);
  }

  /** Appends the batch of {@linkcode changesOf} that comes next, and waits for room. */
  async appendNext(): Promise<Lsn> {
    const lsn = this.append(...changesOf(this.writer.lastLsn + 1));
    await this.writer.makeRoom();
    return lsn;
  }

  /** Checks that history is what {@linkcode changesOf} makes, up to the last LSN and not beyond. */
  async assertMade(): Promise<void> {
    const { lastLsn } = this.writer;
    const keys = Array.from({ length: lastLsn + 2 }, (_, i) => keyOf(i + 1));
    const values = await this.timeline.getMany(keys);
    values.forEach((value, i) => {
      const isThere = i < lastLsn && changesOf(i + 1).length > 0;
      assertEquals(value, isThere ? valueOf(i + 1) : undefined, `value of LSN ${i + 1} of ${lastLsn}`);
    });
  }

  /** Ends reads, closes the writer, and all that it stands on. */
  async close(): Promise<void> {
    this.context.views.close();
    await this.context.views.drain();
    try {
      await this.writer.close();
    } finally {
      await closeContext(this.context);
    }
  }
}

/** What a timeline is given; a store is made where there is none. */
export async function openContext(engine: IoEngine, options: WriterOptions = {}): Promise<TimelineContext> {
  const { host = systemHost(engine), readOnly = false, bufferBytes = 2 * block } = options;
  const objects = objectsOn(engine, bufferBytes, host);
  const upkeep = new StoreUpkeep(options.upkeep ?? "manual");
  upkeep.start();
  try {
    return {
      host,
      objects,
      manifest: await openManifest(objects, readOnly),
      settings: { ...smallSettings, ...options.settings },
      readOnly,
      name: "main",
      id: timelineId,
      storeId,
      views: new Views(host.clock, "/store"),
      runner: options.runner?.(objects) ?? new SlicedUpkeep(host.turns),
      upkeep,
      meters: new Meters(),
    };
  } catch (error) {
    await objects.close();
    throw error;
  }
}

/** Closes what {@linkcode openContext} opened. */
export async function closeContext({ manifest, objects }: TimelineContext): Promise<void> {
  await manifest.close().catch(() => {});
  await objects.close();
}

async function openManifest(objects: Objects, readOnly: boolean): Promise<Manifest> {
  const manifest = await Manifest.open(objects, { readOnly });
  if (manifest !== undefined) {
    if (!readOnly) {
      await manifest.commit({ type: "generation", generation: manifest.state.generation + 1 });
    }
    return manifest;
  }
  await objects.host.engine.makeDirectory("/store");
  await objects.prepare(timelineId);
  return await Manifest.create(objects, newState([]));
}

/** A store whose only timeline has unsealed segments and no layers. */
export function newState(
  segments: readonly SegmentDescription[],
): Parameters<typeof Manifest.create>[1] {
  const nextSequence = (segments.at(-1)?.sequence ?? 0) + 1;
  const timeline = {
    name: "main",
    id: timelineId,
    created: 0,
    nextSequence,
    horizon: 0,
    times: noTimes,
    segments,
    layers: [],
  };
  return { version: 1, storeId, generation: 1, timelines: [timeline], dropped: [] };
}

/** A batch of changes. */
export function encoded(changes: readonly Change[]): EncodedBatch {
  const batch = new EncodedBatch();
  for (const change of changes) batch.add(change);
  return batch;
}

/** The key of the batch at an LSN. */
export function keyOf(lsn: Lsn): string {
  return `key ${lsn * 7919 % 1000}/${lsn}`;
}

/** Its value: of any length up to some KiB. */
export function valueOf(lsn: Lsn): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(lsn * 7907 % 5000);
  for (let i = 0; i < value.length; i++) value[i] = lsn + i * 31;
  return value;
}

/** The changes of the batch at an LSN; now and then there are none. */
export function changesOf(lsn: Lsn): Change[] {
  return lsn % 9 === 0 ? [] : [{ key: keyOf(lsn), value: valueOf(lsn) }];
}
