/** Giving up records while others give up and read: what was given up stays so, and what is left is shown. */

import { assertEquals } from "@std/assert";
import { fill, SimLog, smallSegments } from "./log_fixture.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

Deno.test("Log.truncateBefore() stays as far as it came, while segments are given up for one before it", async () => {
  const t = new SimLog(), log = await t.open(smallSegments), { engine } = t;
  await fill(log, 3000);
  await log.sync();
  while (log.segments().some(({ state }) => state === "frozen")) await sleep(1);
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
