/** Appending, syncing, reading and reopening. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LockedError, type Log, type LogEntry } from "../../log.ts";
import { type IoEngine, systemHost } from "../../src/io/mod.ts";
import { openLogWith } from "../../src/log/mod.ts";
import { SimEngine } from "../../src/sim/mod.ts";
import {
  bytesOf,
  checkRecords,
  fill,
  isSame,
  payloadOf,
  SimLog,
  smallSegments,
  test,
  testEach,
} from "./log_fixture.ts";

const MiB = 1024 * 1024;

for (const tail of ["pad", "rewrite"] as const) {
  testEach(`Log appends, syncs, reads back and reopens, tail "${tail}"`, async ({ open }) => {
    for (const round of [0, 1, 2]) {
      await using log = await open({ ...smallSegments, tail });
      const start = round * 1000;
      assertEquals([log.firstOffset, log.nextOffset, log.durableOffset], [0, start, start]);
      await fill(log, start + 500);
      await checkRecords(log, 0, start + 500);
      assertEquals(await log.sync(), start + 500);
      assertEquals(log.durableOffset, start + 500);
      for (let i = 0; i < 20; i++) await log.append(payloadOf(start + 500 + i), { sync: true });
      await fill(log, start + 1000);
      for (const from of [0, 1, start + 499, start + 510, start + 999, start + 1000]) {
        await checkRecords(log, from, start + 1000);
        await checkRecords(log, from, Math.min(from + 7, start + 1000));
      }
    }
    await using log = await open({ readOnly: true });
    await checkRecords(log, 0, 3000);
  });
}

testEach("Log.append() takes one payload or several, of any length", async ({ open }) => {
  const lengths = [0, 1, 4095, 4096, 70_000, 0, 300_000, 3 * MiB, 5];
  const payloads = lengths.map((length, i) => bytesOf(length, i));
  {
    await using log = await open(smallSegments);
    assertEquals(await log.append([]), 0);
    assertEquals(await log.append(payloads), 0);
    assertEquals(await log.append(payloads[2]), 9);
    assertEquals(await log.append(payloads.slice(0, 2), { sync: true }), 10);
    assertEquals([log.nextOffset, log.durableOffset], [12, 12]);
  }
  await using log = await open(smallSegments);
  const expected = [...payloads, payloads[2], ...payloads.slice(0, 2)];
  const entries = await Array.fromAsync(log.readable());
  assertEquals(entries.map(({ offset }) => offset), expected.map((_, i) => i));
  entries.forEach(({ payload }, i) => assert(isSame(payload, expected[i]), `payload ${i}`));
});

test("Log takes a payload of 64 MiB, and reads it beside others", async ({ open }) => {
  const large = new Uint8Array(64 * MiB).map((_, i) => i * 7);
  const check = (entries: LogEntry[]) => {
    assertEquals(entries.map(({ payload }) => payload.length), [1, 64 * MiB, 1]);
    assert(entries[1].payload.every((byte, i) => byte === (i * 7 & 255)));
  };
  {
    await using log = await open();
    await log.append([new Uint8Array(1), large, new Uint8Array(1)]);
    check(await Array.fromAsync(log.readable()));
  }
  await using log = await open();
  check(await Array.fromAsync(log.readable()));
});

testEach(
  "Log.append() encodes before it returns: the payload may be changed, and what is read is the reader's",
  async ({ open }) => {
    await using log = await open();
    const payload = bytesOf(100);
    const appending = log.append(payload);
    payload.fill(0);
    await appending;
    const [first] = await Array.fromAsync(log.readable());
    assertEquals(first.payload, bytesOf(100));
    first.payload.fill(9);
    await log.sync();
    assertEquals((await Array.fromAsync(log.readable()))[0].payload, bytesOf(100));
  },
);

testEach(
  "Log.sync() is shared by all who ask at once, and covers what came before each",
  async ({ open }) => {
    await using log = await open(smallSegments);
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let i = 0; i < 25; i++) {
        const offset = await log.append(bytesOf(200, writer), { sync: true });
        assert(log.durableOffset > offset);
      }
    });
    await Promise.all(writers);
    assertEquals([log.nextOffset, log.durableOffset], [400, 400]);
  },
);

testEach(
  "Log.writable() takes payloads and arrays of them, and syncs when it is closed",
  async ({ open }) => {
    await using log = await open(smallSegments);
    const chunks = [payloadOf(0), [payloadOf(1), payloadOf(2)], [], payloadOf(3)];
    await ReadableStream.from(chunks).pipeTo(log.writable());
    assertEquals([log.nextOffset, log.durableOffset], [4, 4]);
    await checkRecords(log, 0, 4);
    const writer = log.writable({ sync: true }).getWriter();
    await writer.write(payloadOf(4));
    assertEquals(log.durableOffset, 5);
    await writer.close();
  },
);

testEach("Log rotates, seals in the background, and tells its segments", async ({ open }) => {
  {
    await using log = await open(smallSegments);
    await fill(log, 3000);
    const segments = log.segments();
    assert(segments.length >= 5, `${segments.length} segments`);
    assertEquals(segments[0].firstOffset, 0);
    assertEquals(segments.at(-1)?.nextOffset, 3000);
    segments.slice(1).forEach(({ firstOffset }, i) => assertEquals(firstOffset, segments[i].nextOffset));
    assertEquals(segments.at(-1)?.state, "open");
  }
  await using log = await open(smallSegments);
  assertEquals(log.segments().slice(0, -1).every(({ state }) => state === "sealed"), true);
  await checkRecords(log, 0, 3000);
});

testEach("Log.open() refuses a second writer, and lets readers in", async ({ open }) => {
  await using log = await open();
  await fill(log, 10);
  await log.sync();
  await assertRejects(() => open(), LockedError);
  await using reader = await open({ readOnly: true });
  await checkRecords(reader, 0, 10);
});

Deno.test("Log that was closed cleanly goes on in its segment, and writes nothing when nothing is appended", async () => {
  const t = new SimLog();
  await (await t.open()).close();
  for (let round = 1; round <= 3; round++) {
    const log = await t.open();
    await fill(log, round * 10);
    assertEquals(log.segments().length, 1);
    await log.close();
  }
  const [segment] = t.disk.paths().filter((path) => path.endsWith(".seg")), before = t.disk.contents(segment);
  const log = await t.open();
  await checkRecords(log, 0, 30);
  await log.close();
  assertEquals(t.disk.contents(segment), before);
  t.checkClosed();
});

testEach("Log.offsetAt() finds what was appended at a date and later", async ({ open }) => {
  const before = new Date();
  await using log = await open(smallSegments);
  assertEquals(await log.offsetAt(before), 0);
  await fill(log, 2000);
  assertEquals(await log.offsetAt(new Date(0)), 0);
  assertEquals(await log.offsetAt(before), 0);
  assertEquals(await log.offsetAt(new Date(Date.now() + 5000)), 2000);
});

testEach("Log.append() that syncs the first record of a segment waits for its file", async ({ open }) => {
  for (const tail of ["rewrite", "pad"] as const) {
    await using log = await open({ ...smallSegments, tail });
    const { nextOffset } = log;
    assertEquals(await log.append(payloadOf(nextOffset), { sync: true }), nextOffset);
    assertEquals(log.durableOffset, nextOffset + 1);
  }
});

Deno.test("Log.offsetAt() is exact to a second, over segments that are open, sealed and read again", async () => {
  const engine = new SimEngine(),
    clock = { ms: 1e12, now: () => clock.ms, monotonic: () => performance.now() };
  const hostOf = (own: IoEngine) => ({ ...systemHost(own), clock });
  const open = (readOnly = false) =>
    openLogWith(hostOf, "/store/log", { ...smallSegments, ioEngine: engine, readOnly });
  const log = await open(), seconds = 60, each = 40;
  for (let second = 0; second < seconds; second++) {
    await fill(log, (second + 1) * each);
    clock.ms += 1000;
  }
  const check = async (read: Log) => {
    for (let second = 0; second < seconds; second++) {
      for (const ms of [0, 1, 999]) {
        assertEquals(
          await read.offsetAt(new Date(1e12 + second * 1000 + ms)),
          second * each,
          `${second} s ${ms}`,
        );
      }
    }
    assertEquals(await read.offsetAt(new Date(1e12 - 1)), 0);
    assertEquals(await read.offsetAt(new Date(1e12 + seconds * 1000)), seconds * each);
  };
  await check(log);
  assert(log.segments().length > 3);
  await log.close();
  for (const readOnly of [false, true]) {
    const again = await open(readOnly);
    await check(again);
    await again.close();
  }
  assertEquals(engine.openFiles, 0);
});

testEach("Log.readable() begins at any end of a segment, and goes on in the next", async ({ open }) => {
  await using log = await open(smallSegments);
  await fill(log, 2000);
  assert(log.segments().length > 2);
  for (const { firstOffset, nextOffset } of log.segments()) {
    const edges = [firstOffset - 1, firstOffset, firstOffset + 1, nextOffset - 2, nextOffset - 1, nextOffset];
    for (const from of edges.filter((offset) => offset >= 0)) {
      await checkRecords(log, from, Math.min(2000, from + 3));
    }
  }
});
