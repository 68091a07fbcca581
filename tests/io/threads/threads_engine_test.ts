/** What the engine `threads` makes of a kernel that fails, tires early or changes its mind. */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import type { IoEngine, IoFile, Transfer } from "../../../src/io/engine.ts";
import { Libc, type LibcCalls, type LibcSymbols, openLibc } from "../../../src/io/posix/libc.ts";
import { threadsEngine } from "../../../src/io/threads/threads_engine.ts";

const [interrupted, ioFailed, invalid, noSpace, notSupported] = [4, 5, 22, 28, 95];
const found = openLibc();
const ignore = !(found instanceof Libc);
if (found instanceof Libc) found[Symbol.dispose]();

/** A C library of which some functions are replaced; `errno` is what the replacements say. */
class FaultyLibc implements LibcCalls {
  readonly path: string;
  symbols: LibcSymbols;
  errnos: number[] = [];
  readonly #real: Libc;

  constructor(real: Libc) {
    this.path = real.path;
    this.symbols = { ...real.symbols };
    this.#real = real;
  }

  replace(replaced: Partial<LibcSymbols>): void {
    this.symbols = { ...this.symbols, ...replaced };
  }

  errno(): number {
    return this.errnos.shift() ?? this.#real.errno();
  }

  addressOf(bytes: Uint8Array<ArrayBuffer>): number {
    return this.#real.addressOf(bytes);
  }

  [Symbol.dispose](): void {
    this.#real[Symbol.dispose]();
  }
}

interface Scene {
  libc: FaultyLibc;
  engine: IoEngine;
  /** A direct file of four blocks that say which they are. */
  file: IoFile;
}

function test(name: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({ name, ignore, sanitizeOps: true, sanitizeResources: true, fn: () => play(body) });
}

async function play(body: (scene: Scene) => Promise<void>): Promise<void> {
  const real = openLibc();
  if (!(real instanceof Libc)) throw new Error(real.reason);
  const libc = new FaultyLibc(real);
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const engine = threadsEngine(libc);
  try {
    const file = await engine.open(`${directory}/file`, { access: "write", direct: true, create: true });
    await engine.write([transferOf(file, fourBlocks(engine))]);
    await body({ libc, engine, file });
  } finally {
    await engine.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

function fourBlocks(engine: IoEngine): Uint8Array {
  const bytes = engine.allocateMemory(4 * 4096);
  for (let i = 0; i < 4; i++) bytes.fill(i + 1, i * 4096, (i + 1) * 4096);
  return bytes;
}

function transferOf(file: IoFile, bytes: Uint8Array, offset = 0): Transfer {
  return { file, offset, bytes, done: 0, error: undefined };
}

async function read({ engine, file }: Scene): Promise<Transfer> {
  const transfer = transferOf(file, engine.allocateMemory(4 * 4096));
  await engine.read([transfer]);
  return transfer;
}

async function write({ engine, file }: Scene): Promise<Transfer> {
  const transfer = transferOf(file, engine.allocateMemory(4 * 4096).fill(9), 4096);
  await engine.write([transfer]);
  return transfer;
}

function assertRead({ engine }: Scene, transfer: Transfer): void {
  assertEquals([transfer.error, transfer.done], [undefined, 4 * 4096]);
  assertEquals(transfer.bytes, fourBlocks(engine));
}

function assertCode(error: unknown, code: string): void {
  assertInstanceOf(error, IoError);
  assertEquals(error.code, code);
}

const fails = () => Promise.resolve(-1n);
const fails32 = () => Promise.resolve(-1);

test("ThreadsEngine.read() succeeds when only its repetition does", async (scene) => {
  scene.libc.replace({ preadAsync: fails });
  assertRead(scene, await read(scene));
});

test("ThreadsEngine.read() fails with the errno of its repetition", async (scene) => {
  scene.libc.replace({ preadAsync: fails, pread: () => -1n });
  scene.libc.errnos = [ioFailed];
  const { error } = await read(scene);
  assertCode(error, "EIO");
});

test("ThreadsEngine.read() goes on when its repetition is interrupted", async (scene) => {
  const { pread } = scene.libc.symbols;
  scene.libc.replace({
    preadAsync: fails,
    pread: (...call) => scene.libc.errnos.length > 0 ? -1n : pread(...call),
  });
  scene.libc.errnos = [interrupted, interrupted];
  assertRead(scene, await read(scene));
});

test("ThreadsEngine.read() goes on from a whole block when the call is short", async (scene) => {
  const { pread } = scene.libc.symbols;
  const offsets: bigint[] = [];
  scene.libc.replace({
    preadAsync: (fd, memory, length, offset) => {
      offsets.push(offset);
      const count = pread(fd, memory, length, offset);
      return Promise.resolve(count > 5000n ? 5000n : count);
    },
  });
  assertRead(scene, await read(scene));
  assertEquals(offsets, [0n, 4096n, 8192n, 12_288n]);
});

test("ThreadsEngine.read() fails when the call stays short within the file", async (scene) => {
  scene.libc.replace({ preadAsync: () => Promise.resolve(512n) });
  const { error, done } = await read(scene);
  assertCode(error, "EUNKNOWN");
  assertEquals(done, 512);
});

test("ThreadsEngine.write() goes on from a whole block when the call is short", async (scene) => {
  const { pwrite } = scene.libc.symbols;
  const offsets: bigint[] = [];
  scene.libc.replace({
    pwriteAsync: (fd, memory, length, offset) => {
      offsets.push(offset);
      const count = pwrite(fd, memory, length > 4096n ? 4096n : length, offset);
      return Promise.resolve(length > 4096n ? count + 904n : count);
    },
  });
  const { error, done } = await write(scene);
  assertEquals([error, done], [undefined, 4 * 4096]);
  assertEquals(offsets, [4096n, 8192n, 12_288n, 16_384n]);
  assertEquals(await scene.engine.size(scene.file), 5 * 4096);
});

test("ThreadsEngine.write() succeeds when its repetition does, as after a full disk that has room again", async (scene) => {
  scene.libc.replace({ pwriteAsync: fails });
  const { error, done } = await write(scene);
  assertEquals([error, done], [undefined, 4 * 4096]);
  assertEquals(await scene.engine.size(scene.file), 5 * 4096);
});

test("ThreadsEngine.write() fails with the errno of its repetition", async (scene) => {
  scene.libc.replace({ pwriteAsync: fails, pwrite: () => -1n });
  scene.libc.errnos = [interrupted, noSpace];
  const { error } = await write(scene);
  assertCode(error, "ENOSPC");
  assertEquals((error as IoError).offset, 4096);
});

test("ThreadsEngine.write() fails when the call writes nothing", async (scene) => {
  scene.libc.replace({ pwriteAsync: () => Promise.resolve(0n) });
  assertCode((await write(scene)).error, "EUNKNOWN");
});

async function writeDurably({ engine, file }: Scene): Promise<Transfer> {
  const transfer = transferOf(file, engine.allocateMemory(4 * 4096).fill(9), 4096);
  await engine.write([transfer], { durable: true });
  return transfer;
}

test("ThreadsEngine.write() asks for durability with the write, and syncs nothing", async (scene) => {
  const { pwritev2Async } = scene.libc.symbols;
  const calls: string[] = [];
  scene.libc.replace({
    pwriteAsync: () => Promise.reject(new Error("a plain write")),
    fdatasyncAsync: () => Promise.reject(new Error("a sync")),
    pwritev2Async: (fd, vectors, count, offset, flags) => {
      calls.push(`${count} at ${offset} with ${flags}`);
      return pwritev2Async?.(fd, vectors, count, offset, flags) ?? Promise.resolve(-1n);
    },
  });
  const { error, done } = await writeDurably(scene);
  assertEquals([error, done, calls], [undefined, 4 * 4096, ["1 at 4096 with 2"]]);
});

test("ThreadsEngine.write() writes and syncs where no write is durable by itself", async (scene) => {
  const { fdatasyncAsync } = scene.libc.symbols;
  let syncs = 0;
  let tried = 0;
  scene.libc.replace({
    pwritev2Async: () => Promise.resolve(tried++ === 0 ? -1n : 0n),
    pwritev2: () => -1n,
    fdatasyncAsync: (fd) => {
      syncs++;
      return fdatasyncAsync(fd);
    },
  });
  scene.libc.errnos = [notSupported];
  for (const expected of [1, 2]) {
    const { error, done } = await writeDurably(scene);
    assertEquals([error, done, syncs, tried], [undefined, 4 * 4096, expected, 1]);
  }
});

test("ThreadsEngine.write() fails when it is durable and its sync fails", async (scene) => {
  scene.libc.replace({ pwritev2Async: null, fdatasyncAsync: fails32 });
  assertCode((await writeDurably(scene)).error, "EUNKNOWN");
});

test("ThreadsEngine.write() fails with the errno of its repetition when it is durable", async (scene) => {
  scene.libc.replace({ pwritev2Async: fails, pwritev2: () => -1n });
  scene.libc.errnos = [interrupted, noSpace];
  assertCode((await writeDurably(scene)).error, "ENOSPC");
  // What stands there already may have been written by the first call, of which only the sync failed.
  await write(scene);
  scene.libc.replace({ pwritev2: () => 4096n });
  assertCode((await writeDurably(scene)).error, "EUNKNOWN");
});

test("ThreadsEngine.write() succeeds when the first call wrote nothing and its durable repetition does", async (scene) => {
  const { pwritev2 } = scene.libc.symbols;
  if (pwritev2 === null) return;
  let repeated = 0;
  scene.libc.replace({
    pwritev2Async: fails,
    pwritev2: (...call) => {
      repeated++;
      return pwritev2(...call);
    },
  });
  const { error, done } = await writeDurably(scene);
  assertEquals([error, done, repeated], [undefined, 4 * 4096, 1]);
});

test("ThreadsEngine.syncDirectory() learns why it failed in a directory that is locked, and never takes it back", async ({ libc, engine, file }) => {
  const directory = file.path.slice(0, file.path.lastIndexOf("/"));
  const lock = await engine.lock(directory);
  await engine.syncDirectory(directory);
  libc.replace({ fsyncAsync: fails32, fsync: () => -1 });
  libc.errnos = [interrupted, ioFailed];
  assertCode(await engine.syncDirectory(directory).catch((error) => error), "EIO");
  libc.errnos = [invalid];
  await engine.syncDirectory(directory);
  libc.replace({ fsync: () => 0 });
  assertCode(await engine.syncDirectory(directory).catch((error) => error), "EUNKNOWN");
  await lock.release();
});

test("ThreadsEngine.remove() gives up its turn in a directory that is locked, and learns why it failed", async ({ libc, engine, file }) => {
  const directory = file.path.slice(0, file.path.lastIndexOf("/"));
  const lock = await engine.lock(directory), { unlinkatAsync, unlinkat } = libc.symbols;
  libc.replace({ unlinkat: () => -1 });
  await engine.remove(file.path);
  await assertRejects(() => Deno.stat(file.path), Deno.errors.NotFound);
  await Deno.writeFile(file.path, new Uint8Array(1));
  libc.replace({ unlinkatAsync: fails32 });
  libc.errnos = [interrupted, ioFailed];
  assertCode(await engine.remove(file.path).catch((error) => error), "EIO");
  // It passed: the second call is as good as the first.
  libc.replace({ unlinkat });
  await engine.remove(file.path);
  await assertRejects(() => Deno.stat(file.path), Deno.errors.NotFound);
  // The lock is given up while the call waits for a thread of the pool: nothing is removed elsewhere.
  const called = Promise.withResolvers<void>();
  let descriptor = -1;
  libc.replace({
    unlinkatAsync: async (at, name, flags) => {
      descriptor = at;
      await called.promise;
      return await unlinkatAsync(at, name, flags);
    },
  });
  await Deno.writeFile(file.path, new Uint8Array(1));
  const removed = engine.remove(file.path);
  await Promise.resolve();
  await lock.release();
  assertEquals(await Deno.readLink(`/proc/self/fd/${descriptor}`), directory);
  called.resolve();
  await removed;
  await assertRejects(() => Deno.stat(file.path), Deno.errors.NotFound);
  await Deno.writeFile(file.path, new Uint8Array(1));
});

test("ThreadsEngine.lock() holds no directory where the system does not tell which one is open", async ({ libc, engine, file }) => {
  const directory = file.path.slice(0, file.path.lastIndexOf("/"));
  libc.replace({ statx: null, fsyncAsync: fails32 });
  const lock = await engine.lock(directory);
  await engine.syncDirectory(directory);
  await lock.release();
});

test("ThreadsEngine.lock() rejects, and locks nothing, when its path led elsewhere meanwhile", async ({ libc, engine, file }) => {
  const directory = file.path.slice(0, file.path.lastIndexOf("/"));
  const { openat } = libc.symbols;
  const elsewhere = new TextEncoder().encode("/\0");
  libc.replace({ openat: (at, _name, flags, mode) => openat(at, elsewhere, flags, mode) });
  assertCode(await engine.lock(directory).catch((error) => error), "ESTALE");
  libc.replace({ openat });
  await (await engine.lock(directory)).release();
});

test("ThreadsEngine.datasync() and sync() never repeat a call that failed", async ({ libc, engine, file }) => {
  let calls = 0;
  const failsOnce = () => Promise.resolve(calls++ === 0 || calls === 2 ? -1 : 0);
  libc.replace({ fdatasyncAsync: failsOnce, fsyncAsync: failsOnce });
  const datasync = await assertRejects(() => engine.datasync(file), IoError);
  const sync = await assertRejects(() => engine.sync(file), IoError);
  assertEquals([datasync.code, datasync.operation, sync.code, sync.operation, calls], [
    "EUNKNOWN",
    "datasync",
    "EUNKNOWN",
    "sync",
    2,
  ]);
});

test("ThreadsEngine.allocate() extends the file when the file system cannot reserve", async (scene) => {
  const { libc, engine, file } = scene;
  libc.replace({ fallocateAsync: fails32, fallocate: () => -1 });
  for (const length of [1 << 20, 4096]) {
    libc.errnos = [notSupported];
    await engine.allocate(file, length);
    assertEquals(await engine.size(file), 1 << 20);
  }
});

test("ThreadsEngine.allocate() rejects with ENOSPC when the disk is full", async ({ libc, engine, file }) => {
  libc.replace({ fallocateAsync: fails32, fallocate: () => -1 });
  libc.errnos = [noSpace];
  const error = await assertRejects(() => engine.allocate(file, 1 << 20), IoError);
  assertEquals([error.code, error.operation, error.offset], ["ENOSPC", "allocate", 1 << 20]);
  assertEquals(await engine.size(file), 4 * 4096);
});

test("ThreadsEngine.truncate() succeeds when only its repetition does", async ({ libc, engine, file }) => {
  libc.replace({ ftruncateAsync: fails32 });
  await engine.truncate(file, 4096);
  assertEquals(await engine.size(file), 4096);
});
