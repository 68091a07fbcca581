/** Streams in and out of a file: memory stays what it is, however long they are. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DirectFile } from "../../src/direct/mod.ts";
import { drain } from "../../src/sim/mod.ts";
import { bytesOf, DirectFixture, isSame } from "./fixture.ts";

const MiB = 1024 * 1024;

/** A stream of so many chunks, and how many were asked for. */
function counted(chunks: number, length: number) {
  const state = { pulled: 0 };
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (state.pulled === chunks) return controller.close();
      controller.enqueue(bytesOf(length, state.pulled++));
    },
  }, { highWaterMark: 0 });
  return { state, stream };
}

for (const length of [4096, 100_000, MiB, 5 * MiB]) {
  Deno.test(`DirectFile.writable() takes a stream no faster than the disk does, in chunks of ${length}`, async () => {
    const t = DirectFixture.make(), file = await t.open();
    const chunks = Math.ceil(32 * MiB / length), { state, stream } = counted(chunks, length);
    t.engine.hold = true;
    const piping = stream.pipeTo(file.writable());
    let most = 0, written = 0;
    while (state.pulled < chunks || t.engine.inFlight.length > 0) {
      await drain();
      most = Math.max(most, state.pulled * length - written);
      const [first] = t.engine.inFlight;
      if (first === undefined) break;
      written += first.length;
      await first.finish();
    }
    t.engine.hold = false;
    await piping;
    // Buffers, a queue of 4 MiB, and a chunk on the way.
    assert(most <= 5 * MiB + 4 * MiB + 3 * length, `${most} bytes were held`);
    assertEquals([file.length, file.durableLength], [chunks * length, chunks * length]);
    const last = await file.readAt((chunks - 1) * length, length);
    assert(isSame(last, bytesOf(length, chunks - 1)));
    await file.close();
  });
}

Deno.test("DirectFile.writable() holds no more memory for a gigabyte than for a part of it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    await using file = await DirectFile.open(`${directory}/file`);
    const chunk = bytesOf(MiB), early: number[] = [], late: number[] = [];
    let pulled = 0;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (pulled++ === 1024) return controller.close();
        if (pulled % 16 === 0) (pulled <= 256 ? early : late).push(Deno.memoryUsage().rss);
        controller.enqueue(chunk);
      },
    });
    await source.pipeTo(file.writable());
    assertEquals(file.durableLength, 1024 * MiB);
    const growth = Math.max(...late) - Math.max(...early);
    assert(growth < 32 * MiB, `${growth} bytes more`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("DirectFile.writable() that is aborted leaves what was appended, and the file goes on", async () => {
  const t = DirectFixture.make(), file = await t.open();
  const writer = file.writable().getWriter();
  await writer.write(bytesOf(100));
  await writer.abort(new Error("enough"));
  await assertRejects(() => writer.write(bytesOf(1)), Error, "enough");
  assertEquals([file.length, file.durableLength], [100, 0]);
  await file.append(bytesOf(10));
  await file.close();
  assertEquals(t.contents().length, 110);
});

Deno.test("DirectFile.writable() refuses what are no bytes, in the stream", async () => {
  const t = DirectFixture.make();
  for (const wrong of ["text", undefined, null, 5, new ArrayBuffer(4), [1]]) {
    const file = await t.open(), writer = file.writable().getWriter();
    await assertRejects(
      () => writer.write(wrong as unknown as Uint8Array),
      TypeError,
      "expected a Uint8Array",
    );
    await assertRejects(() => writer.closed, TypeError);
    await file.close();
  }
  assertEquals(t.contents().length, 0);
});

Deno.test("DirectFile.readable() reads on no faster than it is taken, also from what is not written yet", async () => {
  const t = DirectFixture.make(), file = await t.open();
  await file.append(bytesOf(12 * MiB));
  await file.append(bytesOf(100, 2));
  const reader = file.readable().getReader();
  let at = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const expected = bytesOf(12 * MiB).subarray(at, at + read.value.length);
    if (at < 12 * MiB) assert(isSame(read.value, expected));
    at += read.value.length;
    await drain();
  }
  assertEquals(at, 12 * MiB + 100);
  await file.close();
});
