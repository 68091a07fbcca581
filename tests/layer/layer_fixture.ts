/** Fills indexes, and seals them into files in memory. */

import { pageBytes } from "../../src/base/mod.ts";
import {
  appendIndex,
  type FileFooter,
  hashKey,
  MemoryIndex,
  SealedFile,
  type TailSink,
} from "../../src/layer/mod.ts";
import { Batch, recordsOf } from "../../src/segment/mod.ts";

/** A change: the key, and a value or `undefined` for a tombstone. */
export type Given = readonly [Uint8Array, Uint8Array | undefined];

/** Appends batches to an index, at offsets that follow each other. */
export class IndexFixture {
  readonly index: MemoryIndex;
  offset = 4096;

  constructor(index: MemoryIndex = new MemoryIndex()) {
    this.index = index;
  }

  /** Adds a batch; returns the offset of each record. */
  add(lsn: number, changes: readonly Given[]): number[] {
    const batch = new Batch();
    const offsets: number[] = [];
    for (const [key, value] of changes) {
      offsets.push(this.offset + batch.byteLength);
      if (value === undefined) batch.delete(key);
      else batch.put(key, value);
    }
    const records = recordsOf(batch);
    records.stamp(lsn);
    this.index.insertBatch(records.bytes, records.view, 0, records.end, this.offset);
    this.offset += records.end;
    return offsets;
  }

  /** The id of a key. */
  id(key: Uint8Array): number {
    return this.index.keyId(key, hashKey(key, 0, key.length));
  }
}

/** A file that grows in memory. */
export class MemorySink implements TailSink {
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

/** The index of a sealed file, and its footer. */
export class SealedFixture {
  readonly file: SealedFile;
  readonly footer: FileFooter;
  /** What was appended behind the values. */
  readonly tail: Uint8Array<ArrayBuffer>;

  constructor(footer: FileFooter, tail: Uint8Array<ArrayBuffer>) {
    this.footer = footer;
    this.tail = tail;
    const byteLength = footer.valuesEnd + tail.length;
    this.file = new SealedFile({ path: "/sealed", fileId: footer.fileId, byteLength });
    this.file.acceptFooter(tail.subarray(tail.length - 4096));
  }

  static async make(
    index: MemoryIndex,
    valuesEnd: number = 1 << 20,
    lastLsn: number = Number.MAX_SAFE_INTEGER,
  ): Promise<SealedFixture> {
    const sink = new MemorySink(valuesEnd);
    const footer = await appendIndex(sink, index, {
      fileId: 0xabcdef0123456789n,
      firstLsn: 1,
      lastLsn,
      valuesCrc: 5,
    });
    return new SealedFixture(footer, sink.bytes);
  }

  /** A page, checked. */
  page(number: number): Uint8Array<ArrayBuffer> {
    const page = this.tail.subarray(number * pageBytes, (number + 1) * pageBytes);
    this.file.checkPage(number, page);
    return page;
  }
}
