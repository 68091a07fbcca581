/**
 * A layer whose segment is being written: the open layer, or a frozen one that waits to be sealed.
 *
 * @module
 */

import { blockBytes, type Health, type Lsn } from "../../base/mod.ts";
import { type FileHeader, MemoryIndex, type MemoryIndexHint, MemoryLayer } from "../../layer/mod.ts";
import type { SegmentDescription } from "../../manifest/mod.ts";
import { type EncodedBatch, SegmentWriter } from "../../segment/mod.ts";
import { objectOf, type TimelineContext } from "../timeline_context.ts";
import type { IndexMemory } from "../upkeep/runner/upkeep_runner.ts";
import type { RecoveredSegment } from "./recover.ts";

/** A segment, and where its records lie. */
export class OpenLayer {
  /** What writes its segment. */
  readonly segment: SegmentWriter;
  /** What readers see of it. */
  readonly layer: MemoryLayer;
  /** When a durable manifest names its segment; `undefined` if one did when it was opened. */
  readonly named: Promise<void> | undefined;
  /** What is to be given up when nobody reads the index any more. */
  readonly memory: IndexMemory | undefined;

  /** Joins a segment and its layer. */
  constructor(
    segment: SegmentWriter,
    layer: MemoryLayer,
    named: Promise<void> | undefined,
    memory: IndexMemory | undefined,
  ) {
    this.segment = segment;
    this.layer = layer;
    this.named = named;
    this.memory = memory;
  }

  /** Adds a batch that is appended at a moment, in milliseconds since the epoch, in one turn. */
  append(batch: EncodedBatch, lsn: Lsn, milliseconds: number): void {
    this.segment.mark(lsn, milliseconds);
    const start = this.segment.append(batch, lsn);
    this.layer.index.insertBatch(batch.bytes, batch.view, 0, batch.end, start);
    this.layer.advance(lsn);
  }
}

/** Which segment comes next. */
export interface NextSegment
  extends Pick<FileHeader, "sequence" | "firstLsn" | "previousSequence" | "previousLsn"> {
  /** When the segment before it is named in the manifest. */
  readonly previousNamed: Promise<void> | undefined;
}

/**
 * Makes the open layer over a new segment. Its object is made, named in the manifest and written in this order,
 * while appends go on in memory.
 *
 * @param context The timeline.
 * @param health What is told of failures, and waits for a disk with room.
 * @param next Which segment it is.
 * @param hint What its index may expect.
 */
export function openLayer(
  context: TimelineContext,
  health: Health,
  next: NextSegment,
  hint: MemoryIndexHint,
): OpenLayer {
  const { objects, manifest, host, settings, storeId, id, runner } = context;
  const { previousNamed, ...place } = next;
  const { sequence, firstLsn } = place;
  const { generation } = manifest.state;
  const segment: SegmentDescription = { sequence, generation, fileId: host.random.id(), firstLsn };
  const header: FileHeader = {
    kind: "L0",
    storeId,
    timelineId: id,
    fileId: segment.fileId,
    generation,
    ...place,
  };
  const writer = objects.create(objectOf(context, segment), {
    health,
    reserveBytes: settings.segmentBytes,
    ready: async () => {
      await previousNamed;
      await manifest.commit({ type: "addSegment", id, segment });
    },
  });
  const memory = runner.indexMemory();
  const layer = new MemoryLayer(new MemoryIndex(hint, memory), writer.object, header);
  return new OpenLayer(new SegmentWriter(writer, header), layer, writer.made, memory);
}

/**
 * Goes on with the segment of a recovered layer. Where it ends in the midst of a block, what is written next, its
 * index, starts in the block behind.
 *
 * @param context The timeline.
 * @param health What is told of failures.
 * @param recovered The segment.
 * @param reserveBytes The room that is to be reserved for it, in bytes.
 */
export function resumeLayer(
  context: TimelineContext,
  health: Health,
  recovered: RecoveredSegment,
  reserveBytes: number,
): OpenLayer {
  const { object, header, index, times, end, lastLsn } = recovered;
  const position = Math.ceil(end / blockBytes) * blockBytes;
  const writer = context.objects.reopen(object.id, position, { health, reserveBytes });
  const layer = new MemoryLayer(index, writer.object, header, lastLsn);
  return new OpenLayer(new SegmentWriter(writer, header, lastLsn, times), layer, undefined, undefined);
}
