/** Giving up records while others give up and read: what was given up stays so, and what is left is shown. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Log, PoisonedError } from "../../log.ts";
import { checkRecords, fill, payloadOf, SimLog, smallSegments } from "./log_fixture.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Opens a log of so many records, of whose segments all but the last are sealed. */
async function sealedLog(t: SimLog, count: number): Promise<Log> {
  const log = await t.open(smallSegments);
  await fill(log, count);
  await log.sync();
  while (log.segments().some(({ state }) => state === "frozen")) await sleep(1);
  return log;
}

/** Has each file take its time to be removed; tells how many are being. */
function slowRemovals({ engine }: SimLog): { readonly running: number } {
  const remove = engine.remove.bind(engine), removals = { running: 0 };
  engine.remove = async (path) => {
    removals.running++;
    await sleep(10);
    await remove(path);
    removals.running--;
  };
  return removals;
}

Deno.test("Log.truncateBefore() stays as far as it came, while segments are given up for one before it", async () => {
  const t = new SimLog(), log = await sealedLog(t, 3000), { engine } = t;
  const write = engine.write.bind(engine);
  engine.write = async (transfers, options) => {
    await sleep(20);
    await write(transfers, options);
  };
  const before = log.segments().length, first = log.truncateBefore(1000);
  // That is being written; what it gives up is planned once it is, and written behind the other.
  await sleep(5);
  const second = log.truncateBefore(1600);
  await Promise.all([first, second]);
  assertEquals(log.firstOffset, 1600);
  while (log.segments().length === before) await sleep(1);
  assertEquals(log.firstOffset, 1600);
  await log.close();
  t.checkClosed();
});

Deno.test("Log that is only read shows what there is, though its writer gives up segments at each look", async () => {
  const t = new SimLog(), writer = await t.open(smallSegments);
  await fill(writer, 12_000);
  await writer.sync();
  const list = t.engine.list.bind(t.engine), looks: number[] = [];
  // Between the look at the manifest and that at the files, the first file goes.
  t.engine.list = async (path) => {
    if (path !== t.path && looks.length < 8) {
      const { path: first, nextOffset } = writer.segments()[0];
      looks.push(nextOffset);
      await writer.truncateBefore(nextOffset);
      while (t.disk.paths().includes(first)) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return await list(path);
  };
  const log = await t.open({ readOnly: true });
  assertEquals([looks.length, log.firstOffset], [8, looks[7]]);
  looks.length = 0;
  const follower = log.readable({ from: 12_000, follow: true }).getReader();
  const next = follower.read();
  await writer.append(payloadOf(12_000), { sync: true });
  assertEquals((await next).value?.offset, 12_000);
  assertEquals([looks.length, log.firstOffset], [8, looks[7]]);
  await log.close();
  await writer.close();
  t.checkClosed();
});

Deno.test("Log.close() leaves no file to be removed behind it, also of records that are just being given up", async () => {
  for (let delay = 0; delay < 24; delay += 2) {
    const t = new SimLog(), log = await sealedLog(t, 2000), { engine } = t, write = engine.write.bind(engine);
    const removals = slowRemovals(t);
    engine.write = async (transfers, options) => {
      await sleep(3);
      await write(transfers, options);
    };
    const given = log.truncateBefore(1990);
    await sleep(delay);
    await log.close();
    assertEquals(removals.running, 0, `files are being removed, closed after ${delay} ms`);
    await given;
    const before = t.disk.hash();
    await sleep(15);
    assertEquals(t.disk.hash(), before);
    const again = await new SimLog(t.disk).open(smallSegments);
    assertEquals(again.firstOffset, 1990);
    await checkRecords(again, 1990, 2000);
    await again.close();
  }
});

Deno.test("Log.close() that fails leaves no file to be removed behind it either", async () => {
  const t = new SimLog(), log = await sealedLog(t, 2000), removals = slowRemovals(t);
  await log.truncateBefore(1990);
  while (removals.running === 0) await sleep(1);
  await log.append(payloadOf(2000));
  t.faults.failNext("write", "EIO");
  await assertRejects(() => log.close(), PoisonedError, "EIO");
  assertEquals(removals.running, 0);
  t.checkClosed();
});
