/** The engine `uring` as a whole: where it cannot be had, under load, and on its way out. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import type { IoEngine, IoFile, Transfer } from "../../../src/io/engine.ts";
import { Libc, openLibc } from "../../../src/io/posix/libc.ts";
import { openUringEngine } from "../../../src/io/uring/uring_engine.ts";
import { soakUring } from "../../soak/uring_soak.ts";
import { FakeKernel } from "./uring_fake_kernel.ts";

const ignore = await isMissing();
const blockBytes = 4096;

async function isMissing(): Promise<boolean> {
  const libc = openLibc();
  if (!(libc instanceof Libc)) return true;
  const engine = await openUringEngine(libc);
  const isMissing = "reason" in engine;
  if (isMissing) libc[Symbol.dispose]();
  else await engine.shutdown();
  return isMissing;
}

async function openEngine(): Promise<IoEngine> {
  const libc = openLibc();
  assert(libc instanceof Libc);
  const engine = await openUringEngine(libc);
  assert(!("reason" in engine));
  return engine;
}

/** Runs `body` with a file of `blocks` blocks, each of which says which it is. */
async function withBlocks(
  blocks: number,
  body: (engine: IoEngine, file: IoFile) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  const engine = await openEngine();
  try {
    const file = await engine.open(`${directory}/bytes`, { access: "write", direct: true, create: true });
    const bytes = engine.allocateMemory(blocks * blockBytes);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    words.forEach((_, i) => words[i] = i >> 10);
    await engine.write([transferOf(file, 0, bytes)]);
    await body(engine, file);
  } finally {
    await engine.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

function transferOf(file: IoFile, offset: number, bytes: Uint8Array): Transfer {
  return { file, offset, bytes, done: -1, error: undefined };
}

function assertDelivered(transfer: Transfer): void {
  assertEquals(transfer.error, undefined);
  assertEquals(transfer.done, transfer.bytes.length);
  const { buffer, byteOffset, length } = transfer.bytes;
  const words = new Uint32Array(buffer, byteOffset, length / 4);
  const first = transfer.offset / blockBytes;
  assert(words.every((word, i) => word === first + (i >> 10)), `block ${first} holds something else`);
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

const obstacles: Record<string, { set: (kernel: FakeKernel) => void; reason: string }> = {
  "setup answers EPERM": {
    set: (kernel) => kernel.setupAnswer = -1,
    reason: "io_uring is forbidden by the system's settings or a container's filter: EPERM",
  },
  "setup answers ENOSYS": {
    set: (kernel) => kernel.setupAnswer = -38,
    reason: "io_uring is not in this kernel, or hidden by a container's filter: ENOSYS",
  },
  "setup answers EINVAL": {
    set: (kernel) => kernel.setupAnswer = -22,
    reason: "io_uring in plain memory needs Linux 6.6: EINVAL",
  },
  "setup answers ENOMEM": {
    set: (kernel) => kernel.setupAnswer = -12,
    reason: "io_uring got no memory: ENOMEM",
  },
  "setup answers EMFILE": {
    set: (kernel) => kernel.setupAnswer = -24,
    reason: "io_uring cannot be set up: EMFILE",
  },
  "completions may be lost": {
    set: (kernel) => kernel.features = 0x100,
    reason: "io_uring may lose completions here: no NODROP",
  },
  "waits have no bound": {
    set: (kernel) => kernel.features = 0x2,
    reason: "io_uring cannot bound a wait here: no EXT_ARG",
  },
  "register answers EACCES": {
    set: (kernel) => kernel.registerAnswer = -13,
    reason: "io_uring cannot be probed: EACCES",
  },
  "an opcode is missing": {
    set: (kernel) => kernel.opcodes = [0, 3, 22, 23],
    reason: "io_uring lacks opcode 17 here",
  },
  "enter answers EPERM": {
    set: (kernel) => kernel.enterAnswers = [-1],
    reason: "io_uring does not complete a NOP: EPERM",
  },
  "a NOP never comes back": {
    set: (kernel) => kernel.deliver = () => [],
    reason: "io_uring does not complete a NOP: nothing came back",
  },
  "a read fails": {
    set: (kernel) => kernel.answer = (entry) => entry.opcode === 22 ? -5 : undefined,
    reason: "io_uring does not complete a read: EIO",
  },
  "a read brings nothing": {
    set: (kernel) => kernel.contents = new Uint8Array(blockBytes),
    reason: "io_uring does not deliver what it read",
  },
};

for (const [what, { set, reason }] of Object.entries(obstacles)) {
  test(`openUringEngine() says why not when ${what}`, async () => {
    using kernel = new FakeKernel();
    kernel.symbols.open = () => 1_000_000;
    set(kernel);
    assertEquals(await openUringEngine(kernel, { syscalls: kernel.syscalls() }), { reason });
    assertEquals(kernel.open, 0);
  });
}

test("UringEngine delivers thousands of reads at once, each to its own memory", async () => {
  await withBlocks(2048, async (engine, file) => {
    const memory = engine.allocateMemory(6000 * blockBytes);
    const reads: Transfer[] = [];
    for (let at = 0; at < 6000;) {
      const blocks = Math.min(6000 - at, 1 + at % 5);
      const bytes = memory.subarray(at * blockBytes, (at + blocks) * blockBytes);
      reads.push(transferOf(file, Math.floor(Math.random() * (2048 - blocks)) * blockBytes, bytes));
      at += blocks;
    }
    const batches: Promise<void>[] = [];
    for (let i = 0; i < reads.length;) {
      const count = 1 + i % 97;
      batches.push(engine.read(reads.slice(i, i + count)));
      if (i % 3 === 0) batches.push(engine.datasync(file));
      i += count;
    }
    await Promise.all(batches);
    reads.forEach(assertDelivered);
  });
});

test("UringEngine.shutdown() waits for what is in flight and refuses what comes after", async () => {
  await withBlocks(1024, async (engine, file) => {
    const memory = engine.allocateMemory(1024 * blockBytes);
    const reads = Array.from(
      { length: 1024 },
      (_, i) => transferOf(file, i * blockBytes, memory.subarray(i * blockBytes, (i + 1) * blockBytes)),
    );
    const order: string[] = [];
    const inFlight = [engine.read(reads), engine.sync(file)].map((promise) =>
      promise.then(() => order.push("io"))
    );
    const shut = engine.shutdown().then(() => order.push("shutdown"));
    const late = transferOf(file, 0, memory.subarray(0, blockBytes));
    await engine.read([late]);
    assertInstanceOf(late.error, Deno.errors.BadResource);
    await assertRejects(() => engine.sync(file), Deno.errors.BadResource);
    await Promise.all([...inFlight, shut]);
    assertEquals(order, ["io", "io", "shutdown"]);
    reads.forEach(assertDelivered);
  });
});

test("UringEngine says which sync failed, and of what", async () => {
  const kernel = new FakeKernel();
  kernel.contents = Uint8Array.from({ length: blockBytes }, (_, i) => [0x7f, 0x45, 0x4c, 0x46][i] ?? 0);
  const path = await Deno.makeTempFile({ prefix: "varve_test_" });
  const engine = await openUringEngine(kernel, { syscalls: kernel.syscalls() });
  assert(!("reason" in engine));
  const file = await engine.open(path, { access: "write", direct: false });
  kernel.answer = () => -5;
  await assertRejects(() => engine.datasync(file), IoError, `Cannot datasync "${path}": EIO`);
  assertEquals(kernel.taken.at(-1)?.opFlags, 1);
  await assertRejects(() => engine.sync(file), IoError, `Cannot sync "${path}": EIO`);
  assertEquals(kernel.taken.at(-1)?.opFlags, 0);
  await Deno.remove(path);
  await engine.shutdown();
});

test("UringEngine.write() asks for durability with the write, and syncs nothing", async () => {
  const kernel = new FakeKernel();
  kernel.contents = Uint8Array.from({ length: blockBytes }, (_, i) => [0x7f, 0x45, 0x4c, 0x46][i] ?? 0);
  const path = await Deno.makeTempFile({ prefix: "varve_test_" });
  const engine = await openUringEngine(kernel, { syscalls: kernel.syscalls() });
  assert(!("reason" in engine));
  const file = await engine.open(path, { access: "write", direct: false });
  const cuts = [100];
  kernel.answer = () => cuts.shift();
  for (const durable of [true, false]) {
    kernel.taken.length = 0;
    const transfer = transferOf(file, 0, new Uint8Array(blockBytes));
    await engine.write([transfer], { durable });
    assertEquals([transfer.error, transfer.done], [undefined, blockBytes]);
    const expected = durable ? [[23, 2], [23, 2]] : [[23, 0]];
    assertEquals(kernel.taken.map(({ opcode, opFlags }) => [opcode, opFlags]), expected);
  }
  await Deno.remove(path);
  await engine.shutdown();
  assertEquals(kernel.open, 0, "the ring is closed");
});

test("UringEngine.allocate() extends the file where no room can be reserved", async () => {
  const kernel = new FakeKernel();
  kernel.contents = Uint8Array.from({ length: blockBytes }, (_, i) => [0x7f, 0x45, 0x4c, 0x46][i] ?? 0);
  const path = await Deno.makeTempFile({ prefix: "varve_test_" });
  const engine = await openUringEngine(kernel, { syscalls: kernel.syscalls() });
  assert(!("reason" in engine));
  const file = await engine.open(path, { access: "write", direct: false });
  kernel.answer = (entry) => entry.opcode === 17 ? -95 : undefined;
  assertEquals(await engine.allocate(file, 10_000), false);
  assertEquals((await Deno.stat(path)).size, 10_000);
  kernel.contents = new Uint8Array(10_000);
  await engine.allocate(file, 5_000);
  assertEquals((await Deno.stat(path)).size, 10_000);
  kernel.answer = () => -28;
  await assertRejects(() => engine.allocate(file, 20_000), IoError, `Cannot allocate "${path}": ENOSPC`);
  await Deno.remove(path);
  await engine.shutdown();
});

test("UringEngine survives two seconds of a soak", async () => {
  const report = await soakUring(2000, Math.floor(Math.random() * 1e9), 2);
  assert(report.transfers > 0 && report.engines > 1);
});
