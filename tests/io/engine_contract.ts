/**
 * What every engine does, as one suite that runs on each of them, direct and buffered.
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { statfs } from "node:fs/promises";
import { IoError, LockedError } from "../../src/base/mod.ts";
import type { IoEngine, IoFile, OpenOptions, Transfer } from "../../src/io/engine.ts";

/** What the suite runs on. */
export interface Subject {
  /** The name of the class, for the names of the tests. */
  name: string;
  /** Makes an engine. */
  make(): IoEngine | Promise<IoEngine>;
  /** Whether files are opened with direct IO. */
  direct: boolean;
  /** What direct transfers must be aligned to on the file system of the tests; 1 if it takes anything. */
  alignment: number;
  /** Whether everything happens in a directory that the engine has locked. @default {false} */
  locked?: boolean | undefined;
  /** Why it cannot run on this machine. */
  skip?: string | undefined;
  /** Makes an empty directory of a simulated engine; by default it is one of the system's. */
  makeDirectory?: () => Promise<string>;
}

/** An engine, an empty directory, and short words for what the tests do with them. */
class Fixture {
  readonly engine: IoEngine;
  readonly directory: string;
  readonly direct: boolean;
  readonly #open: IoFile[] = [];

  constructor(engine: IoEngine, directory: string, direct: boolean) {
    this.engine = engine;
    this.directory = directory;
    this.direct = direct;
  }

  path(name = "file"): string {
    return `${this.directory}/${name}`;
  }

  async open(name: string, options: Partial<OpenOptions> = {}): Promise<IoFile> {
    const file = await this.engine.open(this.path(name), { access: "read", direct: this.direct, ...options });
    this.#open.push(file);
    return file;
  }

  create(name = "file"): Promise<IoFile> {
    return this.open(name, { access: "write", create: true });
  }

  async close(file: IoFile): Promise<void> {
    this.#open.splice(this.#open.indexOf(file), 1);
    await this.engine.close(file);
  }

  memory(byteLength: number, fill = 0): Uint8Array {
    return this.engine.allocateMemory(Math.max(1, Math.ceil(byteLength / 4096)) * 4096).subarray(
      0,
      byteLength,
    )
      .fill(fill);
  }

  /** Memory whose every block says which it is. */
  blocks(count: number, first = 0): Uint8Array {
    const bytes = this.memory(count * 4096);
    for (let i = 0; i < count; i++) bytes.set(block(first + i), i * 4096);
    return bytes;
  }

  async write(file: IoFile, offset: number, bytes: Uint8Array, durable = false): Promise<void> {
    const transfer = transferOf(file, offset, bytes);
    await this.engine.write([transfer], { durable });
    if (transfer.error) throw transfer.error;
    assertEquals(transfer.done, bytes.length);
  }

  async read(file: IoFile, offset: number, byteLength: number): Promise<Uint8Array> {
    const transfer = transferOf(file, offset, this.memory(byteLength, 0xee));
    await this.engine.read([transfer]);
    if (transfer.error) throw transfer.error;
    return transfer.bytes.subarray(0, transfer.done);
  }

  async closeAll(): Promise<void> {
    for (const file of this.#open) await this.engine.close(file);
  }
}

function block(number: number): Uint8Array {
  const words = new Uint32Array(1024);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(number * 1024 + i + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer);
}

function transferOf(file: IoFile, offset: number, bytes: Uint8Array): Transfer {
  return { file, offset, bytes, done: -1, error: new Error("left over from an earlier batch") };
}

function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assertEquals(at, -1, `byte ${at} is ${actual[at]}, not ${expected[at]}`);
}

function assertIoError(error: unknown, expected: Partial<IoError>): void {
  assertInstanceOf(error, IoError);
  const found = { code: error.code, operation: error.operation, path: error.path, offset: error.offset };
  assertEquals(found, { offset: undefined, ...expected } as typeof found);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Registers the suite for one engine. */
export function testEngine(subject: Subject): void {
  const { name, direct, alignment } = subject;
  const simulated = subject.makeDirectory !== undefined;
  const test = (what: string, body: (f: Fixture) => Promise<void>, ignore = false) =>
    Deno.test({
      name: `${name}.${what} (${direct ? "direct" : "buffered"}${subject.locked ? ", locked" : ""}${
        subject.skip ? `: ${subject.skip}` : ""
      })`,
      ignore: ignore || subject.skip !== undefined,
      sanitizeOps: true,
      sanitizeResources: true,
      fn: () => withFixture(subject, body),
    });

  test("read() returns what write() wrote for many sizes", async (f) => {
    const file = await f.create();
    for (const byteLength of sizes(direct)) {
      const bytes = f.blocks(Math.ceil(byteLength / 4096), byteLength).subarray(0, byteLength);
      const offset = direct ? 8192 : 8191;
      await f.write(file, offset, bytes);
      assertSameBytes(await f.read(file, offset, byteLength), bytes);
    }
  });

  test("read() stops at the end of the file when it asks for more", async (f) => {
    const file = await f.create();
    const bytes = f.blocks(3);
    await f.write(file, 0, bytes);
    await f.engine.truncate(file, 10_000);
    assertSameBytes(await f.read(file, 0, 16_384), bytes.subarray(0, 10_000));
    assertSameBytes(await f.read(file, 8192, 4096), bytes.subarray(8192, 10_000));
    assertEquals((await f.read(file, 12_288, 4096)).length, 0);
    assertEquals((await f.read(file, 1 << 30, 4096)).length, 0);
  });

  test("read() and write() do nothing when the batch or the transfer is empty", async (f) => {
    const file = await f.create();
    await f.engine.read([]);
    await f.engine.write([]);
    assertEquals((await f.read(file, 0, 0)).length, 0);
    await f.write(file, 0, f.memory(0));
    assertEquals(await f.engine.size(file), 0);
  });

  test("read() delivers each transfer to its own memory when hundreds run at once", async (f) => {
    const count = 512;
    const file = await f.create();
    await f.write(file, 0, f.blocks(count));
    const other = await f.create("other");
    const batches = Array.from({ length: 64 }, (_, b) =>
      Array.from({ length: 8 }, (_, i) => {
        const number = (b * 131 + i * 57) % (count - 3);
        return transferOf(file, number * 4096, f.memory(4096 * (1 + i % 3), 0xee));
      }));
    const writes = Array.from({ length: 64 }, (_, i) => transferOf(other, i * 4096, f.blocks(1, i)));
    await Promise.all([...batches.map((batch) => f.engine.read(batch)), f.engine.write(writes)]);
    for (const { offset, bytes, done, error } of batches.flat()) {
      assertEquals({ done, error }, { done: bytes.length, error: undefined });
      assertSameBytes(bytes, f.blocks(bytes.length / 4096, offset / 4096));
    }
    assertSameBytes(await f.read(other, 0, 64 * 4096), f.blocks(64));
  });

  test("read() settles neighbours when one transfer of the batch fails", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    const closed = await f.open("file");
    await f.close(closed);
    const batch = [
      transferOf(file, 0, f.memory(4096)),
      transferOf(closed, 0, f.memory(4096)),
      transferOf(file, 4096, f.memory(4096)),
    ];
    await f.engine.read(batch);
    assertInstanceOf(batch[1].error, Deno.errors.BadResource);
    assertEquals([batch[0].error, batch[2].error], [undefined, undefined]);
    assertSameBytes(batch[2].bytes, block(1));
  });

  test("read() keeps to its file when another took its name", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(64));
    await f.engine.rename(f.path(), f.path("renamed"));
    await f.write(await f.create(), 0, f.blocks(64, 1000));
    const batch = Array.from({ length: 64 }, (_, i) => transferOf(file, i * 4096, f.memory(4096)));
    await f.engine.read(batch);
    batch.forEach((transfer, i) => assertSameBytes(transfer.bytes, block(i)));
  });

  test("open() sees what another file of the same path wrote", async (f) => {
    const first = await f.create();
    const second = await f.open("file", { access: "write" });
    await f.write(first, 0, f.blocks(1, 7));
    assertSameBytes(await f.read(second, 0, 4096), block(7));
    await f.write(second, 0, f.blocks(1, 8));
    assertSameBytes(await f.read(first, 0, 4096), block(8));
    await f.close(second);
    assertSameBytes(await f.read(first, 0, 4096), block(8));
  });

  test("open() says what the file is", async (f) => {
    const file = await f.create();
    assertEquals([file.path, file.direct], [f.path(), direct]);
  });

  test("open() rejects with ENOENT when there is no file", async (f) => {
    for (const access of ["read", "write"] as const) {
      const error = await rejection(f.open("absent", { access }));
      assertIoError(error, { code: "ENOENT", operation: "open", path: f.path("absent") });
    }
  });

  test("open() rejects with EEXIST when the file to create exists", async (f) => {
    await f.create();
    assertIoError(await rejection(f.create()), { code: "EEXIST", operation: "create", path: f.path() });
  });

  test("open() rejects with ELOOP when the path is a symbolic link", async (f) => {
    await f.create();
    await Deno.symlink(f.path(), f.path("link"));
    assertIoError(await rejection(f.open("link")), {
      code: "ELOOP",
      operation: "open",
      path: f.path("link"),
    });
  }, simulated);

  test("open() rejects with EISDIR when the path is a directory", async (f) => {
    await f.engine.makeDirectory(f.path("a"));
    for (const access of ["read", "write"] as const) {
      const error = await rejection(f.open("a", { access }));
      assertIoError(error, { code: "EISDIR", operation: "open", path: f.path("a") });
    }
    assertEquals(openPaths(f.directory), []);
  });

  test("open() rejects with ENXIO, and does not wait, when the path is a pipe", async (f) => {
    await makePipe(f.path("pipe"));
    for (const access of ["read", "write"] as const) {
      const error = await rejection(f.open("pipe", { access }));
      assertIoError(error, { code: "ENXIO", operation: "open", path: f.path("pipe") });
    }
    assertEquals(openPaths(f.directory), []);
  }, simulated || Deno.build.os !== "linux");

  test("open() rejects with EINVAL when the path holds a zero", async (f) => {
    await f.create();
    const path = f.path("file\0.txt");
    assertIoError(await rejection(f.open("file\0.txt")), { code: "EINVAL", operation: "open", path });
  }, simulated);

  test("open() makes files that only their owner may read", async (f) => {
    await f.create();
    assertEquals((await Deno.stat(f.path())).mode! & 0o777, 0o600);
  }, simulated);

  test("read() and write() fail with EINVAL when a direct transfer is misaligned", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(4));
    for (const { offset, bytes } of misaligned(f)) {
      const [read, write] = [transferOf(file, offset, bytes), transferOf(file, offset, bytes)];
      await f.engine.read([read]);
      await f.engine.write([write]);
      assertIoError(read.error, { code: "EINVAL", operation: "read", path: f.path(), offset });
      assertIoError(write.error, { code: "EINVAL", operation: "write", path: f.path(), offset });
    }
    assertSameBytes(await f.read(file, 0, 16_384), f.blocks(4));
  }, !direct || alignment === 1);

  test("read() and write() fail with EINVAL when the offset is negative", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    for (const offset of [-1, -4096]) {
      const [read, write] = [
        transferOf(file, offset, f.memory(4096)),
        transferOf(file, offset, f.memory(4096)),
      ];
      await f.engine.read([read]);
      await f.engine.write([write]);
      assertIoError(read.error, { code: "EINVAL", operation: "read", path: f.path(), offset });
      assertIoError(write.error, { code: "EINVAL", operation: "write", path: f.path(), offset });
    }
    assertSameBytes(await f.read(file, 0, 8192), f.blocks(2));
  });

  test("write() leaves nothing to wait for when it is durable", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(3), true);
    await f.write(file, 4096, f.blocks(1, 9), true);
    assertEquals(await f.engine.size(file), 3 * 4096);
    assertSameBytes(await f.read(file, 0, 4096), block(0));
    assertSameBytes(await f.read(file, 4096, 4096), block(9));
    const other = await f.create("other");
    const batch = Array.from(
      { length: 40 },
      (_, i) => transferOf(i % 2 === 0 ? file : other, i * 4096, f.blocks(1, i)),
    );
    await f.engine.write(batch, { durable: true });
    for (const { file, offset, bytes, done, error } of batch) {
      assertEquals({ done, error }, { done: 4096, error: undefined });
      assertSameBytes(await f.read(file, offset, 4096), bytes);
    }
    await f.engine.write([], { durable: true });
  });

  test("write() settles neighbours when one transfer of a durable batch fails", async (f) => {
    const file = await f.create();
    const closed = await f.open("file", { access: "write" });
    await f.close(closed);
    const batch = [
      transferOf(file, 0, f.blocks(1)),
      transferOf(closed, 4096, f.blocks(1)),
      transferOf(file, -4096, f.blocks(1)),
    ];
    await f.engine.write(batch, { durable: true });
    assertEquals([batch[0].error, batch[0].done], [undefined, 4096]);
    assertInstanceOf(batch[1].error, Deno.errors.BadResource);
    assertIoError(batch[2].error, { code: "EINVAL", operation: "write", path: f.path(), offset: -4096 });
  });

  test("write() fails when it is durable and the file is open to be read only", async (f) => {
    await f.create();
    const file = await f.open("file");
    const transfer = transferOf(file, 0, f.blocks(1));
    await f.engine.write([transfer], { durable: true });
    assertIoError(transfer.error, { code: "EBADF", operation: "write", path: f.path(), offset: 0 });
  });

  test("close() makes every later use of the file a BadResource", async (f) => {
    const file = await f.create();
    await f.close(file);
    const { engine } = f;
    const uses = [
      engine.size(file),
      engine.nextData(file, 0),
      engine.datasync(file),
      engine.sync(file),
      engine.truncate(file, 0),
      engine.allocate(file, 4096),
      engine.close(file),
      f.read(file, 0, 4096),
      f.write(file, 0, f.memory(4096)),
    ];
    for (const use of uses) assertInstanceOf(await rejection(use), Deno.errors.BadResource);
  });

  test("datasync() and sync() resolve when there is something to make durable", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    await Promise.all([f.engine.datasync(file), f.engine.sync(file)]);
    await f.engine.datasync(file);
  });

  test("truncate() shortens the file, and extends it with zeros", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    await f.engine.truncate(file, 4096);
    assertEquals(await f.engine.size(file), 4096);
    await f.engine.truncate(file, 12_288);
    assertSameBytes(await f.read(file, 4096, 8192), new Uint8Array(8192));
    assertSameBytes(await f.read(file, 0, 4096), block(0));
  });

  test("truncate(), allocate() and nextData() reject with EINVAL when there is no such length", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(1));
    for (const offset of [-1, 1.5, NaN, 2 ** 53]) {
      const path = f.path();
      const rejects = async (operation: string, work: Promise<unknown>) =>
        assertIoError(await rejection(work), { code: "EINVAL", operation, path, offset });
      await rejects("truncate", f.engine.truncate(file, offset));
      await rejects("allocate", f.engine.allocate(file, offset));
      await rejects("measure", f.engine.nextData(file, offset));
    }
    assertEquals(await f.engine.size(file), 4096);
  });

  test("nextData() finds what was written, and the end of the file behind it", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    assertEquals(await f.engine.nextData(file, 0), 0);
    assertEquals(await f.engine.nextData(file, 5000), 5000);
    for (const offset of [8192, 1 << 20]) assertEquals(await f.engine.nextData(file, offset), 8192);
  });

  test("allocate() extends the file, keeps its bytes and never shortens it", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(2));
    assertEquals(
      await f.engine.allocate(file, 1 << 20),
      f.engine.name !== "node",
      "whether room is reserved",
    );
    assertEquals(await f.engine.size(file), 1 << 20);
    await f.engine.allocate(file, 4096);
    await f.engine.allocate(file, 0);
    assertEquals(await f.engine.size(file), 1 << 20);
    assertSameBytes(await f.read(file, 0, 8192), f.blocks(2));
    assertSameBytes(await f.read(file, 8192, 4096), new Uint8Array(4096));
  });

  test("rename() replaces what stands at the new name", async (f) => {
    await f.write(await f.create("a"), 0, f.blocks(1, 1));
    await f.write(await f.create("b"), 0, f.blocks(1, 2));
    await f.engine.rename(f.path("a"), f.path("b"));
    await f.engine.syncDirectory(f.directory);
    assertEquals(await f.engine.list(f.directory), ["b"]);
    assertSameBytes(await f.read(await f.open("b"), 0, 4096), block(1));
  });

  test("remove() removes a file that is open, and the file lives on", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(1, 3));
    await f.engine.remove(f.path());
    assertEquals(await f.engine.list(f.directory), []);
    assertSameBytes(await f.read(file, 0, 4096), block(3));
  });

  test("remove() rejects when the path is a directory that holds something", async (f) => {
    await f.engine.makeDirectory(f.path("a/b"));
    assertInstanceOf(await rejection(f.engine.remove(f.path("a"))), IoError);
    assertEquals(await f.engine.list(f.path("a")), ["b"]);
  });

  test("makeDirectory() makes parents, and leaves a directory that exists", async (f) => {
    await f.engine.makeDirectory(f.path("a/b/c"));
    await f.create("a/b/c/file");
    await f.engine.makeDirectory(f.path("a/b/c"));
    assertEquals(await f.engine.list(f.path("a/b/c")), ["file"]);
    assertEquals(await f.engine.list(f.path("a")), ["b"]);
    await f.engine.syncDirectory(f.path("a/b/c"));
    if (!simulated) assertEquals((await Deno.stat(f.path("a/b"))).mode! & 0o777, 0o700);
  });

  test("freeBytes() is what the file system has room for, and rejects where no directory is", async (f) => {
    const { engine, directory } = f;
    if (simulated) {
      assertEquals(await engine.freeBytes!(directory), undefined);
      return;
    }
    const { blocks, bsize } = await statfs(directory), free = await engine.freeBytes!(directory);
    assert(free !== undefined && Number.isSafeInteger(free) && free > 0 && free <= blocks * bsize, `${free}`);
    assertEquals((await rejection(engine.freeBytes!(f.path("none"))) as IoError).code, "ENOENT");
  });

  test("makeDirectory() rejects when a file stands in its way", async (f) => {
    await f.create();
    for (const name of ["file", "file/a"]) {
      const error = await rejection(f.engine.makeDirectory(f.path(name)));
      assertInstanceOf(error, IoError);
      assertEquals(error.operation, "make directory");
      assert(["EEXIST", "ENOTDIR"].includes(error.code), error.code);
    }
  });

  test("remove() removes a directory that is empty", async (f) => {
    await f.engine.makeDirectory(f.path("a"));
    await f.engine.remove(f.path("a"));
    assertEquals(await f.engine.list(f.directory), []);
  });

  test("rename(), remove(), list() and syncDirectory() reject with ENOENT when there is nothing", async (f) => {
    const path = f.path("absent");
    const { engine } = f;
    assertIoError(await rejection(engine.rename(path, f.path("b"))), {
      code: "ENOENT",
      operation: "rename",
      path,
    });
    assertIoError(await rejection(engine.remove(path)), { code: "ENOENT", operation: "remove", path });
    assertIoError(await rejection(engine.list(path)), { code: "ENOENT", operation: "list", path });
    const error = await rejection(engine.syncDirectory(path));
    assertIoError(error, { code: "ENOENT", operation: "sync directory", path });
  });

  test("resolve() gives the absolute path, links resolved", async (f) => {
    await f.engine.makeDirectory(f.path("a/b"));
    const real = await Deno.realPath(f.directory);
    assertEquals(await f.engine.resolve(f.path("a/../a/b")), `${real}/a/b`);
    await Deno.symlink(f.path("a"), f.path("link"));
    assertEquals(await f.engine.resolve(f.path("link/b")), `${real}/a/b`);
    const path = f.path("absent");
    assertIoError(await rejection(f.engine.resolve(path)), { code: "ENOENT", operation: "resolve", path });
  }, simulated);

  test("lock() lets one in at a time, and says who is", async (f) => {
    const lock = await f.engine.lock(f.directory);
    const error = await assertRejects(() => f.engine.lock(f.directory), LockedError);
    if (!simulated) {
      assertEquals(error.message, `Cannot lock "${f.directory}": it is open in process ${Deno.pid}`);
      assertEquals((await Deno.stat(f.path("lock"))).mode! & 0o777, 0o600);
    }
    assertEquals(await lock.holds(), true);
    await lock.release();
    await lock.release();
    assertEquals(await lock.holds(), false);
    const next = await f.engine.lock(f.directory);
    assertEquals([await lock.holds(), await next.holds()], [false, true]);
    await next.release();
  });

  test("lease() lets those share it who want to, and leaves no word of them", async (f) => {
    const path = f.path("leased");
    await f.engine.makeDirectory(path);
    const one = await f.engine.lease(path, "shared"), two = await f.engine.lease(path, "shared");
    await assertRejects(() => f.engine.lease(path, "alone"), LockedError, `Cannot lock "${path}"`);
    await one.release();
    await one.release();
    await assertRejects(() => f.engine.lease(path, "alone"), LockedError);
    await two.release();
    const alone = await f.engine.lease(path, "alone");
    for (const kind of ["shared", "alone"] as const) {
      await assertRejects(() => f.engine.lease(path, kind), LockedError);
    }
    await alone.release();
    await (await f.engine.lease(path, "shared")).release();
    assertEquals(await f.engine.list(path), []);
    const absent = f.path("absent");
    const error = await rejection(f.engine.lease(absent, "shared"));
    assertIoError(error, { code: "ENOENT", operation: "lock", path: absent });
  });

  test("support() proves direct IO in a directory, and leaves nothing there", async (f) => {
    const { read, write, alignment, notes } = await f.engine.support(f.directory, {
      write: true,
      readOnly: false,
    });
    assertEquals([read, write, notes], [true, true, []]);
    assert(4096 % alignment.memory === 0 && 4096 % alignment.offset === 0);
    assertEquals(await f.engine.list(f.directory), []);
    const readOnly = await f.engine.support(f.directory, { write: false, readOnly: true });
    assertEquals([readOnly.read, readOnly.write], [true, false]);
    assertEquals(await f.engine.list(f.directory), []);
  }, !direct);

  test("allocateMemory() gives zeroed memory of its own", async (f) => {
    const pieces = [4096, 8192, ...Array(5).fill(4 << 20), 20 << 20, 4096].map((byteLength) => {
      const bytes = f.engine.allocateMemory(byteLength);
      assertEquals(bytes.length, byteLength);
      assert(bytes.every((byte) => byte === 0));
      return bytes.fill(0xff);
    });
    const file = await f.create();
    for (const bytes of pieces) await f.write(file, 0, bytes);
  });

  test("allocateMemory() throws a RangeError when it is asked for part of a block", async (f) => {
    for (const byteLength of [-4096, 0, 1, 4095, 4097, 1.5, NaN]) {
      assertThrows(() => f.engine.allocateMemory(byteLength), RangeError);
    }
    await Promise.resolve();
  });

  test("shutdown() waits for what is in flight, then refuses", async (f) => {
    const file = await f.create();
    await f.write(file, 0, f.blocks(256));
    const batch = Array.from({ length: 256 }, (_, i) => transferOf(file, i * 4096, f.memory(4096)));
    const reading = f.engine.read(batch);
    const syncing = f.engine.datasync(file);
    await f.close(await f.open("file"));
    await f.engine.shutdown();
    batch.forEach((transfer, i) => assertEquals([i, transfer.error], [i, undefined]));
    batch.forEach((transfer, i) => assertSameBytes(transfer.bytes, block(i)));
    await Promise.all([reading, syncing]);
    await assertShutDown(f, file);
    await f.engine.shutdown();
    assertEquals(openPaths(f.directory), []);
  });
}

/** Makes a pipe that has a name. */
export async function makePipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success, "mkfifo failed");
}

/** The files under `directory` that this process holds open, where the system tells. */
export function openPaths(directory: string): string[] {
  if (Deno.build.os !== "linux") return [];
  const descriptors = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => `/proc/self/fd/${name}`);
  return descriptors.flatMap((descriptor) => {
    try {
      return [Deno.readLinkSync(descriptor)];
    } catch {
      return []; // The descriptor by which the directory was read is gone.
    }
  }).filter((path) => path.startsWith(`${directory}/`));
}

async function assertShutDown(f: Fixture, file: IoFile): Promise<void> {
  const { engine } = f;
  const bytes = new Uint8Array(4096);
  const viaTransfer = async (run: (batch: Transfer[]) => Promise<void>) => {
    const transfer = transferOf(file, 0, bytes);
    await run([transfer]);
    throw transfer.error;
  };
  const uses: (() => Promise<unknown>)[] = [
    () => engine.open(f.path(), { access: "read", direct: false }),
    () => engine.size(file),
    () => viaTransfer((batch) => engine.read(batch)),
    () => viaTransfer((batch) => engine.write(batch)),
    () => viaTransfer((batch) => engine.write(batch, { durable: true })),
    () => engine.datasync(file),
    () => engine.sync(file),
    () => engine.truncate(file, 0),
    () => engine.allocate(file, 4096),
    () => engine.rename(f.path(), f.path("b")),
    () => engine.remove(f.path()),
    () => engine.makeDirectory(f.path("c")),
    () => engine.list(f.directory),
    () => engine.syncDirectory(f.directory),
    () => engine.resolve(f.directory),
    () => engine.lock(f.directory),
    () => engine.lease(f.directory, "shared"),
    () => engine.support(f.directory, { write: true, readOnly: false }),
    () => engine.nextData(file, 0),
    () => engine.close(file),
  ];
  for (const use of uses) await assertRejects(use, Deno.errors.BadResource);
}

function sizes(direct: boolean): number[] {
  const whole = [1, 2, 3, 16, 255, 256, 1024].map((blocks) => blocks * 4096);
  return direct ? whole : [...whole, 1, 100, 4095, 4097, 70_001];
}

function misaligned(f: Fixture): { offset: number; bytes: Uint8Array }[] {
  return [
    { offset: 100, bytes: f.memory(4096) },
    { offset: 100, bytes: f.memory(8192) },
    { offset: 0, bytes: f.memory(100) },
    { offset: 0, bytes: f.memory(8192).subarray(1, 4097) },
  ];
}

async function withFixture(subject: Subject, body: (f: Fixture) => Promise<void>): Promise<void> {
  const parent = await (subject.makeDirectory ?? makeTempDirectory)();
  const directory = subject.locked ? `${parent}/inner` : parent;
  const engine = await subject.make();
  const lock = subject.locked ? await engine.lock(parent) : undefined;
  if (subject.makeDirectory !== undefined || lock !== undefined) await engine.makeDirectory(directory);
  const fixture = new Fixture(engine, directory, subject.direct);
  try {
    await body(fixture);
  } finally {
    // After the test of shutdown there is nothing left to close, and close says so.
    await rejection(fixture.closeAll());
    await engine.shutdown();
    await lock?.release();
    if (subject.makeDirectory === undefined) await Deno.remove(parent, { recursive: true });
  }
}

function makeTempDirectory(): Promise<string> {
  return Deno.makeTempDir({ prefix: "varve_test_" });
}
