import { assert, assertEquals, assertThrows } from "@std/assert";
import { PoisonedError } from "../../../src/base/mod.ts";
import { planZeros, type Standing } from "../../../src/io/stream/write_ahead.ts";
import { drain } from "../../../src/sim/mod.ts";
import { Random, seeds } from "../../random.ts";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";

const KiB = 1024;

/** A writer with room that is reserved for it. */
async function reserved(options: Parameters<typeof WriterFixture.make>[0] = {}): Promise<WriterFixture> {
  const t = await WriterFixture.make({ bufferBytes: 512 * block, reserved: () => 1024 * block, ...options });
  await t.engine.allocate(t.file, 1024 * block);
  t.engine.takeLog();
  return t;
}

/** Appends so many bytes and writes them by a durable write that goes on its way at once. */
async function commit(t: WriterFixture, bytes = block): Promise<void> {
  t.append(bytes);
  const flushed = t.writer.flushDurably(t.writer.position);
  assert(flushed !== undefined, "a durable write was issued");
  await flushed;
}

async function commits(t: WriterFixture, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await commit(t);
  await drain();
}

/** Writes that are not durable: here nothing but zeros is written so. */
function zerosOf(t: WriterFixture): string[] {
  return t.engine.takeLog().filter((line) => line.startsWith("write") && !line.endsWith("durable"));
}

const plans: readonly [words: string, standing: Standing, most: number, expected: string][] = [
  ["before a row of small writes", { row: 12 * KiB, position: 16 * KiB, end: 0, reserved: 1e9 }, 1e9, "none"],
  [
    "for a row that is not longer than the lead",
    { row: 16 * KiB, position: 20 * KiB, end: 0, reserved: 1e9 },
    1e9,
    "none",
  ],
  [
    "for a row that is longer, behind the lead",
    { row: 20 * KiB, position: 24 * KiB, end: 0, reserved: 1e9 },
    1e9,
    "40-44",
  ],
  [
    "behind those that are there",
    { row: 40 * KiB, position: 60 * KiB, end: 68 * KiB, reserved: 1e9 },
    1e9,
    "68-100",
  ],
  [
    "while a quarter of what is wanted is ahead",
    { row: 40 * KiB, position: 60 * KiB, end: 72 * KiB, reserved: 1e9 },
    1e9,
    "none",
  ],
  [
    "for a long row, never more than 1 MiB ahead",
    { row: 9000 * KiB, position: 9000 * KiB, end: 9004 * KiB, reserved: 1e9 },
    1e9,
    "9004-10024",
  ],
  [
    "at most what memory holds",
    { row: 9000 * KiB, position: 9000 * KiB, end: 9004 * KiB, reserved: 1e9 },
    64 * KiB,
    "9004-9068",
  ],
  [
    "within reserved room",
    { row: 900 * KiB, position: 900 * KiB, end: 0, reserved: 999 * KiB },
    1e9,
    "916-996",
  ],
  ["where none is left", { row: 900 * KiB, position: 900 * KiB, end: 0, reserved: 910 * KiB }, 1e9, "none"],
  ["where none is reserved", { row: 900 * KiB, position: 900 * KiB, end: 0, reserved: 0 }, 1e9, "none"],
  [
    "behind a block that is not full",
    { row: 64 * KiB, position: 70 * KiB, end: 0, reserved: 1e9 },
    1e9,
    "88-136",
  ],
];

for (const [words, standing, most, expected] of plans) {
  Deno.test(`planZeros() ${words} plans ${expected}`, () => {
    const range = planZeros(standing, most);
    assertEquals(range === undefined ? "none" : `${range.start / KiB}-${range.end / KiB}`, expected);
  });
}

Deno.test("planZeros() writes each block once, and no more than small writes brought twice over", () => {
  for (const seed of seeds("plan zeros", 20)) {
    const random = new Random(seed);
    let row = 0, position = 0, end = 0, zeros = 0, small = 0;
    for (let i = 0; i < 400; i++) {
      const isSmall = !random.once(9), bytes = (1 + random.below(4)) * block;
      position += bytes;
      row = isSmall ? row + bytes : 0;
      if (!isSmall) continue;
      small += bytes;
      const range = planZeros({ row, position, end, reserved: 1e9 }, 1e9);
      if (range === undefined) continue;
      assert(range.start >= Math.max(end, position), "A1, A2: behind what was appended, and no block twice");
      assert(range.end - position <= Math.min(row, 1024 * KiB), "A2: no further ahead than the row is long");
      zeros += range.end - range.start;
      end = range.end;
    }
    assert(zeros > 0 && zeros <= 2 * small, `${zeros} zeros for ${small} bytes`);
  }
});

Deno.test("BufferedWriter writes zeros ahead of small durable writes that come one after another", async () => {
  const t = await reserved();
  await commits(t, 10);
  assertEquals(zerosOf(t), ["write 36864+4096", "write 40960+32768"]);
  await commits(t, 400);
  const zeros = zerosOf(t).map((line) => line.replace("write ", "").split("+").map(Number));
  assert(zeros.length > 5);
  zeros.reduce(
    (end, [start, length]) => (assertEquals(start, end, "no gap, no block twice"), start + length),
    73728,
  );
  assertEquals(
    zeros.at(-1),
    [340 * block, 193 * block],
    "when less than a quarter of what is wanted is ahead",
  );
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter writes no zeros where no room is reserved, or the load is not small syncs", async () => {
  const none = await reserved({ reserved: () => 0 });
  await commits(none, 40);
  assertEquals(zerosOf(none), []);
  await none.writer.close({ tail: "abandon" });
  const large = await reserved();
  for (let i = 0; i < 40; i++) await commit(large, 5 * block);
  assertEquals(zerosOf(large), []);
  await large.writer.close({ tail: "abandon" });
  const mixed = await reserved();
  for (let i = 0; i < 40; i++) {
    await commits(mixed, 4);
    mixed.append(block);
    await mixed.writer.flushTo(mixed.writer.position);
  }
  assertEquals(zerosOf(mixed).length, 40, "what was appended and nothing else");
  await mixed.writer.close({ tail: "truncate" });
  mixed.checkFile();
});

Deno.test("BufferedWriter goes on without zeros where there is no memory for them", async () => {
  const t = await reserved(), { pool } = t;
  await commit(t, block);
  pool.takeNow = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  await commits(t, 40);
  assertEquals(zerosOf(t), []);
  assertEquals(t.health.state, "open");
  t.append(10);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

/** A writer with zeros in flight from `start` on: five small durable writes have come before. */
async function withZerosInFlight(): Promise<{ t: WriterFixture; start: number }> {
  const t = await reserved();
  await commits(t, 4);
  t.engine.hold = true;
  const fifth = commit(t);
  await drain();
  await t.at(4 * block).finish();
  await fifth;
  assertEquals(t.offsets, [9 * block]);
  return { t, start: 9 * block };
}

Deno.test("BufferedWriter goes on beside zeros in flight, and over them only when they have landed", async () => {
  const { t, start } = await withZerosInFlight();
  for (let offset = 5 * block; offset < start; offset += block) {
    assertEquals(t.writer.zerosBefore(offset + block), undefined);
    const beside = commit(t);
    await drain();
    await t.at(offset).finish();
    await beside;
  }
  t.append(block);
  const landed = t.writer.zerosBefore(start + block);
  assert(landed !== undefined, "zeros are in the way");
  assertEquals(t.writer.flushDurably(start + block), undefined);
  const plain = t.writer.flushTo(start + block);
  await drain();
  assertEquals(t.offsets, [start], "nothing is issued over zeros in flight");
  await t.at(start).start();
  await drain();
  assertEquals(t.offsets, [start]);
  await t.at(start).finish();
  await landed;
  assertEquals(t.offsets, [start], "the plain write, at the same place");
  await t.engine.finishAll();
  await plain;
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter writes zeros behind all that was appended when they are issued", async () => {
  const t = await reserved();
  await commits(t, 4);
  t.engine.hold = true;
  const fifth = commit(t);
  t.append(6 * block + 100);
  await drain();
  await t.at(4 * block).finish();
  await fifth;
  assertEquals(t.offsets, [16 * block], "four blocks behind the 12th, in which the last bytes stand");
  await t.engine.finishAll();
  await t.writer.flushTail();
  t.checkReadable();
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter.flushTail() waits for zeros in flight", async () => {
  const { t, start } = await withZerosInFlight();
  t.append(4 * block + 100);
  const tail = t.writer.flushTail();
  await drain();
  await t.at(5 * block).finish();
  assertEquals(t.offsets, [start]);
  await t.at(start).finish();
  assertEquals(t.offsets, [start], "the tail");
  await t.engine.finishAll();
  await tail;
  const contents = t.disk.contents("/file");
  assertEquals(contents.subarray(0, t.model.length), t.model);
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});

for (const mode of ["abandon", "truncate"] as const) {
  Deno.test(`BufferedWriter.close() with "${mode}" waits for zeros in flight`, async () => {
    const { t, start } = await withZerosInFlight();
    let isClosed = false;
    const closing = t.writer.close({ tail: mode }).then(() => isClosed = true);
    await drain();
    assertEquals([t.offsets, isClosed], [[start], false]);
    await t.engine.finishAll();
    await closing;
    if (mode === "truncate") t.checkFile();
    t.checkReleased();
  });
}

Deno.test("BufferedWriter.stopAhead() waits for zeros in flight, and no more are written", async () => {
  const { t } = await withZerosInFlight();
  let isStopped = false;
  const stopping = t.writer.stopAhead().then(() => isStopped = true);
  await drain();
  assertEquals(isStopped, false);
  await t.engine.finishAll();
  await stopping;
  t.engine.takeLog();
  await commits(t, 100);
  assertEquals(zerosOf(t), []);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
});

Deno.test("BufferedWriter refuses nobody for want of room for zeros, and writes no more of them", async () => {
  const { t, start } = await withZerosInFlight();
  await t.at(start).fail("ENOSPC");
  assertEquals(t.health.state, "open");
  await t.engine.finishAll();
  t.engine.takeLog();
  await commits(t, 100);
  assertEquals(zerosOf(t), []);
  await t.writer.close({ tail: "truncate" });
  t.checkFile();
  t.checkReleased();
});

Deno.test("BufferedWriter is poisoned by zeros that fail otherwise", async () => {
  const { t, start } = await withZerosInFlight();
  await t.at(start).fail("EIO");
  assertEquals(t.health.state, "poisoned");
  assertThrows(() => t.writer.append(t.bytes(block)), PoisonedError, "EIO");
  t.checkReadable();
  await t.writer.close({ tail: "abandon" });
  t.checkReleased();
});
