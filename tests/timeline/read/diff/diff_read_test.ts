/** Differences between two moments: what they tell, what they cost, and how they end. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LsnError } from "../../../../src/base/mod.ts";
import { systemHost } from "../../../../src/io/mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { collect } from "../../../store/bytes.ts";
import { noTurns } from "../layers.ts";
import { WriterFixture } from "../../write/writer_fixture.ts";

const KiB = 1024;
const decoder = new TextDecoder();

/** Differences in words: `a: 1 -> 2`. */
async function diff(t: WriterFixture, before: number, after: number, range = {}): Promise<string[]> {
  const text = (value: Uint8Array | undefined) => value === undefined ? "none" : decoder.decode(value);
  const found = await collect(t.timeline.diff(before, after, range));
  return found.map(({ key, before, after }) => `${text(key)}: ${text(before)} -> ${text(after)}`);
}

Deno.test("diff() tells whose bytes differ, and of no other key, wherever versions lie", async () => {
  const t = await WriterFixture.open(new SimEngine());
  t.append({ key: "a", value: "1" }, { key: "b", value: "1" }, { key: "c", value: "1" }, {
    key: "d",
    value: "",
  });
  t.append({ key: "a", value: "2" }, { key: "b", delete: true }, { key: "e", delete: true });
  t.append({ key: "a", value: "1" }, { key: "b", delete: true }, { key: "c", value: "1" }, {
    key: "f",
    value: "3",
  });
  t.append({ key: "d", delete: true });
  const check = async () => {
    assertEquals(await diff(t, 0, 1), ["a: none -> 1", "b: none -> 1", "c: none -> 1", "d: none -> "]);
    assertEquals(await diff(t, 1, 2), ["a: 1 -> 2", "b: 1 -> none"]);
    assertEquals(await diff(t, 1, 3), ["b: 1 -> none", "f: none -> 3"]);
    assertEquals(await diff(t, 3, 4), ["d:  -> none"]);
    assertEquals(await diff(t, 0, 4, { start: "b", end: "f" }), ["c: none -> 1"]);
    assertEquals(await diff(t, 0, 4, { prefix: "f" }), ["f: none -> 3"]);
    assertEquals(await diff(t, 2, 2), []);
  };
  await check();
  await t.writer.freeze();
  await check();
  await t.timeline.compact();
  await check();
  await t.close();
});

Deno.test("diff() reads layers that have changes, and looks their keys up: it costs what changed", async () => {
  const t = await WriterFixture.open(new SimEngine(), { settings: { segmentBytes: 512 * KiB } });
  for (let i = 0; i < 3000; i++) t.append({ key: `k${10_000 + i}`, value: "v".repeat(200) });
  await t.writer.freeze();
  await t.timeline.compact();
  for (const i of [5, 1500, 2999]) t.append({ key: `k${10_000 + i}`, value: "new" });
  await t.writer.freeze();
  const before = t.objects.metrics();
  assertEquals((await diff(t, 3000, 3003)).length, 3);
  const { pageReads, valueReads, valueReadBytes } = t.objects.metrics();
  const bytes = valueReadBytes - before.valueReadBytes;
  // Three runs of the old layer, and three records of the new one.
  assert(bytes <= 6 * 8 * KiB, `${bytes} bytes of values`);
  assert(pageReads - before.pageReads + valueReads - before.valueReads <= 14);
  await t.close();
});

Deno.test("diff() gives the event loop its turns where keys have not changed, as a scan does", async () => {
  let given = 0;
  const turns = { ...noTurns, due: () => true, turn: () => Promise.resolve(void given++) };
  const engine = new SimEngine(), host = { ...systemHost(engine), turns };
  const settings = { segmentBytes: 16 * KiB * KiB, indexBytes: 16 * KiB * KiB };
  const t = await WriterFixture.open(engine, { host, settings });
  t.append(...Array.from({ length: 50_000 }, (_, i) => ({ key: `k${i}`, value: "v" })));
  t.append({ key: "z", value: "new" });
  const turnsOf = async (read: () => Promise<unknown[]>) => {
    const before = given;
    await read();
    return given - before;
  };
  const scan = () => collect(t.timeline.scan({ keysOnly: true }));
  await scan();
  // Keys are sorted by now.
  const scanned = await turnsOf(scan);
  const compared = await turnsOf(() => diff(t, 1, 2));
  assert(compared >= scanned, `${compared} turns, ${scanned} of a scan`);
  await t.close();
});

Deno.test("diff() refuses what cannot be, and holds nothing then", async () => {
  const t = await WriterFixture.open(new SimEngine());
  for (let i = 1; i <= 30; i++) t.append({ key: "k", value: `${i}` });
  const refused = (before: number, after: number, range: object = {}) => () =>
    t.timeline.diff(before, after, range);
  assertThrows(refused(3, 2), RangeError, "stands before");
  assertThrows(refused(1, 31), LsnError, "the last LSN is 30");
  assertThrows(refused(-1, 2), RangeError);
  assertThrows(refused("1" as unknown as number, 2), TypeError);
  assertThrows(refused(1, 2, { start: "b", end: "a" }), RangeError, "contradict");
  assertThrows(refused(1, 2, { start: "b", prefix: "a" }), RangeError, "contradict");
  assertThrows(refused(1, 2, { limit: 1 }), TypeError, "unknown option");
  assertThrows(refused(1, 2, { signal: AbortSignal.abort("enough") }));
  await t.timeline.gc({ history: { lsns: 10 } });
  assertThrows(refused(19, 25), LsnError, "below the horizon");
  assertEquals(await diff(t, 20, 25), ["k: 20 -> 25"]);
  assertEquals(t.context.views.count, 0);
  await t.close();
});

Deno.test("diff() lets go of its views at its end, when it is cancelled, stopped, or the store closed", async () => {
  const t = await WriterFixture.open(new SimEngine()), { views } = t.context;
  for (let i = 0; i < 3000; i++) t.append({ key: `k${i}`, value: "v" });
  const { lastLsn } = t.writer, controller = new AbortController();
  const readers = [{}, { signal: controller.signal }, {}].map((range) =>
    t.timeline.diff(0, lastLsn, range).getReader()
  );
  for (const reader of readers) assertEquals((await reader.read()).done, false);
  assertEquals(views.count, 9);
  await readers[0].cancel();
  assertEquals(views.count, 6);
  controller.abort(new Error("enough"));
  await assertRejects(() => readers[1].read(), Error, "enough");
  for (let i = 0; i < 50 && views.count > 3; i++) await Promise.resolve();
  assertEquals(views.count, 3);
  await t.close();
  await assertRejects(() => readers[2].read(), Deno.errors.BadResource);
  assertEquals(views.count, 0);
});
