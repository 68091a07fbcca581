/** What is given up while somebody comes to read it is told as that, in the process that gives it up and in another. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, OffsetError, PoisonedError } from "../../log.ts";
import { lose } from "../../src/sim/mod.ts";
import { checkRecords, fill, payloadOf, SimLog, smallSegments, until } from "./log_fixture.ts";

Deno.test("Log that is only read tells an OffsetError where its writer removed a segment meanwhile", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 3000);
  await log.sync();
  await until(() => log.segments().slice(0, -1).every(({ state }) => state === "sealed"));
  const reader = await t.open({ readOnly: true }), stale = reader.readable({ from: 0 });
  assertEquals(reader.firstOffset, 0);
  await log.truncateBefore(2900);
  await until(() =>
    log.segments().length === 1 && t.disk.paths().filter((path) => path.endsWith(".seg")).length === 1
  );
  const error = await assertRejects(() => Array.fromAsync(stale), OffsetError, "the first is at 2900");
  assertEquals(error.offset, 0);
  assertEquals(await reader.offsetAt(new Date(0)), 2900);
  await checkRecords(reader, 2900, 3000);
  await reader.close();
  await log.close();
  t.checkClosed();
});

Deno.test("Log that is only read finishes the segment that it is in, also where nobody looked for a place yet", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 3000);
  await log.sync();
  await until(() => log.segments().slice(0, -1).every(({ state }) => state === "sealed"));
  const [first] = log.segments(), middle = first.nextOffset - 10;
  const reader = await t.open({ readOnly: true }), before = t.engine.openFiles;
  // The file goes once the reader has it open, and before it looks for the index.
  let isGone = false;
  t.engine.observe = (operation) => {
    const isOver = operation.startsWith("open") && t.engine.openFiles > before;
    if (isGone || !isOver) return;
    isGone = true;
    lose(t.disk, first.path);
  };
  const taken = reader.readable({ from: middle, to: first.nextOffset });
  let next = middle;
  for await (const { offset } of taken) assertEquals(offset, next++);
  assert(isGone);
  assertEquals(next, first.nextOffset);
  t.engine.observe = () => {};
  await reader.close();
  await log.close();
});

Deno.test("Log.offsetAt() finds its way while segments are given up", async () => {
  const t = new SimLog(), log = await t.open(smallSegments);
  await fill(log, 6000);
  await log.sync();
  await until(() => log.segments().slice(0, -1).every(({ state }) => state === "sealed"));
  const asked = Array.from({ length: 50 }, () => log.offsetAt(new Date(0)));
  const given = log.truncateBefore(5900);
  for (const found of await Promise.all(asked)) assert(found === 0 || found === 5900, `${found}`);
  await given;
  await log.close();
  t.checkClosed();
});

Deno.test("Log that is poisoned looks no further for what has become too old", async () => {
  const t = new SimLog(), log = await t.open({ ...smallSegments, retain: { milliseconds: 5 } });
  await fill(log, 10);
  t.faults.failNext("write", "EIO");
  await assertRejects(() => log.sync(), PoisonedError);
  // Later than the second by which it was appended.
  await new Promise((go) => setTimeout(go, 1300));
  await checkRecords(log, 0, 10);
  await assertRejects(() => log.append(payloadOf(10)), PoisonedError);
  await assertRejects(() => log.close(), PoisonedError);
  assert(!(await log.close().catch((error) => error) instanceof IoError));
});
