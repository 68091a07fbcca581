/** Damage of segments that ended is told by who comes upon it, and nobody is led past it. */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, type Log, type LogOptions } from "../../log.ts";
import { systemHost } from "../../src/io/mod.ts";
import { openLogWith } from "../../src/log/mod.ts";
import { SimTime } from "../../src/sim/mod.ts";
import { deadline } from "../deadline.ts";
import { checkRecords, fill, payloadOf, placeOf, SimLog, smallSegments, until } from "./log_fixture.ts";

const blockBytes = 4096;

/** A log of one sealed segment: so many records, each in a block of its own. */
async function sealedLog(count: number): Promise<{ t: SimLog; path: string }> {
  const before = new SimLog(), log = await before.open(smallSegments);
  for (let offset = 0; offset < count; offset++) await log.append(payloadOf(offset), { sync: true });
  // A crash, after which the next opening seals what is there.
  const t = new SimLog(before.disk.clone());
  await log.close();
  const again = await t.open(smallSegments);
  await until(() => again.segments()[0].state === "sealed");
  await again.close();
  return { t, path: again.segments()[0].path };
}

Deno.test("Log ends a read with an error where the last records of a segment are others", async () => {
  const { t, path } = await sealedLog(5), bytes = t.disk.contents(path);
  bytes.copyWithin(5 * blockBytes, 2 * blockBytes, 3 * blockBytes);
  t.disk.put(path, bytes);
  const log = await t.open(smallSegments);
  await checkRecords(log, 0, 4);
  for (const from of [0, 4]) {
    const read = Array.fromAsync(log.readable({ from }));
    const error = await assertRejects(() => deadline(read, 5000), CorruptionError);
    assertEquals(error.path, path);
  }
  await log.close();
});

Deno.test("Log hands on no record in the place of another of its segment", async () => {
  const { t, path } = await sealedLog(7), whole = t.disk.contents(path);
  for (const [over, by] of [[2, 4], [4, 2], [3, 6], [6, 3]]) {
    const bytes = whole.slice();
    bytes.copyWithin((over + 1) * blockBytes, (by + 1) * blockBytes, (by + 2) * blockBytes);
    t.disk.put(path, bytes);
    const log = await t.open(smallSegments);
    await checkRecords(log, 0, over);
    for (const from of [0, over]) {
      await assertRejects(() => deadline(Array.fromAsync(log.readable({ from })), 5000), CorruptionError);
    }
    await log.close();
  }
});

/** Opens a log whose clock is set by hand. */
function openAt(t: SimLog, clock: SimTime, options: LogOptions = {}): Promise<Log> {
  const all = { ...smallSegments, ioEngine: t.engine, ...options };
  return openLogWith((engine) => ({ ...systemHost(engine), clock }), t.path, all);
}

/** A log of two segments, the first of which is sealed and took some time; when its first records were appended. */
async function slowSegment(): Promise<
  { t: SimLog; clock: SimTime; path: string; next: number; dates: Date[] }
> {
  const t = new SimLog(), clock = new SimTime(), dates: Date[] = [], log = await openAt(t, clock);
  for (let round = 0; round < 4; round++) {
    await fill(log, log.nextOffset + 10);
    await log.sync();
    dates.push(new Date(clock.now()));
    clock.adjust(1100);
  }
  await fill(log, 1200);
  await until(() => log.segments().length > 1 && log.segments()[0].state === "sealed");
  const [{ path, nextOffset }] = log.segments();
  await log.close();
  return { t, clock, path, next: nextOffset, dates };
}

Deno.test("Log.offsetAt() passes over no record where an index and what it tells of are damaged", async () => {
  const { t, path, dates } = await slowSegment();
  const whole = t.disk.contents(path);
  for (const length of [whole.length - blockBytes, 3 * blockBytes, 2 * blockBytes]) {
    t.disk.put(path, whole.slice(0, length));
    const damaged = await t.open(smallSegments);
    for (const [i, date] of dates.entries()) {
      const found = await damaged.offsetAt(date).catch((error: unknown) => error);
      if (length < whole.length - blockBytes) assertInstanceOf(found, CorruptionError);
      else assertEquals(found, i * 10);
    }
    await damaged.close();
  }
});

Deno.test("Log keeps a segment of which nobody can tell how old it is, and goes on", async () => {
  const { t, clock, path, next } = await slowSegment();
  t.disk.put(path, t.disk.contents(path).slice(0, 2 * blockBytes));
  clock.adjust(60_000);
  const again = await openAt(t, clock, { retain: { milliseconds: 30_000 } });
  await fill(again, 1300);
  await again.sync();
  await new Promise((go) => setTimeout(go, 20));
  assertEquals([again.firstOffset, again.nextOffset], [0, 1300]);
  await checkRecords(again, next, 1200);
  await again.close();
});

Deno.test("Log that is only read is refused where its manifest is older than its segments", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 10);
  await log.sync();
  const manifest = t.disk.paths().find((path) => /log-\d+$/.test(path))!, before = t.disk.contents(manifest);
  await fill(log, 1000);
  await log.sync();
  const left = new SimLog(t.disk.clone());
  await log.close();
  left.disk.put(manifest, before);
  for (const readOnly of [true, false]) {
    await assertRejects(
      () => left.open({ ...smallSegments, readOnly }),
      CorruptionError,
      "a manifest that names it",
    );
  }
  left.checkClosed();
});

Deno.test("Log reads on in a damaged segment from some 64 KiB behind, and is refused where the open one is damaged", async () => {
  const t = new SimLog(), log = await t.open({ segmentBytes: 1024 * 1024 });
  await fill(log, 10_000);
  await until(() => log.segments()[0].state === "sealed");
  await log.close();
  const [sealed, open] = log.segments().map(({ path }) => path), bytes = t.disk.contents(sealed);
  bytes[placeOf(bytes, 100) + 20] ^= 1;
  t.disk.put(sealed, bytes);
  for (const readOnly of [false, true]) {
    const damaged = await t.open({ readOnly });
    await checkRecords(damaged, 0, 100);
    for (const from of [0, 100, 101]) {
      await assertRejects(() => Array.fromAsync(damaged.readable({ from })), CorruptionError);
    }
    await checkRecords(damaged, 100 + Math.ceil(64 * 1024 / 100), 10_000);
    await damaged.close();
  }
  const end = t.disk.contents(open);
  end[blockBytes + 40] ^= 1;
  t.disk.put(open, end);
  for (const readOnly of [false, true]) {
    await assertRejects(() => t.open({ readOnly }), CorruptionError, "were durable");
  }
  t.checkClosed();
});
