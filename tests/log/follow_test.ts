/** Following a log: across rotation, with back-pressure, until it ends. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Log, type LogEntry, OffsetError } from "../../log.ts";
import { checkRecords, fill, isSame, payloadOf, smallSegments, testEach, until } from "./log_fixture.ts";

/** Takes so many entries of a stream, which must be those from an offset on. */
async function take(
  reader: ReadableStreamDefaultReader<LogEntry>,
  from: number,
  count: number,
): Promise<void> {
  for (let offset = from; offset < from + count; offset++) {
    const { done, value } = await reader.read();
    assert(!done, `it ended before ${offset}`);
    assertEquals(value.offset, offset);
    assert(isSame(value.payload, payloadOf(offset)), `payload ${offset}`);
  }
}

testEach(
  "Log.readable() that follows tells every record once, in order, across rotation",
  async ({ open }) => {
    await using log = await open(smallSegments);
    await fill(log, 100);
    const readers = [0, 0, 50, 100].map((from) => {
      return { from, reader: log.readable({ from, follow: true }).getReader() };
    });
    const following = readers.map(({ from, reader }) => take(reader, from, 3000 - from));
    await fill(log, 3000);
    await Promise.all(following);
    assert(log.segments().length > 4);
    for (const { reader } of readers) await reader.cancel();
  },
);

testEach(
  "Log.readable() that follows waits for what comes, and is told in the turn after",
  async ({ open }) => {
    await using log = await open(smallSegments);
    const reader = log.readable({ follow: true }).getReader();
    for (let offset = 0; offset < 50; offset++) {
      const next = reader.read();
      let isTold = false;
      next.then(() => isTold = true);
      await new Promise((resolve) => setTimeout(resolve, 0));
      assertEquals(isTold, false);
      await log.append(payloadOf(offset));
      const { value } = await next;
      assertEquals(value?.offset, offset);
    }
    await reader.cancel();
  },
);

testEach(
  "Log.readable() reads no faster than it is taken: what is not asked for stays in the log",
  async ({ open }) => {
    await using log = await open(smallSegments);
    const reader = log.readable({ follow: true }).getReader();
    await fill(log, 1000);
    await take(reader, 0, 10);
    await fill(log, 4000);
    await take(reader, 10, 3990);
    await reader.cancel();
  },
);

testEach("Log.readable() ends by its signal, by cancelling, and when the log is closed", async ({ open }) => {
  const log = await open(smallSegments), controller = new AbortController(), reason = new Error("enough");
  await fill(log, 10);
  const aborted = log.readable({ follow: true, signal: controller.signal }).getReader();
  await take(aborted, 0, 10);
  const waiting = assertRejects(() => aborted.read(), Error, "enough");
  controller.abort(reason);
  await waiting;
  const before = log.readable({ follow: true, signal: controller.signal }).getReader();
  assertEquals(await assertRejects(() => before.read(), Error), reason);
  const cancelled = log.readable({ follow: true }).getReader();
  await take(cancelled, 0, 5);
  await cancelled.cancel();
  assertEquals((await cancelled.read()).done, true);
  const closed = log.readable({ follow: true }).getReader();
  await take(closed, 0, 10);
  const ended = assertRejects(() => closed.read(), Deno.errors.BadResource, "was closed");
  await log.close();
  await ended;
});

testEach(
  "Log that is given up under a reader lets it finish the segment that it is in, then tells the first offset",
  async ({ open }) => {
    await using log = await open(smallSegments);
    await fill(log, 3000);
    const [, second, third] = log.segments();
    const reader = log.readable({ from: second.firstOffset }).getReader();
    await take(reader, second.firstOffset, 1);
    await log.truncateBefore(2999);
    await log.sync();
    assertEquals(log.firstOffset, 2999);
    await take(reader, second.firstOffset + 1, second.nextOffset - second.firstOffset - 1);
    const error = await assertRejects(() => reader.read(), OffsetError, "the first is at 2999");
    assertEquals([error.offset, error.firstOffset, error.nextOffset], [third.firstOffset, 2999, 3000]);
  },
);

testEach(
  "Log lets it finish the segment that it is in also who has read that from memory alone",
  async ({ open }) => {
    await using log = await open(smallSegments);
    await fill(log, 10);
    const reader = log.readable({ follow: true }).getReader();
    await take(reader, 0, 5);
    await fill(log, 3000);
    await log.sync();
    const [{ nextOffset: end }] = log.segments();
    await until(() => log.segments().slice(0, -1).every(({ state }) => state === "sealed"));
    await log.truncateBefore(2999);
    await until(() => log.segments().length === 1);
    await take(reader, 5, end - 5);
    await assertRejects(() => reader.read(), OffsetError);
  },
);

testEach(
  "Log.truncateBefore() gives up records, also of the segment that is appended to, and remembers it",
  async ({ open }) => {
    {
      await using log = await open(smallSegments);
      await fill(log, 2000);
      await log.truncateBefore(0);
      assertEquals(log.firstOffset, 0);
      for (const offset of [1, 777, 500, 1500]) {
        await log.truncateBefore(offset);
        assertEquals(log.firstOffset, Math.max(offset, offset === 500 ? 777 : 0));
      }
      await checkRecords(log, 1500, 2000);
      await fill(log, 2100);
    }
    {
      await using log = await open(smallSegments);
      assertEquals([log.firstOffset, log.nextOffset], [1500, 2100]);
      await checkRecords(log, 1500, 2100);
      await log.truncateBefore(2100);
      assertEquals([log.firstOffset, log.nextOffset], [2100, 2100]);
      assertEquals(await Array.fromAsync(log.readable()), []);
    }
    await using log = await open(smallSegments);
    assertEquals([log.firstOffset, log.nextOffset, log.segments().length], [2100, 2100, 0]);
    await fill(log, 2200);
    await checkRecords(log, 2100, 2200);
  },
);

testEach("Log.truncateBefore() is remembered where every segment stays", async ({ open }) => {
  {
    await using log = await open(smallSegments);
    await fill(log, 20);
    await log.truncateBefore(7);
    assertEquals([log.firstOffset, log.segments().length], [7, 1]);
  }
  await using log = await open(smallSegments);
  assertEquals(log.firstOffset, 7);
  await checkRecords(log, 7, 20);
});

testEach("Log keeps no more bytes than it is told to, beside the open segment", async ({ open }) => {
  await using log = await open({ ...smallSegments, retain: { bytes: 150_000 } });
  await fill(log, 5000);
  const bytes = () => log.segments().slice(0, -1).reduce((sum, { byteLength }) => sum + byteLength, 0);
  await until(() => bytes() <= 150_000);
  assert(log.firstOffset > 0);
  await checkRecords(log, log.firstOffset, 5000);
});

testEach("Log keeps records no longer than it is told to", async ({ open }) => {
  await using log: Log = await open({ ...smallSegments, retain: { milliseconds: 300 } });
  await fill(log, 2000);
  await until(() => log.firstOffset === 2000);
  await fill(log, 2001);
  await checkRecords(log, 2000, 2001);
});
