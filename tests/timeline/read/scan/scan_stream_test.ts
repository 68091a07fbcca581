/** Scans as streams that are read ahead: damage in its place, and views that are held as long as they are needed. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, Store } from "../../../../mod.ts";
import type { Transfer } from "../../../../src/io/engine.ts";
import { decodeFooter } from "../../../../src/layer/mod.ts";
import { SimEngine } from "../../../../src/sim/mod.ts";
import { Random } from "../../../random.ts";
import { HookedSim } from "../../hooked_sim.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";

/** Windows of 512, 1024, 2048, 4096 keys and the rest, of which the first two are not read ahead. */
const records = 12_000;

function keyOf(i: number): string {
  return `k${10_000 + i}`;
}

/** A store in whose file the values of some records are damaged. */
async function open(engine: SimEngine, damaged: readonly number[] = []): Promise<Store> {
  const options = { ioEngine: engine, ioMode: "buffered" } as const;
  {
    await using store = await Store.open("/store", options);
    const batch = Array.from({ length: records }, (_, i) => ({ key: keyOf(i), value: patterned(100, i) }));
    for (let i = 0; i < records; i += 500) await store.timeline().append(batch.slice(i, i + 500));
    await store.timeline().freeze();
  }
  const path = engine.disk.paths().find((name) => name.endsWith(".seg")) as string;
  const bytes = engine.disk.contents(path), text = new TextDecoder("latin1").decode(bytes);
  for (const i of damaged) bytes[text.indexOf(keyOf(i)) + 50] ^= 1;
  engine.disk.put(path, bytes);
  return await Store.open("/store", options);
}

Deno.test("Timeline.scan() comes to damage in what was read ahead in its place, either way", async () => {
  const damaged = [40, 700, 2100, 2101, 11_999];
  await using store = await open(new SimEngine(), damaged);
  const timeline = store.timeline();
  for (const reverse of [false, true]) {
    const expected = Array.from({ length: records }, (_, i) => reverse ? records - 1 - i : i);
    const reported = await Array.fromAsync(timeline.scan({ reverse }, { damage: "report" }));
    assertEquals(reported.map(({ key }) => new TextDecoder().decode(key)), expected.map(keyOf));
    reported.forEach((entry, at) => {
      const i = expected[at];
      assertEquals("error" in entry && entry.error instanceof CorruptionError, damaged.includes(i), keyOf(i));
      if (!("error" in entry)) assertEquals(entry.value, patterned(100, i));
    });
  }
  const start = 701, seen: string[] = [];
  await assertRejects(async () => {
    for await (const { key } of timeline.scan({ start: keyOf(start) })) {
      seen.push(new TextDecoder().decode(key));
    }
  }, CorruptionError);
  assertEquals(seen, Array.from({ length: 2100 - start }, (_, i) => keyOf(start + i)));
  assertEquals(store.metrics().views, 0);
});

Deno.test("Timeline.scan() holds its view while its reader pauses, and reads one window ahead and no more", async () => {
  await using store = await open(new SimEngine());
  const reader = store.timeline().scan().getReader();
  for (let i = 0; i < 2000; i++) await reader.read();
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setTimeout(resolve));
  const { valueReadBytes, views } = store.metrics();
  assertEquals(views, 1);
  assert(valueReadBytes > (512 + 1024 + 2048 + 4096) * 120, "the window behind that of the reader was read");
  assert(valueReadBytes < (512 + 1024 + 2048 + 4096) * 130 + 8192 * 4, `${valueReadBytes} bytes were read`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(store.metrics().valueReadBytes, valueReadBytes);
  await reader.cancel();
  assertEquals(store.metrics().views, 0);
});

Deno.test("Timeline.scan() of a few entries reads no window that nobody asked for", async () => {
  await using store = await open(new SimEngine());
  const reader = store.timeline().scan().getReader();
  for (let i = 0; i < 512; i++) await reader.read();
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setTimeout(resolve));
  const { valueReadBytes } = store.metrics();
  assert(valueReadBytes <= 512 * 130 + 8192, `${valueReadBytes} bytes were read for 512 entries`);
  await reader.cancel();
});

/** Numbers in an order of their own. */
function shuffled(count: number, seed: number): number[] {
  const random = new Random(seed), numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
  }
  return numbers;
}

Deno.test("Timeline.scan() gives what a map says of layers that were filled in no order, either way", async () => {
  const engine = new SimEngine();
  await using store = await Store.open("/store", { ioEngine: engine, ioMode: "buffered", upkeep: "manual" });
  const timeline = store.timeline(), valueBytes = 500;
  const newest = new Map<number, number>(), earlier = new Map<number, number>();
  let early = 0;
  // Two layers that are sealed, and one in memory, each with a third of the keys of those before it.
  for (const [round, from, count] of [[1, 0, 6000], [2, 4000, 6000], [3, 2000, 5000]]) {
    const order = shuffled(count, round);
    for (let i = 0; i < count; i += 250) {
      const batch = order.slice(i, i + 250).map((number) => {
        const key = keyOf(from + number), isDeleted = number % 17 === round;
        newest.set(from + number, isDeleted ? 0 : round);
        return isDeleted
          ? { key, delete: true } as const
          : { key, value: patterned(valueBytes, number + round) };
      });
      await timeline.append(batch);
    }
    if (round < 3) await timeline.freeze();
    if (round !== 2) continue;
    early = timeline.lastLsn;
    newest.forEach((value, key) => earlier.set(key, value));
  }
  const starts = [0, 0, 4000, 2000];
  for (const [lsn, map] of [[early, earlier], [timeline.lastLsn, newest]] as const) {
    const expected = [...map].filter(([, round]) => round > 0).map(([key]) => key).sort((a, b) => a - b);
    for (const reverse of [false, true]) {
      const entries = await Array.fromAsync(timeline.scan({ reverse }, { lsn }));
      const inOrder = reverse ? expected.toReversed() : expected;
      assertEquals(entries.map(({ key }) => new TextDecoder().decode(key)), inOrder.map(keyOf));
      entries.forEach(({ value }, i) => {
        const round = map.get(inOrder[i]) as number;
        const seed = inOrder[i] - starts[round] + round;
        assert(sameBytes(value, patterned(valueBytes, seed)), `${keyOf(inOrder[i])} of round ${round}`);
      });
      assertEquals(await timeline.count({}, { lsn }), expected.length);
    }
  }
  assertEquals(store.metrics().views, 0);
});

Deno.test("Timeline.scan() waits, when it is cancelled, for what it puts in order ahead", async () => {
  const engine = new HookedSim();
  await using store = await Store.open("/store", { ioEngine: engine, ioMode: "buffered", upkeep: "manual" });
  const timeline = store.timeline(), order = shuffled(30_000, 1);
  for (let i = 0; i < order.length; i += 500) {
    const values = order.slice(i, i + 500).map((number) => ({
      key: keyOf(number),
      value: patterned(300, number),
    }));
    await timeline.append(values);
  }
  await timeline.freeze();
  let inFlight = 0;
  engine.hook = async (operation) => {
    if (operation !== "read") return;
    inFlight++;
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
    inFlight--;
  };
  const reader = timeline.scan().getReader();
  // The first of them come as they are, in windows.
  for (let i = 0; i < 4000 || inFlight === 0; i++) assert(!(await reader.read()).done);
  await reader.cancel();
  assertEquals([inFlight, store.metrics().views], [0, 0]);
});

/** An engine that counts the bytes that are read of a stretch of a segment. */
class CountingSim extends SimEngine {
  stretch: readonly [from: number, to: number] = [0, 0];
  bytes = 0;

  override read(batch: readonly Transfer[]): Promise<void> {
    const [from, to] = this.stretch;
    for (const { file, offset, bytes } of batch) {
      if (!file.path.endsWith(".seg")) continue;
      this.bytes += Math.max(0, Math.min(to, offset + bytes.length) - Math.max(from, offset));
    }
    return super.read(batch);
  }
}

Deno.test("Timeline.scan() reads each leaf once, those too that it had read ahead before it put records in order", async () => {
  const engine = new CountingSim(), count = 60_000;
  // A megabyte of such records is found in the middle of leaves that are read at once.
  await using store = await Store.open("/store", { ioEngine: engine, ioMode: "buffered" });
  for (let i = 0; i < count; i += 1000) {
    await store.timeline().append(
      Array.from({ length: 1000 }, (_, j) => ({ key: `k${100_000 + i + j}`, value: patterned(15, j) })),
    );
  }
  await store.timeline().freeze();
  const path = engine.disk.paths().find((name) =>
    name.endsWith(".seg") && engine.disk.contents(name).length > 0
  )!;
  const { valuesEnd, leafPages } = decodeFooter(engine.disk.contents(path).slice(-4096))!;
  engine.stretch = [valuesEnd, valuesEnd + leafPages * 8192];
  let found = 0;
  for await (const _ of store.timeline().scan()) found++;
  assertEquals([found, leafPages > 40, engine.bytes], [count, true, leafPages * 8192]);
});
