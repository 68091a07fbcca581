/** A buffered writer over one file in memory, whose writes a test holds. */

import { assertEquals } from "@std/assert";
import { Health } from "../../../src/base/mod.ts";
import { BufferPool, type BufferPoolOptions } from "../../../src/io/memory/buffer_pool.ts";
import { BufferedWriter, type BufferedWriterOptions } from "../../../src/io/stream/buffered_writer.ts";
import type { IoFile } from "../../../src/io/engine.ts";
import { type HeldWrite, ListedFaults, type SimDisk, SimEngine } from "../../../src/sim/mod.ts";

/** A block of the file system. */
export const block = 4096;

/** A pool that overwrites memory as soon as it is given up, so that whoever still reads it reads nonsense. */
export class ScribblingPool extends BufferPool {
  override reclaim(memory: Uint8Array<ArrayBuffer>): void {
    memory.fill(0xdd);
    super.reclaim(memory);
  }
}

/** Options of the fixture beside those of the writer. */
export interface FixtureOptions extends Omit<BufferedWriterOptions, "health"> {
  bufferBytes?: number;
  hold?: boolean;
  direct?: boolean;
}

/** A writer, its file, and all that was ever appended to it. */
export class WriterFixture {
  readonly engine: SimEngine;
  readonly faults: ListedFaults;
  readonly pool: BufferPool;
  readonly file: IoFile;
  readonly health: Health = new Health('"/file"');
  readonly writer: BufferedWriter;
  readonly start: number;
  /** What the file should hold from `start` on. */
  model: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #salt = 1;

  private constructor(engine: SimEngine, faults: ListedFaults, file: IoFile, options: FixtureOptions) {
    const size: BufferPoolOptions = { bufferBytes: options.bufferBytes ?? 2 * block, budgetBytes: 1 << 20 };
    this.engine = engine;
    this.engine.hold = options.hold ?? false;
    this.engine.takeLog();
    this.faults = faults;
    this.pool = new ScribblingPool(engine, size);
    this.file = file;
    this.start = options.start ?? 0;
    this.writer = new BufferedWriter(this.engine, this.pool, file, { ...options, health: this.health });
  }

  static async make(options: FixtureOptions = {}): Promise<WriterFixture> {
    const faults = new ListedFaults(), engine = new SimEngine({ faults });
    const file = await engine.open("/file", {
      access: "write",
      direct: options.direct ?? true,
      create: true,
    });
    return new WriterFixture(engine, faults, file, options);
  }

  /** What the file is on. */
  get disk(): SimDisk {
    return this.engine.disk;
  }

  /** Bytes that differ from all others here. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = 1 + (i * 7 + this.#salt * 31) % 251;
    this.#salt++;
    return bytes;
  }

  /** Appends so many bytes. */
  append(length: number): void {
    const bytes = this.bytes(length);
    assertEquals(this.writer.append(bytes), this.start + this.model.length);
    this.remember(bytes);
  }

  /** Adds bytes to what the file should hold. */
  remember(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.model.length + bytes.length);
    joined.set(this.model);
    joined.set(bytes, this.model.length);
    this.model = joined;
  }

  /** The write that is in flight at an offset. */
  at(offset: number): HeldWrite {
    const found = this.engine.inFlight.find((write) => write.offset === offset);
    if (found === undefined) throw new Error(`nothing is in flight at ${offset}`);
    return found;
  }

  /** Where writes are in flight. */
  get offsets(): number[] {
    return this.engine.inFlight.map(({ offset }) => offset);
  }

  /** Checks that every byte can be read, from the file up to `memoryStart` and from memory behind it. */
  checkReadable(): void {
    const { writer, start, model } = this;
    assertEquals(writer.position, start + model.length);
    if (writer.memoryStart > writer.written) throw new Error("W1: memoryStart is beyond written");
    const onDisk = this.disk.contents("/file").subarray(start, writer.memoryStart);
    assertSame(onDisk, model.subarray(0, writer.memoryStart - start), "bytes in the file");
    const inMemory = new Uint8Array(writer.position - writer.memoryStart);
    writer.copyOut(writer.memoryStart, inMemory);
    assertSame(inMemory, model.subarray(writer.memoryStart - start), "bytes in memory");
    const written = this.disk.contents("/file").subarray(start, writer.written);
    assertSame(written, model.subarray(0, writer.written - start), "bytes that were written");
  }

  /** Checks that the file holds what was appended, then `zeros` zeros, and ends. */
  checkFile(zeros = 0): void {
    const contents = this.disk.contents("/file");
    assertEquals(contents.length, this.start + this.model.length + zeros);
    assertSame(contents.subarray(this.start, this.start + this.model.length), this.model, "the file");
    assertSame(contents.subarray(this.start + this.model.length), new Uint8Array(zeros), "the padding");
  }

  /** Checks that no buffer is held by anybody. */
  checkReleased(): void {
    assertEquals(this.pool.takenBytes, 0);
  }
}

/** Compares long arrays without printing them. */
export function assertSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} bytes, expected ${expected.length}`);
  }
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) {
      throw new Error(`${what}: byte ${i} is ${actual[i]}, expected ${expected[i]}`);
    }
  }
}
