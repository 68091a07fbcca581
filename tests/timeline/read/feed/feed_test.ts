/** Feeds of changes as streams: followed, paused, ended, and asked for what cannot be. */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { LsnError } from "../../../../mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { collect } from "../../../store/bytes.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

async function open(batches = 0): Promise<WriterFixture> {
  const t = await WriterFixture.open(new SimEngine());
  for (let i = 1; i <= batches; i++) t.append({ key: `k${i}`, value: "v" });
  return t;
}

/** Lets the event loop turn some times. */
async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

Deno.test("changes() refuses what cannot be, and holds nothing then", async () => {
  const t = await open(5), { timeline } = t, { views } = t.context;
  const wrong = (options: object) => () => timeline.changes(options);
  assertThrows(wrong({ follow: true, to: 3 }), TypeError, "follow");
  assertThrows(wrong({ from: 4, to: 3 }), RangeError, "stands before");
  assertThrows(wrong({ from: 7 }), LsnError, "the last LSN is 5");
  assertThrows(wrong({ to: 6 }), LsnError, "the last LSN is 5");
  for (const options of [{ from: -1 }, { to: 1.5 }]) assertThrows(wrong(options), RangeError);
  for (const options of [{ since: 1 }, { from: "1" }, { follow: 1 }, { prefix: 1 }, { signal: 1 }]) {
    assertThrows(wrong(options), TypeError);
  }
  assertThrows(wrong({ signal: AbortSignal.abort("enough") }));
  await views.drain();
  await t.close();
});

Deno.test("changes() ends at the last LSN of its call, and may begin one behind it", async () => {
  const t = await open(5), stream = t.timeline.changes({ from: 4 });
  t.append({ key: "later", value: "" });
  assertEquals((await collect(stream)).map(({ lsn }) => lsn), [4, 5]);
  assertEquals(await collect(t.timeline.changes({ from: 7 })), []);
  assertEquals((await collect(t.timeline.changes({ from: 0, to: 2 }))).map(({ lsn }) => lsn), [1, 2]);
  assertEquals(await collect(t.timeline.changes({ to: 0 })), []);
  await t.close();
});

Deno.test("changes() gives bytes that are the caller's, whatever becomes of them", async () => {
  const t = await open(), values = ["1", "2"].map((value) => ({ key: "a", value }));
  for (const change of values) t.append(change);
  for await (const { changes } of t.timeline.changes()) {
    for (const change of changes) {
      change.key.fill(0);
      if ("value" in change) change.value.fill(0);
    }
  }
  const told = (await collect(t.timeline.changes())).map(({ changes }) => changes);
  const encoder = new TextEncoder();
  assertEquals(
    told,
    values.map(({ key, value }) => [{ key: encoder.encode(key), value: encoder.encode(value) }]),
  );
  await t.close();
});

Deno.test("changes() that follow are told in the next turn, many batches of one turn at once", async () => {
  const t = await open(), feed = t.timeline.changes({ follow: true }).getReader();
  const next = feed.read();
  await turns();
  assertEquals(t.writer.waiters.count, 1);
  for (let i = 0; i < 50; i++) t.append({ key: `k${i}`, value: "" });
  // The first one woke it; it waits no more until it has told them all.
  assertEquals(t.writer.waiters.count, 0);
  assertEquals((await next).value?.lsn, 1);
  for (let lsn = 2; lsn <= 50; lsn++) assertEquals((await feed.read()).value?.lsn, lsn);
  assertEquals(t.context.views.count, 0);
  await feed.cancel();
  await t.close();
});

Deno.test("changes() that follow miss no batch, in whichever microtask of theirs it is appended", async () => {
  const t = await open(1), feed = t.timeline.changes({ follow: true }).getReader();
  assertEquals((await feed.read()).value?.lsn, 1);
  for (let lsn = 2; lsn <= 100; lsn++) {
    const next = feed.read();
    for (let i = 2; i < lsn; i++) await Promise.resolve();
    t.append({ key: "k", value: "" });
    await Promise.race([next, turns(50)]);
    assertEquals(t.writer.waiters.count, 0, `appended ${lsn - 2} microtasks behind the question`);
    assertEquals((await next).value?.lsn, lsn);
  }
  await feed.cancel();
  await t.close();
});

Deno.test("changes() that nobody asks for wait in the layers: no view is held, nobody is woken, nothing is queued", async () => {
  const t = await open(), feed = t.timeline.changes({ follow: true }).getReader();
  for (let i = 0; i < 40; i++) {
    await t.appendNext();
    if (i % 10 === 9) await t.writer.freeze();
    assertEquals([t.writer.waiters.count, t.context.views.count], [0, 0]);
  }
  await t.timeline.compact();
  // Every ninth batch has no changes.
  for (let lsn = 1; lsn <= 40; lsn++) if (lsn % 9 !== 0) assertEquals((await feed.read()).value?.lsn, lsn);
  // Of layers that were merged all is handed on: the last question lets go of the view.
  const last = feed.read();
  await turns();
  assertEquals([t.writer.waiters.count, t.context.views.count], [1, 0]);
  await feed.cancel();
  assertEquals((await last).done, true);
  assertEquals(t.writer.waiters.count, 0);
  await t.close();
});

Deno.test("changes() that follow end with their signal, wherever they stand", async () => {
  const t = await open(3);
  for (const asked of [0, 1, 4]) {
    const controller = new AbortController();
    const feed = t.timeline.changes({ follow: true, signal: controller.signal }).getReader();
    const reads = Array.from({ length: asked }, () => feed.read());
    await turns();
    controller.abort(new Error("enough"));
    const outcomes = await Promise.allSettled(reads);
    assertEquals(outcomes.map(({ status }) => status), reads.map((_, i) => i < 3 ? "fulfilled" : "rejected"));
    await assertRejects(() => feed.read(), Error, "enough");
    assertEquals(t.writer.waiters.count, 0);
  }
  await t.close();
});

Deno.test("changes() end with BadResource when the store is closed, also those that nobody asks for", async () => {
  const t = await open(3), feeds = [0, 1, 2].map(() => t.timeline.changes({ follow: true }).getReader());
  await feeds[1].read();
  const waiting = Array.from({ length: 4 }, () => feeds[2].read());
  const last = assertRejects(() => waiting[3], Deno.errors.BadResource);
  await Promise.all(waiting.slice(0, 3));
  await t.close();
  await last;
  for (const feed of feeds) await assertRejects(() => feed.read(), Deno.errors.BadResource);
});

Deno.test("changes() that follow end with an LsnError when the horizon went past them, and skip nothing", async () => {
  const t = await open(20), feed = t.timeline.changes({ follow: true }).getReader();
  assertEquals((await feed.read()).value?.lsn, 1);
  // Those of the first piece were handed on together.
  for (let lsn = 2; lsn <= 20; lsn++) assertEquals((await feed.read()).value?.lsn, lsn);
  for (let i = 0; i < 30; i++) t.append({ key: "k", value: `${i}` });
  await t.timeline.gc({ history: { lsns: 10 } });
  const error = await feed.read().catch((error: unknown) => error);
  assertInstanceOf(error, LsnError);
  assertEquals([error.lsn, error.horizon], [21, 40]);
  // Whoever stands at the horizon itself goes on.
  assertEquals((await collect(t.timeline.changes({ from: 40 }))).length, 11);
  await t.close();
});

Deno.test("changes() of a thousand who follow are told to each", async () => {
  const t = await open(), followers = 1000, told = new Uint32Array(followers);
  const ends = Array.from({ length: followers }, async (_, i) => {
    for await (const { lsn } of t.timeline.changes({ follow: true })) {
      assertEquals(lsn, ++told[i]);
      if (lsn === 20) break;
    }
  });
  await turns();
  assertEquals(t.writer.waiters.count, followers);
  for (let i = 0; i < 20; i++) {
    await t.timeline.append([{ key: `k${i}`, value: "" }]);
    if (i % 3 === 0) await turns(1);
  }
  await Promise.all(ends);
  assert(told.every((lsn) => lsn === 20));
  await t.close();
});
