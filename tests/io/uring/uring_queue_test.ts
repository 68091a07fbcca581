/** What becomes of transfers when a kernel cuts, refuses, doubles or mixes them up. */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Answers, AssertionError, IoError } from "../../../src/base/mod.ts";
import type { Transfer } from "../../../src/io/engine.ts";
import { Libc, openLibc } from "../../../src/io/posix/libc.ts";
import { LibcFiles } from "../../../src/io/posix/libc_files.ts";
import { uringDurableWrite } from "../../../src/io/uring/uring_abi.ts";
import { UringQueue } from "../../../src/io/uring/uring_queue.ts";
import { UringRing } from "../../../src/io/uring/uring_ring.ts";
import { openUringRing } from "../../../src/io/uring/uring_setup.ts";
import { type Completion, FakeKernel } from "./uring_fake_kernel.ts";

const [interrupted, ioFailed, tryAgain, invalid, badFile] = [4, 5, 11, 22, 9];
const [fsync, read, write] = [3, 22, 23];
const libc = openLibc();
const ignore = !(libc instanceof Libc);
if (libc instanceof Libc) libc[Symbol.dispose]();

/** A queue over a kernel that keeps one file of 64 KiB whose every byte says where it is. */
class Fixture implements AsyncDisposable {
  readonly kernel = new FakeKernel();
  readonly #queue: UringQueue;

  constructor(depth = 128) {
    this.kernel.contents = Uint8Array.from({ length: 65536 }, (_, i) => i * 7 + (i >> 8));
    const ring = openUringRing(this.kernel, this.kernel.syscalls());
    assert(ring instanceof UringRing);
    this.#queue = new UringQueue(new LibcFiles(this.kernel), ring, depth);
  }

  transfer(offset: number, byteLength: number, direct = true): Transfer {
    const bytes = new Uint8Array(byteLength);
    return { file: this.kernel.file(direct), offset, bytes, done: 0, error: undefined };
  }

  run(opcode: number, ...transfers: Transfer[]): Promise<void> {
    return this.runWith(0, opcode, ...transfers);
  }

  runWith(opFlags: number, opcode: number, ...transfers: Transfer[]): Promise<void> {
    const operation = opcode === read ? "read" : opcode === write ? "write" : "sync";
    return new Promise((finish) =>
      this.#queue.submit({
        opcode,
        opFlags,
        operation,
        transfers,
        finish,
        next: 0,
        left: transfers.length,
      })
    );
  }

  /** What came in answer, for who looks before the queue is told. */
  get answers(): Answers {
    return this.#queue;
  }

  assertRead(transfer: Transfer, done = transfer.bytes.length): void {
    assertEquals(transfer.error, undefined);
    assertEquals(transfer.done, done);
    const expected = this.kernel.contents.slice(transfer.offset, transfer.offset + done);
    assertEquals(transfer.bytes.slice(0, done), expected);
  }

  /** The lengths of the entries that the kernel took. */
  lengths(): number[] {
    return this.kernel.taken.map((entry) => entry.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
    assertEquals(this.kernel.open, 0);
    this.kernel[Symbol.dispose]();
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `UringQueue ${name}`, ignore, fn });
}

test("goes on from whole blocks after a short direct transfer", async () => {
  await using f = new Fixture();
  const cuts = [5000, 8192, 4097];
  f.kernel.answer = () => cuts.shift();
  const transfer = f.transfer(4096, 20480);
  await f.run(read, transfer);
  f.assertRead(transfer);
  assertEquals(f.lengths(), [20480, 16384, 8192, 4096]);
});

test("goes on from the byte after a short buffered transfer", async () => {
  await using f = new Fixture();
  const cuts = [5000, 1];
  f.kernel.answer = () => cuts.shift();
  const transfer = f.transfer(10, 6000, false);
  await f.run(read, transfer);
  f.assertRead(transfer);
  assertEquals(f.lengths(), [6000, 1000, 999]);
});

test("writes all of a transfer that is cut", async () => {
  await using f = new Fixture();
  const cuts = [4100, 4096];
  f.kernel.answer = () => cuts.shift();
  const transfer = f.transfer(8192, 16384);
  transfer.bytes.forEach((_, i, bytes) => bytes[i] = i % 251);
  await f.run(write, transfer);
  f.assertRead(transfer);
  assertEquals(f.lengths(), [16384, 12288, 8192]);
});

test("reads to the end of the file and asks no more", async () => {
  await using f = new Fixture();
  f.kernel.contents = f.kernel.contents.subarray(0, 10000);
  const [across, behind] = [f.transfer(4096, 16384), f.transfer(12288, 4096)];
  await f.run(read, across, behind);
  f.assertRead(across, 5904);
  f.assertRead(behind, 0);
  assertEquals(f.lengths(), [16384, 4096]);
});

test("fails a write that moves nothing", async () => {
  await using f = new Fixture();
  f.kernel.answer = () => 0;
  const transfer = f.transfer(0, 4096);
  await f.run(write, transfer);
  assertInstanceOf(transfer.error, IoError);
  assertEquals(transfer.error.code, "EUNKNOWN");
});

test("tries again what failed for a passing reason, on a kernel thread", async () => {
  await using f = new Fixture();
  const answers = [-tryAgain, -interrupted];
  f.kernel.answer = () => answers.shift();
  const transfer = f.transfer(0, 4096);
  await f.run(read, transfer);
  f.assertRead(transfer);
  assertEquals(f.kernel.taken.map((entry) => entry.flags), [0, 16, 16]);
});

test("gives up on an entry that is always to be tried again", async () => {
  await using f = new Fixture();
  f.kernel.answer = () => -tryAgain;
  const transfer = f.transfer(4096, 4096);
  await f.run(read, transfer);
  assertInstanceOf(transfer.error, IoError);
  assertEquals(transfer.error.code, "EAGAIN");
});

test("fails one transfer with errno, operation, file and offset, and not its neighbours", async () => {
  await using f = new Fixture();
  f.kernel.answer = (entry) => entry.offset === 8192 ? -ioFailed : undefined;
  const transfers = [f.transfer(4096, 4096), f.transfer(8192, 4096)];
  await f.run(read, ...transfers);
  f.assertRead(transfers[0]);
  assertEquals(transfers.slice(1).map(({ error }) => error?.message), [
    'Cannot read "/fake/file" at offset 8192: EIO',
  ]);
});

test("fails memory that the runtime may move or take away", async () => {
  await using f = new Fixture();
  const [shared, resizable] = [f.transfer(0, 0), f.transfer(0, 0)];
  shared.bytes = new Uint8Array(new SharedArrayBuffer(4096));
  resizable.bytes = new Uint8Array(new ArrayBuffer(4096, { maxByteLength: 8192 }));
  await f.run(read, shared, resizable);
  for (const { error } of [shared, resizable]) assertInstanceOf(error?.cause, TypeError);
  assertEquals(f.kernel.taken, []);
});

test("submits in a few enters what one turn queued, and keeps to its depth", async () => {
  await using f = new Fixture(16);
  const batches = Array.from(
    { length: 4 },
    (_, i) => [f.transfer(i * 8192, 4096), f.transfer(i * 8192, 8192)],
  );
  await Promise.all(batches.map((batch) => f.run(read, ...batch)));
  assertEquals(f.kernel.enters, [8]);
  const many = Array.from({ length: 200 }, (_, i) => f.transfer(i % 16 * 4096, 4096));
  await f.run(read, ...many);
  many.forEach((transfer) => f.assertRead(transfer));
  assertEquals(Math.max(...f.kernel.enters), 8);
  assert(f.kernel.taken.every((entry) => entry.low < 16));
});

test("lets the event loop turn during reads that are awaited one by one", async () => {
  await using f = new Fixture();
  const turns = { count: 0, done: false };
  const turn = () => {
    turns.count++;
    if (!turns.done) setImmediate(turn);
  };
  setImmediate(turn);
  for (let i = 0; i < 340; i++) await f.run(read, f.transfer(0, 4096));
  turns.done = true;
  assert(turns.count >= 340 / 17, `${turns.count} turns`);
});

test("gives what the kernel has completed to whoever takes it, before a wait has ended", async () => {
  await using f = new Fixture();
  const held: Completion[] = [];
  f.kernel.deliver = (one) => {
    held.push(one);
    return [];
  };
  const large = f.transfer(0, 65536);
  const done = { read: false };
  const reading = f.run(read, large).then(() => done.read = true);
  await Promise.resolve();
  assertEquals([f.kernel.taken.length, f.answers.has()], [1, false]);
  f.kernel.post(held[0]);
  assertEquals([f.answers.has(), done.read], [true, false]);
  f.answers.take();
  await Promise.resolve();
  assertEquals([f.answers.has(), done.read], [false, true]);
  await reading;
  f.assertRead(large);
});

test("looks for a small read in the turn that submits it while a large write is in flight", async () => {
  await using f = new Fixture();
  const held: Completion[] = [], [large, small] = [f.transfer(0, 65536), f.transfer(4096, 4096)];
  f.kernel.deliver = (one) => {
    held.push(one);
    return [];
  };
  const writing = f.run(write, large);
  await Promise.resolve();
  f.kernel.deliver = (one) => [one];
  const turn = { over: false };
  setImmediate(() => turn.over = true);
  await f.run(read, small);
  assertEquals([turn.over, large.done], [false, 0]);
  f.kernel.post(held[0]);
  await writing;
  assertEquals(large.done, 65536);
});

test("waits in the kernel for a small durable write, in the turn that submits it", async () => {
  await using f = new Fixture();
  await f.run(write, f.transfer(0, 4096));
  assertEquals(f.kernel.blocks, []);
  const held: Completion[] = [], turn = { over: false };
  f.kernel.deliver = (one) => {
    held.push(one);
    return [];
  };
  f.kernel.meanwhile = () => held.splice(0).forEach((one) => f.kernel.post(one));
  setImmediate(() => turn.over = true);
  const transfer = f.transfer(0, 4096);
  await f.runWith(uringDurableWrite, write, transfer);
  assertEquals([transfer.done, turn.over, f.kernel.blocks], [4096, false, [1]]);
});

test("submits again what enter did not take", async () => {
  await using f = new Fixture();
  f.kernel.enterAnswers = [-interrupted, -tryAgain, -16, 0];
  const transfer = f.transfer(0, 4096);
  await f.run(read, transfer);
  f.assertRead(transfer);
});

test("fails everything when enter is refused for good", async () => {
  await using f = new Fixture();
  f.kernel.enterAnswers = [-badFile];
  const [now, later] = [f.transfer(0, 4096), f.transfer(0, 4096)];
  await f.run(read, now);
  await f.run(read, later);
  for (const { error } of [now, later]) assertEquals(error?.message, 'Cannot submit to "io_uring": EBADF');
});

const confusions: Record<string, (f: Fixture) => void> = {
  "comes twice": (f) => f.kernel.deliver = (one) => [one, one],
  "is an earlier one's": (f) => {
    const { low, high, length } = f.kernel.taken[0];
    f.kernel.deliver = () => [{ low, high, result: length }];
  },
  "is of a slot that nobody has": (f) => f.kernel.deliver = (one) => [{ ...one, low: 77 }],
  "is of no slot": (f) => f.kernel.deliver = (one) => [{ ...one, low: 128 }],
};

for (const [what, confuse] of Object.entries(confusions)) {
  test(`fails everything, as its own bug, when a completion ${what}`, async () => {
    await using f = new Fixture();
    const first = f.transfer(0, 4096);
    await f.run(read, first);
    f.assertRead(first);
    confuse(f);
    await f.run(read, f.transfer(0, 4096));
    const last = f.transfer(0, 4096);
    await f.run(read, last);
    assertInstanceOf(last.error?.cause, AssertionError);
  });
}

test("finishes an operation without bytes, whatever number it answers", async () => {
  await using f = new Fixture();
  const [good, bad] = [f.transfer(0, 0), f.transfer(0, 0)];
  await f.run(fsync, good);
  f.kernel.answer = () => -invalid;
  await f.run(fsync, bad);
  assertEquals([good.error?.message, bad.error?.message], [undefined, 'Cannot sync "/fake/file": EINVAL']);
});
