import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import { BufferPool } from "../../../src/io/memory/buffer_pool.ts";
import type { IoFile } from "../../../src/io/engine.ts";
import { readSequentially, type SequentialReadOptions } from "../../../src/io/stream/sequential_reader.ts";
import { Random } from "../../random.ts";
import { assertSame } from "./buffered_writer_fixture.ts";
import { ListedFaults, SimDisk, SimEngine } from "../../../src/sim/mod.ts";

class Fixture {
  readonly disk: SimDisk = new SimDisk();
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: SimEngine = new SimEngine({ disk: this.disk, faults: this.faults });
  readonly pool: BufferPool = new BufferPool(this.engine, { bufferBytes: 8192, budgetBytes: 1 << 20 });
  readonly contents: Uint8Array;

  constructor(length: number) {
    this.contents = new Random(length).bytes(length);
    this.disk.put("/file", this.contents);
  }

  open(): Promise<IoFile> {
    return this.engine.open("/file", { access: "read", direct: true });
  }

  async read(options: SequentialReadOptions): Promise<Uint8Array> {
    const parts: number[] = [];
    for await (const part of readSequentially(this.engine, this.pool, await this.open(), options)) {
      assert(part.length > 0, "no part is empty");
      parts.push(...part);
    }
    assertEquals(this.pool.takenBytes, 0);
    return Uint8Array.from(parts);
  }
}

Deno.test("readSequentially() yields a range in order, however it stands to blocks and to the file's end", async () => {
  for (const length of [0, 1, 4095, 4096, 4097, 8192, 30_000]) {
    const t = new Fixture(length);
    for (const start of [0, 4096, 8192]) {
      for (const end of [0, start, start + 1, start + 4096, start + 8193, length, length + 9000]) {
        const found = await t.read({ start, end, depth: 1 + end % 3 });
        const expected = t.contents.subarray(start, Math.max(start, end));
        assertSame(found, expected, `${start} to ${end} of ${length}`);
      }
    }
  }
});

Deno.test("readSequentially() gives its buffers back when its reader stops early", async () => {
  const t = new Fixture(100_000);
  for await (const _ of readSequentially(t.engine, t.pool, await t.open(), { start: 0, end: 100_000 })) break;
  assertEquals(t.pool.takenBytes, 0);
});

Deno.test("readSequentially() rejects with the error of a read, and gives its buffers back", async () => {
  const t = new Fixture(100_000);
  t.faults.failNth("read", 3, "EIO");
  const error = await assertRejects(() => t.read({ start: 0, end: 100_000 }), IoError);
  assertEquals([error.code, error.offset], ["EIO", 16384]);
  assertEquals(t.pool.takenBytes, 0);
});
