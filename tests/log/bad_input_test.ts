/** What cannot be is refused with an error of its own kind, and nothing is lost or touched. */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  CorruptionError,
  IoError,
  LimitError,
  Log,
  type LogOptions,
  OffsetError,
  PoisonedError,
  ReadOnlyError,
  VarveError,
} from "../../log.ts";
import { salvage, Store, verifyStore } from "../../mod.ts";
import {
  checkRecords,
  fill,
  payloadOf,
  placeOf,
  SimLog,
  smallSegments,
  test,
  testEach,
} from "./log_fixture.ts";

const any = (value: unknown) => value as never;

testEach(
  "Log refuses offsets that are negative, fractional, before the first or beyond the end",
  async ({ open }) => {
    await using log = await open(smallSegments);
    await fill(log, 1000);
    await log.truncateBefore(900);
    for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => log.readable({ from: number }), RangeError);
      assertThrows(() => log.readable({ to: number }), RangeError);
      await assertRejects(() => log.truncateBefore(number), RangeError);
    }
    for (const other of ["1", null, 5n, {}]) {
      assertThrows(() => log.readable({ from: any(other) }), TypeError);
      await assertRejects(() => log.truncateBefore(any(other)), TypeError);
    }
    for (const from of [0, 899, 1001]) {
      const error = assertThrows(() => log.readable({ from, follow: true }), OffsetError);
      assertEquals([error.offset, error.firstOffset, error.nextOffset], [from, 900, 1000]);
    }
    assertThrows(() => log.readable({ to: 1001 }), OffsetError, "the next is at 1000");
    await assertRejects(() => log.truncateBefore(1001), OffsetError);
    assertThrows(() => log.readable({ from: 950, to: 949 }), RangeError);
    assertThrows(() => log.readable({ follow: true, to: 950 }), TypeError);
    assertThrows(() => log.readable(any({ form: 1 })), TypeError, 'unknown option "form"');
    assertThrows(() => log.readable({ signal: any({}) }), TypeError, "AbortSignal");
    await assertRejects(() => log.offsetAt(any("today")), TypeError);
    await assertRejects(() => log.offsetAt(new Date(NaN)), TypeError);
    await checkRecords(log, 900, 1000);
  },
);

testEach(
  "Log refuses payloads that are none, or too long, and appends nothing of the call",
  async ({ open }) => {
    await using log = await open(smallSegments);
    for (const wrong of ["text", undefined, null, 5, new ArrayBuffer(4), [new Uint8Array(1), "text"], {}]) {
      await assertRejects(() => log.append(any(wrong)), TypeError);
    }
    const long = new Uint8Array(64 * 1024 * 1024 + 1),
      error = await assertRejects(() => log.append(long), LimitError);
    assertEquals([error.limit, error.found], [64 * 1024 * 1024, long.length]);
    await assertRejects(() => log.append(Array(9).fill(long.subarray(1))), LimitError);
    await assertRejects(() => log.append(payloadOf(0), any({ snc: true })), TypeError);
    await assertRejects(() => log.append(payloadOf(0), any({ sync: 1 })), TypeError);
    assertEquals(log.nextOffset, 0);
    await fill(log, 1);
    await checkRecords(log, 0, 1);
  },
);

test("Log.open() refuses options that cannot be", async ({ open, path }) => {
  const wrong: [Record<string, unknown>, ErrorConstructor][] = [
    [{ segmentByte: 1 }, TypeError],
    [{ segmentBytes: 1 }, RangeError],
    [{ segmentBytes: "1" }, TypeError],
    [{ tail: "cut" }, RangeError],
    [{ tail: 1 }, TypeError],
    [{ flushMilliseconds: 0 }, RangeError],
    [{ retain: { bytes: -1 } }, RangeError],
    [{ retain: { millis: 1 } }, TypeError],
    [{ retain: 5 }, TypeError],
    [{ create: 1 }, TypeError],
    [{ ioMode: "fast" }, RangeError],
  ];
  for (const [options, kind] of wrong) {
    await assertRejects(() => open(options as LogOptions), kind, undefined, JSON.stringify(options));
  }
  await assertRejects(() => Log.open(any(5)), TypeError);
  await assertRejects(() => Log.open(""), TypeError);
  await assertRejects(() => open({ create: false }), Deno.errors.NotFound, "there is no log");
  await assertRejects(() => open({ readOnly: true }), Deno.errors.NotFound);
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});

async function refusesLog(work: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(work, VarveError, '/log": it is a log (see "varve log info")');
  assert(!(error instanceof CorruptionError));
}

test("Log and Store refuse what is the other's, or neither's, and touch nothing", async ({ path }) => {
  await Deno.mkdir(`${path}/other`, { recursive: true });
  await Deno.writeTextFile(`${path}/other/notes.txt`, "mine");
  await assertRejects(() => Log.open(`${path}/other`), VarveError, "it is not a log");
  await Deno.writeTextFile(`${path}/file`, "mine");
  await assertRejects(() => Log.open(`${path}/file`), Deno.errors.NotADirectory);
  await (await Log.open(`${path}/log`)).close();
  await (await Store.open(`${path}/store`)).close();
  const names = () =>
    ["log", "store"].map((name) => [...Deno.readDirSync(`${path}/${name}`)].map(({ name }) => name).sort());
  const before = names();
  for (const readOnly of [false, true]) {
    await assertRejects(() => Log.open(`${path}/store`, { readOnly }), VarveError, '/store": it is a store');
    await refusesLog(() => Store.open(`${path}/log`, { readOnly }));
  }
  await refusesLog(() => Array.fromAsync(verifyStore(`${path}/log`)));
  await refusesLog(() => salvage(`${path}/log`, `${path}/new`));
  await assertRejects(() => Deno.stat(`${path}/new`), Deno.errors.NotFound);
  assertEquals(names(), before);
});

Deno.test("Log that is read only refuses to write, and writes nothing", async () => {
  const t = new SimLog(), writer = await t.open(smallSegments);
  await fill(writer, 100);
  await writer.close();
  const before = t.disk.hash(), log = await t.open({ readOnly: true });
  await assertRejects(() => log.append(payloadOf(0)), ReadOnlyError);
  await assertRejects(() => log.sync(), ReadOnlyError);
  await assertRejects(() => log.truncateBefore(5), ReadOnlyError);
  assertThrows(() => log.writable(), ReadOnlyError);
  await checkRecords(log, 0, 100);
  await log.close();
  assertEquals(t.disk.hash(), before);
});

Deno.test("Log refuses everything once it is closed", async () => {
  const t = new SimLog(), log = await t.open();
  await fill(log, 10);
  const sink = log.writable().getWriter();
  await log.close();
  await log.close();
  await assertRejects(() => sink.write(payloadOf(0)), Deno.errors.BadResource);
  await assertRejects(() => log.append(payloadOf(0)), Deno.errors.BadResource);
  await assertRejects(() => log.sync(), Deno.errors.BadResource);
  await assertRejects(() => log.truncateBefore(1), Deno.errors.BadResource);
  await assertRejects(() => log.offsetAt(new Date()), Deno.errors.BadResource);
  assertThrows(() => log.readable(), Deno.errors.BadResource);
  assertThrows(() => log.writable(), Deno.errors.BadResource);
  assertEquals([log.firstOffset, log.nextOffset, log.durableOffset], [0, 10, 10]);
});

Deno.test("Log survives a full disk: what was appended is read, and written when there is room", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 10);
  await log.sync();
  t.faults.failNext("write", "ENOSPC");
  await fill(log, 20);
  await assertRejects(() => log.sync(), IoError, "ENOSPC");
  await checkRecords(log, 0, 20);
  await log.sync();
  assertEquals(log.durableOffset, 20);
  await log.close();
  t.checkClosed();
});

Deno.test("Log that meets a full disk when it is closed proves no more than is there, and opens again", async () => {
  for (const tail of ["pad", "rewrite"] as const) {
    for (const operation of ["write", "truncate", "datasync", "sync"] as const) {
      const t = new SimLog(), log = await t.open({ ...smallSegments, tail });
      await fill(log, 10);
      await log.sync();
      t.faults.failNext(operation, "ENOSPC");
      await log.close().catch((error) => assert(error instanceof IoError || error instanceof PoisonedError));
      for (const disk of [t.disk.clone(), ...t.disk.crashStates({ limit: 50 })]) {
        const left = new SimLog(disk), again = await left.open({ ...smallSegments, tail });
        await fill(again, 20);
        await again.close();
        const reader = await left.open({ readOnly: true });
        await checkRecords(reader, 0, 20);
        await reader.close();
      }
    }
  }
});

Deno.test("Log.append() that rejects says whether its records were appended", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 10);
  await log.sync();
  t.faults.failNext("write", "ENOSPC");
  const applied = await assertRejects(() => log.append(payloadOf(10), { sync: true }), IoError, "ENOSPC");
  assertEquals([applied.appliedLsn, log.nextOffset, log.durableOffset], [11, 11, 10]);
  assertMatch(
    applied.message,
    /; the first record was appended at offset 10, and is not known to be durable$/,
  );
  const refused = await assertRejects(() => log.append(payloadOf(11)), IoError, "ENOSPC");
  assertEquals([refused.appliedLsn, log.nextOffset], [undefined, 11]);
  await log.append(payloadOf(11), { sync: true });
  await checkRecords(log, 0, 12);
  await log.close();
});

Deno.test("Log is poisoned by a write that fails: later ones reject, reads go on, and nothing acknowledged is lost", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 10);
  await log.sync();
  t.faults.failNext("write", "EIO");
  await fill(log, 20);
  await assertRejects(() => log.sync(), PoisonedError, "EIO");
  await assertRejects(() => log.append(payloadOf(20)), PoisonedError);
  await checkRecords(log, 0, 20);
  assertEquals(log.durableOffset, 10);
  await assertRejects(() => log.close(), PoisonedError);
  t.checkClosed();
  const again = await new SimLog(t.disk).open();
  assert(again.nextOffset >= 10);
  await checkRecords(again, 0, 10);
  await again.close();
});

Deno.test("Log tells damage of what was durable, where it is read or opened", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 1000);
  await log.close();
  const [first, ...others] = t.disk.paths().filter((path) => path.endsWith(".seg"));
  const bytes = t.disk.contents(first);
  bytes[placeOf(bytes, 100) + 20] ^= 1;
  t.disk.put(first, bytes);
  const damaged = await t.open();
  const error = await assertRejects(() => Array.fromAsync(damaged.readable()), CorruptionError);
  assertEquals(error.path, first);
  const { nextOffset } = damaged.segments()[0];
  await checkRecords(damaged, nextOffset, 1000);
  await damaged.close();
  const last = others.at(-1) ?? "", end = t.disk.contents(last);
  end[4096 + 40] ^= 1;
  t.disk.put(last, end);
  await assertRejects(() => t.open(), CorruptionError, "were durable");
  t.checkClosed();
});

Deno.test("Log.open() tells of a segment that is missing", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 2000);
  await log.close();
  for (const missing of t.disk.paths().filter((path) => path.endsWith(".seg"))) {
    const other = new SimLog(t.disk.clone());
    await other.engine.remove(missing);
    await assertRejects(() => other.open(), CorruptionError);
    await assertRejects(() => other.open({ readOnly: true }), CorruptionError);
    other.checkClosed();
  }
});
