/** A segment over a file in memory, and where everything in it lies. */

import { Health, type Lsn } from "../../src/base/mod.ts";
import { type Host, type IoEngine, systemHost } from "../../src/io/mod.ts";
import { type FileHeader, MemoryIndex } from "../../src/layer/mod.ts";
import { type ObjectId, objectId, Objects, type ObjectWriter } from "../../src/objects/mod.ts";
import {
  type Change,
  EncodedBatch,
  type ScannedSegment,
  scanSegment,
  SegmentWriter,
} from "../../src/segment/mod.ts";
import { ListedFaults, SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { directIo } from "../objects/objects_fixture.ts";

/** A block of the file system. */
export const block = 4096;

/** What a segment's header says here. */
export const header: FileHeader = {
  kind: "L0",
  storeId: "00112233445566778899aabbccddeeff",
  timelineId: 0x0123456789abc,
  fileId: 0x1edcba98765432,
  sequence: 1,
  generation: 1,
  firstLsn: 1,
  previousSequence: 0,
  previousLsn: 0,
};

/** The object that a segment is. */
export const id: ObjectId = objectId({
  timeline: header.timelineId,
  firstLsn: header.firstLsn,
  sequence: header.sequence,
  generation: header.generation,
  kind: "seg",
});
/** The path of its file. */
export const path: string = `/store/${id}`;

/** Objects on an engine. */
export function objectsOn(
  engine: IoEngine,
  bufferBytes: number = 2 * block,
  host: Host = systemHost(engine),
): Objects {
  return new Objects({ host, io: directIo, directory: "/store", cacheBytes: 1 << 20, bufferBytes });
}

/** A part of a segment's values area. */
export interface Part {
  readonly kind: "header" | "batch" | "pad";
  readonly start: number;
  readonly end: number;
  /** Of a batch. */
  readonly lsn: Lsn;
  /** Of a pad: what it says was durable. */
  readonly durable: number;
}

/** Where a segment goes on. */
export interface ResumePoint {
  readonly position: number;
  readonly lastLsn: Lsn;
}

/** A segment that is being written. */
export class SegmentFixture {
  readonly disk: SimDisk;
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: SimEngine;
  readonly objects: Objects;
  readonly health: Health = new Health("the segment");
  readonly segment: SegmentWriter;
  readonly index: MemoryIndex = new MemoryIndex();
  readonly parts: Part[] = [];
  lsn: Lsn;

  constructor(
    disk: SimDisk = new SimDisk([path.slice(0, path.lastIndexOf("/"))]),
    own: FileHeader = header,
    resume?: ResumePoint,
    bufferBytes?: number,
  ) {
    this.disk = disk;
    this.engine = new SimEngine({ disk, faults: this.faults });
    this.objects = objectsOn(this.engine, bufferBytes);
    const options = { health: this.health, reserveBytes: 0 };
    const writer = resume === undefined
      ? this.objects.create(id, options)
      : this.objects.reopen(id, resume.position, options);
    this.segment = new SegmentWriter(writer, own, resume?.lastLsn);
    this.lsn = resume?.lastLsn ?? own.previousLsn;
    if (resume === undefined) this.#add("header", 0, {});
  }

  /** What writes the segment's object. */
  get writer(): ObjectWriter {
    return this.segment.writer;
  }

  #add(kind: Part["kind"], start: number, more: { lsn?: number; durable?: number }): void {
    this.parts.push({ kind, start, end: this.writer.position, lsn: 0, durable: 0, ...more });
  }

  /** Appends a batch; without changes, one that has an LSN and nothing else. */
  append(...changes: Change[]): number {
    const records = new EncodedBatch();
    for (const change of changes) records.add(change);
    if (changes.length === 0) records.mark();
    this.lsn++;
    const start = this.segment.append(records, this.lsn);
    this.index.insertBatch(records.bytes, records.view, 0, records.end, start);
    this.#add("batch", start, { lsn: this.lsn });
    return start;
  }

  /** Pads. */
  pad(durableLsn: Lsn = 0): void {
    const start = this.writer.position;
    const durable = this.writer.durableOffset;
    this.segment.pad(durableLsn);
    if (this.writer.position > start) this.#add("pad", start, { durable });
  }

  /** Pads and syncs. */
  async sync(durableLsn: Lsn = 0): Promise<void> {
    this.pad(durableLsn);
    await this.segment.sync(durableLsn);
  }

  /** What the file holds, and what waits in buffers behind it. */
  get appended(): Uint8Array<ArrayBuffer> {
    const { object, position } = this.writer;
    const { memoryStart = position, copyOut } = object.own.writer ?? {};
    const bytes = new Uint8Array(position);
    bytes.set(this.contents.subarray(0, memoryStart));
    copyOut?.call(object.own.writer, memoryStart, bytes.subarray(memoryStart));
    return bytes;
  }

  /** What the file holds. */
  get contents(): Uint8Array<ArrayBuffer> {
    return this.disk.contents(path);
  }

  /** Ends writing and leaves the file as it is. */
  async abort(): Promise<void> {
    await this.writer.abort();
    await this.objects.close();
  }

  /** What must be found if the first byte that is wrong, or not there, is at `offset` and the file has `length` bytes. */
  expected(offset: number, length: number): Found {
    const damaged = this.parts.find(({ start, end }) => start <= offset && offset < end);
    const end = damaged?.start ?? this.parts[this.parts.length - 1].end;
    const batches = this.parts.filter((part) => part.kind === "batch" && part.end <= end).length;
    const proof = this.parts.some((part) => part.start > end && part.end <= length && part.durable > end);
    return { end, batches, proof };
  }
}

/** What a scan found. */
export interface Found {
  readonly end: number;
  readonly batches: number;
  readonly proof: boolean;
}

/** How to scan. */
export interface ScanOptions {
  /** What its header must say. */
  header?: FileHeader;
  /** The last LSN before the segment. */
  previousLsn?: Lsn;
  /** Where it ends, if that is settled. */
  end?: number;
  /** How much is read at once; left out, as much as the system reads. */
  chunkBytes?: number;
}

const scanned = new SimDisk();
const scanning = objectsOn(new SimEngine({ disk: scanned }));

/** Scans a file that holds `bytes`. */
export async function scan(bytes: Uint8Array, options: ScanOptions = {}): Promise<ScannedSegment> {
  scanned.put(path, bytes);
  const { previousLsn = 0, end, chunkBytes } = options;
  const { kind, storeId, timelineId, fileId, sequence, generation, firstLsn } = options.header ?? header;
  const from = chunkBytes === undefined ? scanning : inChunks(bytes, chunkBytes);
  try {
    return await scanSegment(from, scanning.object(id), {
      header: { kind, storeId, timelineId, fileId, sequence, generation, firstLsn },
      previousLsn,
      end,
    });
  } finally {
    await scanning.remove(id);
  }
}

/** Something that is read in chunks of a given length, and knows no holes. */
function inChunks(bytes: Uint8Array, chunkBytes: number): Parameters<typeof scanSegment>[0] {
  return {
    host: scanning.host,
    extent: () =>
      Promise.resolve({ byteLength: bytes.length, nextData: (offset: number) => Promise.resolve(offset) }),
    async *stream(_object, { start, end }) {
      for (let at = start; at < end; at += chunkBytes) {
        yield new Uint8Array(bytes.subarray(at, Math.min(end, at + chunkBytes)));
      }
    },
  };
}
