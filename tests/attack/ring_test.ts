/** A ring that fails as a whole, while the kernel may still write to what was in flight. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { BufferPool } from "../../src/io/memory/buffer_pool.ts";
import { Libc, openLibc } from "../../src/io/posix/libc.ts";
import { LibcFiles } from "../../src/io/posix/libc_files.ts";
import { UringQueue } from "../../src/io/uring/uring_queue.ts";
import { UringRing } from "../../src/io/uring/uring_ring.ts";
import { openUringRing } from "../../src/io/uring/uring_setup.ts";
import { FakeKernel } from "../io/uring/uring_fake_kernel.ts";

const read = 22, badFile = 9;
const libc = openLibc();
const ignore = !(libc instanceof Libc);
if (libc instanceof Libc) libc[Symbol.dispose]();

Deno.test({
  name: "BufferPool gives out no buffer again that was in flight when its ring failed as a whole",
  ignore,
  fn: async () => {
    const kernel = new FakeKernel();
    kernel.contents = new Uint8Array(65536);
    const ring = openUringRing(kernel, kernel.syscalls());
    assert(ring instanceof UringRing);
    const queue = new UringQueue(new LibcFiles(kernel), ring, 128);
    const pool = new BufferPool({
      allocateMemory: (byteLength) => new Uint8Array(byteLength),
      get isLost() {
        return queue.isLost;
      },
    }, { bufferBytes: 4096, budgetBytes: 4096 });
    const run = async () => {
      const buffer = await pool.take();
      const { bytes } = buffer;
      const transfer = { file: kernel.file(true), offset: 0, bytes, done: 0, error: undefined };
      await new Promise<void>((finish) =>
        queue.submit({
          opcode: read,
          opFlags: 0,
          operation: "read",
          transfers: [transfer],
          finish,
          next: 0,
          left: 1,
        })
      );
      buffer.release();
      return { bytes, error: transfer.error as Error | undefined };
    };
    const [first, second] = [await run(), await run()];
    assertStrictEquals(first.bytes, second.bytes);
    kernel.enterAnswers = [-badFile];
    const failed = await run();
    assertEquals([failed.error === undefined, queue.isLost], [false, true]);
    const next = await pool.take();
    assert(next.bytes !== failed.bytes);
    assertEquals(pool.heldBytes, 4096);
    await queue.close();
    kernel[Symbol.dispose]();
  },
});
