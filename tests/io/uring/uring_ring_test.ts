/** The ring alone, on a kernel that is ours and on the machine's. */

import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Libc, type LibcCalls, openLibc } from "../../../src/io/posix/libc.ts";
import { UringRing } from "../../../src/io/uring/uring_ring.ts";
import { openUringRing } from "../../../src/io/uring/uring_setup.ts";
import { uringSyscalls } from "../../../src/io/uring/uring_syscalls.ts";
import { FakeKernel } from "./uring_fake_kernel.ts";

const ignore = !worksHere();

function worksHere(): boolean {
  const real = openRealRing();
  if ("reason" in real) return false;
  real.ring.close();
  real.libc[Symbol.dispose]();
  return true;
}

function openRealRing(): { ring: UringRing; libc: Libc } | { reason: string } {
  const libc = openLibc();
  if (!(libc instanceof Libc)) return libc;
  const syscalls = uringSyscalls(libc);
  const ring = "reason" in syscalls
    ? syscalls
    : openUringRing(libc, syscalls, { sqEntries: 8, cqEntries: 8 });
  if (ring instanceof UringRing) return { ring, libc };
  libc[Symbol.dispose]();
  return ring;
}

function fakeRing(kernel: FakeKernel): UringRing {
  const ring = openUringRing(kernel, kernel.syscalls(), { sqEntries: 8, cqEntries: 8 });
  assert(ring instanceof UringRing);
  return ring;
}

function prepareNop(ring: UringRing, low: number, high = 0): void {
  ring.prepare(0, -1, 0, 0, 0, 0, low, high);
}

function reaped(ring: UringRing): number[] {
  const lows: number[] = [];
  assertEquals(ring.reap((low) => lows.push(low)), lows.length);
  return lows;
}

for (const firstIndex of [0, 0x7ffffffd, 0xfffffffd | 0]) {
  Deno.test({
    name: `UringRing goes round and round from index ${firstIndex >>> 0}`,
    ignore,
    fn() {
      using kernel = new FakeKernel();
      kernel.firstIndex = firstIndex;
      const ring = fakeRing(kernel);
      for (let round = 0; round < 50; round++) {
        const count = 1 + round % 8;
        assertEquals(ring.room, 8);
        for (let i = 0; i < count; i++) prepareNop(ring, round * 8 + i);
        assertEquals(ring.unsubmitted, count);
        assertEquals(ring.submit(), 0);
        assertEquals(ring.unsubmitted, 0);
        assertEquals(reaped(ring), Array.from({ length: count }, (_, i) => round * 8 + i));
      }
      ring.close();
    },
  });
}

Deno.test({
  name: "UringRing.prepare() writes every field where the kernel reads it",
  ignore,
  fn() {
    using kernel = new FakeKernel();
    const ring = fakeRing(kernel);
    ring.prepare(3 | 16 << 8, 9, 2 ** 41 + 5, 2 ** 46 + 7, 2 ** 31, 1, 2 ** 32 - 1, 2 ** 32 - 2);
    ring.submit();
    assertEquals(kernel.taken, [{
      opcode: 3,
      flags: 16,
      fd: 9,
      offset: 2 ** 41 + 5,
      address: 2 ** 46 + 7,
      length: 2 ** 31,
      opFlags: 1,
      low: 2 ** 32 - 1,
      high: 2 ** 32 - 2,
    }]);
    assertEquals(reaped(ring), [2 ** 32 - 1]);
    ring.close();
  },
});

Deno.test({
  name: "UringRing.submit() enters again after EINTR and says what else went wrong",
  ignore,
  fn() {
    using kernel = new FakeKernel();
    const ring = fakeRing(kernel);
    prepareNop(ring, 1);
    kernel.enterAnswers = [-4, -4, -16];
    assertEquals(ring.submit(), 16);
    assertEquals(ring.unsubmitted, 1);
    assertEquals(ring.submit(), 0);
    assertEquals(reaped(ring), [1]);
    ring.close();
  },
});

Deno.test({
  name: "UringRing.reap() takes what overflowed, on a kernel of ours and on the machine's",
  ignore,
  async fn() {
    using kernel = new FakeKernel();
    const real = openRealRing();
    assert("ring" in real);
    for (const ring of [fakeRing(kernel), real.ring]) {
      for (let i = 0; i < 32; i++) {
        prepareNop(ring, i);
        ring.submit();
      }
      assertEquals(reaped(ring), Array.from({ length: 32 }, (_, i) => i));
      prepareNop(ring, 99);
      ring.submit();
      assert(await ring.wait(900));
      assertEquals(reaped(ring), [99]);
      ring.close();
    }
    real.libc[Symbol.dispose]();
  },
});

Deno.test({
  name: "UringRing.reap() leaves a wait what it counts from, and half of the ring (U8)",
  ignore,
  async fn() {
    using kernel = new FakeKernel();
    const ring = fakeRing(kernel);
    for (let i = 0; i < 8; i++) prepareNop(ring, i);
    ring.submit();
    const waited = ring.wait(900);
    assertEquals([ring.hasCompletions, reaped(ring), ring.hasCompletions], [true, [0, 1, 2, 3], false]);
    assertEquals(reaped(ring), []);
    ring.block(1);
    assertEquals(kernel.blocks, [5], "four were taken of which the kernel is not told");
    assert(await waited, "the wait is for what was there");
    assertEquals([ring.hasCompletions, reaped(ring), ring.hasCompletions], [true, [4, 5, 6, 7], false]);
    assertEquals(await ring.wait(900), false);
    ring.close();
  },
});

Deno.test({
  name: "UringRing.wait() ends when its time is up, and the ring is still good",
  ignore,
  async fn() {
    const real = openRealRing();
    assert("ring" in real);
    assertEquals(await real.ring.wait(5), false);
    assertEquals(real.ring.check(), 0);
    real.ring.close();
    assertEquals(real.ring.check(), 9);
    real.libc[Symbol.dispose]();
  },
});

Deno.test({
  name: "UringRing.block() ends with a completion, or when its time is up",
  ignore,
  fn() {
    const real = openRealRing();
    assert("ring" in real);
    const { ring, libc } = real;
    ring.block(1);
    assertEquals(reaped(ring), []);
    prepareNop(ring, 7);
    ring.submit();
    ring.block(900);
    assertEquals(reaped(ring), [7]);
    ring.close();
    libc[Symbol.dispose]();
  },
});

/** A C library that tells whose address was asked for. */
function watched(libc: LibcCalls, addressOf: (bytes: Uint8Array<ArrayBuffer>) => number): LibcCalls {
  return {
    path: libc.path,
    symbols: libc.symbols,
    errno: () => libc.errno(),
    addressOf,
    [Symbol.dispose]() {},
  };
}

Deno.test({
  name: "UringRing.close() takes its memory from the kernel, which writes its indices later (U3)",
  ignore,
  async fn() {
    using libc = openLibc() as Libc;
    const syscalls = uringSyscalls(libc), memory: Uint8Array[] = [];
    assert("setup" in syscalls);
    for (let i = 0; i < 20; i++) {
      const buffers: ArrayBuffer[] = [];
      const own = watched(libc, (bytes) => {
        buffers.push(bytes.buffer);
        return libc.addressOf(bytes);
      });
      const ring = openUringRing(own, syscalls);
      assert(ring instanceof UringRing);
      prepareNop(ring, 7);
      ring.submit();
      assertEquals(reaped(ring), [7]);
      ring.close();
      // The first is that of the ring, which somebody else has now.
      memory.push(new Uint8Array(buffers[0]).fill(0xaa));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(memory.map((bytes) => bytes.findIndex((byte) => byte !== 0xaa)), new Array(20).fill(-1));
  },
});

Deno.test({
  name: "UringRing.close() keeps memory that the system does not take from the kernel (U3)",
  ignore,
  async fn() {
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    assert(typeof collect === "function");
    for (const isTaken of [false, true]) {
      using kernel = new FakeKernel();
      kernel.symbols.madvise = () => isTaken ? 0 : -1;
      const buffers: WeakRef<ArrayBuffer>[] = [];
      for (let i = 0; i < 8; i++) {
        const own = watched(kernel, (bytes) => {
          buffers.push(new WeakRef(bytes.buffer));
          return 65536;
        });
        const setup = (_entries: number, params: Uint8Array<ArrayBuffer>): number => {
          new DataView(params.buffer).setUint32(20, kernel.features, true);
          return 5;
        };
        const ring = openUringRing(own, { ...kernel.syscalls(), close: () => {}, setup });
        assert(ring instanceof UringRing);
        ring.close();
      }
      // A WeakRef holds what it refers to until the turn in which it was made is over.
      await new Promise((resolve) => setTimeout(resolve, 0));
      collect();
      const left = buffers.filter((buffer) => buffer.deref() !== undefined).length;
      // The last may still be in some register.
      if (isTaken) assert(left <= 1, `${left} are kept`);
      else assertEquals(left, 8);
    }
  },
});
