/** Unsealed segments made by hand, byte for byte, and damaged. */

import type { Lsn } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { encodeHeader, encodePad, type FileHeader, fileSeed, padBytes } from "../../../src/layer/mod.ts";
import { Manifest, type SegmentDescription, type Witness } from "../../../src/manifest/mod.ts";
import { objectId } from "../../../src/objects/mod.ts";
import { block, objectsOn } from "../../segment/segment_fixture.ts";
import { changesOf, encoded, newState, storeId, timelineId } from "./writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

/** A segment, and where in it batches and pads end. */
export class MadeSegment {
  readonly header: FileHeader;
  readonly #log: MadeLog;
  bytes: Uint8Array<ArrayBuffer>;
  witness: Witness | undefined;
  /** Whether the manifest names it. */
  isNamed = true;

  constructor(log: MadeLog, header: FileHeader) {
    this.#log = log;
    this.header = header;
    this.bytes = encodeHeader(header);
  }

  /** Where it ends. */
  get end(): number {
    return this.bytes.length;
  }

  /** The path of its file. */
  get path(): string {
    const { firstLsn, sequence, generation } = this.header;
    return `/store/${objectId({ timeline: timelineId, firstLsn, sequence, generation, kind: "seg" })}`;
  }

  /** What the manifest says of it. */
  get description(): SegmentDescription {
    const { firstLsn, sequence, generation, fileId } = this.header;
    return { firstLsn, sequence, generation, fileId, witness: this.witness };
  }

  /** Appends so many batches. */
  batches(count: number = 1): this {
    for (let i = 0; i < count; i++) {
      const batch = encoded(changesOf(++this.#log.lastLsn));
      if (batch.count === 0) batch.mark();
      batch.stamp(this.#log.lastLsn, fileSeed(this.header.fileId));
      this.append(batch.bytes.subarray(0, batch.end));
    }
    return this;
  }

  /** Appends a pad up to the next block. */
  pad(durableOffset: number = 0, durableLsn: Lsn = 0): this {
    let length = block - this.end % block;
    if (length < padBytes) length += block;
    return this.append(
      encodePad(length, this.#log.lastLsn, {
        fileId: this.header.fileId,
        offset: this.end,
        durableOffset,
        durableLsn,
      }),
    );
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): this {
    const longer = new Uint8Array(this.end + bytes.length);
    longer.set(this.bytes);
    longer.set(bytes, this.end);
    this.bytes = longer;
    return this;
  }

  /** Ends the file at an offset. */
  cut(offset: number): this {
    this.bytes = this.bytes.slice(0, offset);
    return this;
  }

  /** Flips a bit of a byte. */
  flip(offset: number): this {
    this.bytes[offset] ^= 1;
    return this;
  }
}

/** The unsealed segments of a timeline. */
export class MadeLog {
  readonly segments: MadeSegment[] = [];
  lastLsn: Lsn = 0;

  /** Adds a segment behind the others; in what it says of itself, `more` goes first. */
  segment(more: Partial<FileHeader> = {}): MadeSegment {
    const sequence = this.segments.length + 1;
    const segment = new MadeSegment(this, {
      kind: "L0",
      storeId,
      timelineId,
      fileId: sequence * 0x10_0000_0001,
      sequence,
      generation: 1,
      firstLsn: this.lastLsn + 1,
      previousSequence: sequence - 1,
      previousLsn: this.lastLsn,
      ...more,
    });
    this.segments.push(segment);
    return segment;
  }

  /** A disk that holds them, and a manifest that names them. */
  async disk(): Promise<SimEngine> {
    const memory = new SimEngine();
    const objects = objectsOn(memory, undefined, systemHost(memory));
    await memory.makeDirectory("/store");
    await objects.prepare(timelineId);
    const named = this.segments.filter(({ isNamed }) => isNamed).map(({ description }) => description);
    const manifest = await Manifest.create(objects, newState(named));
    await manifest.close();
    await objects.close();
    for (const { path, bytes } of this.segments) memory.disk.put(path, bytes);
    return memory;
  }
}
