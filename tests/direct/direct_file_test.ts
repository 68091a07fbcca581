import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { IoError, LimitError, LockedError, PoisonedError, ReadOnlyError } from "../../src/base/mod.ts";
import { DirectFile, type DirectFileOptions } from "../../src/direct/mod.ts";
import { Random, seeds } from "../random.ts";
import { drain, ListedFaults, SimDisk, SimEngine } from "../../src/sim/mod.ts";

const block = 4096;
const path = "/store/file";
const root = new URL("../..", import.meta.url);

/** A file over memory, whose operations a test can fail. */
class Fixture {
  readonly disk: SimDisk = new SimDisk();
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: SimEngine = new SimEngine({ disk: this.disk, faults: this.faults });

  open(options: DirectFileOptions = {}): Promise<DirectFile> {
    return DirectFile.open(path, { ioEngine: this.engine, ...options });
  }

  /** Checks that everything was closed, and what is in the file. */
  check(expected: Uint8Array): void {
    assertEquals(this.engine.openFiles, 0);
    assertEquals(this.disk.contents(path), new Uint8Array(expected));
  }
}

function bytesOf(length: number, salt = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => 1 + (i * 7 + salt * 31) % 251);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

for (const ioEngine of ["uring", "threads", "node"] as const) {
  for (const ioMode of ["buffered", "direct", "direct-rw"] as const) {
    Deno.test(`DirectFile appends, reads back and reopens (${ioEngine}, ${ioMode})`, async () => {
      const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
      const path = `${directory}/file`;
      const all = bytesOf(3_000_000);
      try {
        let at = 0;
        for (const tail of ["rewrite", "pad", "rewrite"] as const) {
          await using file = await DirectFile.open(path, {
            ioEngine,
            ioMode,
            tail,
            preallocateBytes: 1 << 20,
          });
          assertEquals([file.path, file.io.requestedMode], [path, ioMode]);
          if (at === 0) assertEquals(file.length, 0);
          for (const length of [1, 99, block, 900_000, 20_001]) {
            assertEquals(await file.append(all.subarray(at, at + length)), at);
            at += length;
            assertEquals(await file.readAt(at - length, length + 9), all.slice(at - length, at));
          }
          if (tail === "rewrite") await file.sync();
          assertEquals(await collect(file.readable()), all.slice(0, at));
        }
        assertEquals(await Deno.readFile(path), all.slice(0, at));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });
  }
}

// Length and durability.

Deno.test("DirectFile.length stays exact through close(), and so does durableLength", async () => {
  const t = new Fixture();
  const file = await t.open();
  await file.append(bytesOf(block + 100));
  assertEquals([file.length, file.durableLength], [block + 100, 0]);
  await file.sync();
  assertEquals([file.length, file.durableLength], [block + 100, block + 100]);
  await file.append(bytesOf(5));
  const closing = file.close();
  assertEquals(file.length, block + 105);
  await closing;
  assertEquals([file.length, file.durableLength], [block + 105, block + 105]);
  assertEquals(t.disk.contents(path).length, block + 105);
});

Deno.test("DirectFile.sync() rewrites an unfinished block, or pads it", async () => {
  for (const tail of ["rewrite", "pad"] as const) {
    const t = new Fixture();
    const file = await t.open({ tail });
    for (const salt of [1, 2]) {
      await file.append(bytesOf(100, salt));
      await file.sync();
    }
    const pad = tail === "pad" ? block - 100 : 0;
    assertEquals([file.length, file.durableLength], [200 + 2 * pad, 200 + 2 * pad]);
    assertEquals(await file.readAt(100 + pad, 100), bytesOf(100, 2));
    const writes = t.engine.log.filter((line) => line.startsWith("write"));
    assertEquals(writes, ["write 0+4096", tail === "pad" ? "write 4096+4096" : "write 0+4096"]);
    await file.close();
    assertEquals(t.disk.contents(path).length, file.length);
  }
});

Deno.test("DirectFile.sync() called at once by many is one, and waits for what was appended before it", async () => {
  const t = new Fixture();
  const file = await t.open();
  await file.sync();
  await file.append(bytesOf(10));
  await Promise.all([file.sync(), file.sync(), file.sync()]);
  assertEquals(t.engine.log.filter((line) => line === "datasync").length, 1);
  const first = file.sync();
  await file.append(bytesOf(10));
  const second = file.sync();
  await Promise.all([first, second]);
  assertEquals(file.durableLength, 20);
  await file.close();
});

Deno.test("DirectFile.close() truncates what was preallocated, and leaves a file alone that nothing was appended to", async () => {
  const t = new Fixture();
  const file = await t.open({ preallocateBytes: 100 * block });
  assertEquals(t.disk.contents(path).length, 100 * block);
  await file.append(bytesOf(10));
  await file.close();
  await file.close();
  t.check(bytesOf(10));
  t.engine.takeLog();
  await (await t.open()).close();
  assertEquals(t.engine.takeLog(), [
    "open file",
    "open file",
    "sync file",
    "syncDirectory",
    "close file",
    "close file",
  ]);
  await (await t.open({ preallocateBytes: block })).close();
  t.check(bytesOf(10));
});

// Reading.

Deno.test("DirectFile.readable() streams any range, and stops when it is cancelled", async () => {
  const t = new Fixture();
  const all = bytesOf(5_000_000);
  t.disk.put(path, all);
  const file = await t.open({ readOnly: true });
  for (const [start, end] of [[0, 5_000_000], [1, 2], [4095, 4_200_000], [7, 7], [9, 3], [4_999_999, 9e9]]) {
    assertEquals(await collect(file.readable({ start, end })), all.slice(start, Math.max(start, end)));
  }
  const reader = file.readable().getReader();
  assertEquals((await reader.read()).value?.length, 1 << 20);
  await reader.cancel();
  await file.close();
  assertEquals(t.engine.openFiles, 0);
});

Deno.test("DirectFile.readable() errors with what could not be read", async () => {
  const t = new Fixture();
  t.disk.put(path, bytesOf(5_000_000));
  const file = await t.open({ readOnly: true });
  t.faults.failNext("read", "EIO");
  await assertRejects(() => collect(file.readable()), IoError, "EIO");
  assertEquals((await file.readAt(0, 10)).length, 10);
  await file.close();
});

Deno.test("DirectFile.close() waits for reads, and refuses those that come later", async () => {
  const t = new Fixture();
  t.disk.put(path, bytesOf(8 << 20));
  const file = await t.open({ readOnly: true });
  const reading = file.readAt(0, 8 << 20);
  await file.close();
  assert(sameBytes(await reading, bytesOf(8 << 20)));
  await assertRejects(() => file.readAt(0, 1), Deno.errors.BadResource);
  await assertRejects(() => file.append(bytesOf(1)), Deno.errors.BadResource);
  await assertRejects(() => file.sync(), Deno.errors.BadResource);
  assertThrows(() => file.readable(), Deno.errors.BadResource);
  assertThrows(() => file.writable(), Deno.errors.BadResource);
});

Deno.test("DirectFile.writable() appends chunks, and syncs when it is closed", async () => {
  const t = new Fixture();
  const file = await t.open();
  await new Blob([bytesOf(100_000)]).stream().pipeTo(file.writable());
  assertEquals([file.length, file.durableLength], [100_000, 100_000]);
  await file.close();
  t.check(bytesOf(100_000));
});

// Failures.

Deno.test("DirectFile is poisoned by a sync that fails: writes reject, reads go on, close() rejects", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const t = new Fixture();
    const file = await t.open();
    await file.append(bytesOf(100));
    t.faults.failNext("datasync", code);
    await assertRejects(() => file.sync(), PoisonedError, code);
    await assertRejects(() => file.sync(), PoisonedError);
    await assertRejects(() => file.append(bytesOf(1)), PoisonedError);
    assertThrows(() => file.writable(), PoisonedError);
    assertEquals(await file.readAt(0, 100), bytesOf(100));
    assertEquals([file.length, file.durableLength], [100, 0]);
    await assertRejects(() => file.close(), PoisonedError);
    await assertRejects(() => file.close(), PoisonedError);
    assertEquals([t.engine.openFiles, t.engine.log.filter((line) => line === "datasync").length], [0, 1]);
  }
});

Deno.test("DirectFile is poisoned by a write that fails, also while it closes", async () => {
  for (const operation of ["write", "truncate", "sync"] as const) {
    const t = new Fixture();
    const file = await t.open();
    await file.append(bytesOf(100));
    t.faults.failNext(operation, "EIO");
    await assertRejects(() => file.close(), PoisonedError, "EIO");
    assertEquals([t.engine.openFiles, file.durableLength], [0, 0]);
  }
});

Deno.test("DirectFile survives a full disk: what was appended is written when there is room", async () => {
  const t = new Fixture();
  const file = await t.open();
  await file.append(bytesOf(100));
  t.faults.failNext("write", "ENOSPC");
  await assertRejects(() => file.sync(), IoError, "ENOSPC");
  assertEquals(await file.readAt(0, 100), bytesOf(100));
  await assertRejects(() => file.append(bytesOf(1)), IoError, "ENOSPC");
  assertEquals(await file.append(bytesOf(100, 2)), 100);
  await file.sync();
  assertEquals(file.durableLength, 200);
  t.faults.failNext("write", "ENOSPC");
  await file.append(bytesOf(100, 3));
  await assertRejects(() => file.sync(), IoError, "ENOSPC");
  await file.close();
  t.check(new Uint8Array([...bytesOf(100), ...bytesOf(100, 2), ...bytesOf(100, 3)]));
});

Deno.test("DirectFile.close() rejects, and closes, when the disk is full to the end", async () => {
  const t = new Fixture();
  const file = await t.open();
  await file.append(bytesOf(100));
  t.faults.failNext("write", "ENOSPC");
  await assertRejects(() => file.close(), IoError, "ENOSPC");
  assertEquals([t.engine.openFiles, file.length], [0, 100]);
});

Deno.test("DirectFile.close() waits for writes in flight when another one met a full disk", async () => {
  const t = new Fixture();
  const file = await t.open();
  t.engine.hold = true;
  await file.append(bytesOf(3 << 20));
  let closed = false;
  const closing = assertRejects(() => file.close(), IoError, "ENOSPC").then(() => closed = true);
  await drain();
  const [first, second, third] = t.engine.inFlight;
  await first.fail("ENOSPC");
  await second.finish();
  assertEquals([closed, t.engine.openFiles], [false, 2]);
  await third.finish();
  await closing;
  assertEquals(t.engine.openFiles, 0);
});

Deno.test("DirectFile.append() refuses when far too much waits that nobody waited for", async () => {
  const t = new Fixture();
  const file = await t.open();
  t.engine.hold = true;
  const chunk = new Uint8Array(64 << 20);
  const waiting = Array.from({ length: 5 }, () => file.append(chunk));
  await assertRejects(() => file.append(chunk), LimitError);
  // Whoever syncs waits for it.
  const syncing = file.sync();
  syncing.catch(() => {});
  t.engine.hold = false;
  await t.engine.finishAll();
  await Promise.all(waiting);
  await syncing;
  assertEquals([file.length, file.durableLength], [5 * chunk.length, 5 * chunk.length]);
  await file.close();
});

Deno.test("DirectFile.open() says what is wrong, and leaves nothing open", async () => {
  const t = new Fixture();
  const rejects = (
    options: Record<string, unknown>,
    error: typeof IoError | ErrorConstructor,
    says: string,
  ) => assertRejects(() => t.open(options as DirectFileOptions), error, says);
  await rejects({ creat: false }, TypeError, 'unknown option "creat"');
  await rejects({ tail: "cut" }, TypeError, "tail");
  await rejects({ preallocateBytes: -1 }, RangeError, "preallocateBytes");
  await assertRejects(() => DirectFile.open(""), TypeError, "the path is empty");
  t.faults.failNext("allocate", "ENOSPC");
  await rejects({ preallocateBytes: block }, IoError, "ENOSPC");
  assertEquals(t.engine.openFiles, 0);
  t.disk.put(path, bytesOf(10));
  const file = await t.open({ readOnly: true });
  await assertRejects(() => file.append(bytesOf(1)), ReadOnlyError);
  await assertRejects(() => file.readAt(-1, 1), RangeError);
  await assertRejects(() => file.readAt(0, 1.5), RangeError);
  assertEquals([file.length, file.durableLength], [10, 10]);
  await file.close();
  t.check(bytesOf(10));
});

// Who else has it.

for (const ioEngine of ["uring", "threads", "node"] as const) {
  Deno.test(`DirectFile.open() refuses a file that is open for writing, until it is closed (${ioEngine})`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
    const path = `${directory}/file`;
    try {
      const file = await DirectFile.open(path, { ioEngine });
      await file.append(bytesOf(10));
      await assertRejects(() => DirectFile.open(path, { ioEngine }), LockedError, "it is open elsewhere");
      await Deno.link(path, `${directory}/other`);
      await assertRejects(() => DirectFile.open(`${directory}/other`, { ioEngine }), LockedError);
      const code = `import { DirectFile } from "${new URL("../../direct.ts", import.meta.url)}";
        await DirectFile.open(${
        JSON.stringify(path)
      }, { ioEngine: "node" }).catch(({ name }) => console.log(name));`;
      const args = ["eval", code];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
      assertEquals(new TextDecoder().decode(stdout), "LockedError\n");
      await using reader = await DirectFile.open(path, { ioEngine, readOnly: true });
      assertEquals(reader.length, 0);
      await file.close();
      const again = await DirectFile.open(path, { ioEngine });
      assertEquals(again.length, 10);
      await again.close();
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("DirectFile.open() syncs what it finds before it calls that durable", async () => {
  const t = new Fixture();
  t.disk.put(path, bytesOf(100));
  const file = await t.open();
  assertEquals(file.durableLength, 100);
  assert(
    t.engine.log.includes("sync file") && t.engine.log.includes("syncDirectory"),
    t.engine.log.join(" "),
  );
  await file.close();
  t.faults.failNext("sync", "EIO");
  await assertRejects(() => t.open(), IoError, "EIO");
  assertEquals(t.engine.openFiles, 0);
  await (await t.open()).close();
});

Deno.test("DirectFile.close() gives up its lock and its other file though one cannot be closed", async () => {
  const t = new Fixture();
  const file = await t.open();
  await file.append(bytesOf(10));
  t.faults.failNext("close", "EIO");
  await assertRejects(() => file.close(), IoError, "EIO");
  assertEquals(t.engine.openFiles, 0);
  const again = await t.open();
  assertEquals(again.length, 10);
  await again.close();
});

// All of it at random.

Deno.test("DirectFile holds what was appended, whatever is done in whatever order", async () => {
  for (const seed of seeds("direct file", 40)) await run(new Random(seed));
});

async function run(random: Random): Promise<void> {
  const t = new Fixture();
  let model = new Uint8Array(0);
  for (let round = 0; round < 3; round++) {
    const tail = random.pick(["rewrite", "pad"] as const);
    const file = await t.open({ tail, preallocateBytes: random.below(2) * 40 * block });
    // A preallocated file that nothing was appended to is as long as it was.
    assertEquals(file.length, model.length);
    for (let i = 0; i < 30; i++) {
      if (random.once(3)) {
        await file.sync();
        if (file.length > model.length) model = joined(model, new Uint8Array(file.length - model.length));
        assertEquals(file.durableLength, model.length);
      } else if (random.once(2)) {
        const bytes = random.bytes(random.pick([1, 50, block - 1, block, 3 * block, 70_000]));
        assertEquals(await file.append(bytes), model.length);
        model = joined(model, bytes);
      } else {
        const offset = random.below(model.length + 10);
        const length = random.below(100_000);
        assert(sameBytes(await file.readAt(offset, length), model.subarray(offset, offset + length)));
      }
    }
    await file.close();
    assertEquals(t.engine.openFiles, 0);
    assert(sameBytes(t.disk.contents(path), model));
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
