/** What fails is told to whoever writes next, ends nothing else, and leaves nothing open. */

import { assertEquals, assertRejects } from "@std/assert";
import { PoisonedError } from "../../log.ts";
import { checkRecords, fill, payloadOf, SimLog, smallSegments } from "./log_fixture.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

Deno.test("Log whose write failed is closed whole, also where its segment is worth sealing", async () => {
  const t = new SimLog(), log = await t.open({ flushMilliseconds: 2 });
  await fill(log, 2000, 1000);
  await log.sync();
  t.faults.failNext("write", "EIO");
  await fill(log, 2010, 1000);
  while (!await log.append(payloadOf(2010)).then(() => false, () => true)) await sleep(2);
  await assertRejects(() => log.close(), PoisonedError, "EIO");
  t.checkClosed();
});

Deno.test("Log is closed whole, and gives its lock up, though the file of a reader cannot be closed", async () => {
  for (const isGivenUp of [false, true]) {
    const t = new SimLog(), log = await t.open(smallSegments), { engine } = t;
    await fill(log, 3000);
    await log.sync();
    const readers = [0, 10, 2000].map((from) => log.readable({ from }).getReader());
    for (const reader of readers) await reader.read();
    const controller = new AbortController(), { signal } = controller;
    const aborted = log.readable({ signal }).getReader();
    await aborted.read();
    if (isGivenUp) await log.truncateBefore(2990);
    const close = engine.close.bind(engine);
    let count = 0;
    engine.close = async (file) => {
      await close(file);
      if (file.path.endsWith(".seg") && count++ === 0) throw new Error("EIO");
    };
    for (const reader of readers.slice(0, 2)) await reader.cancel();
    // An error that nobody takes would end the process.
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted.read(), Error, "enough");
    await assertRejects(() => log.close(), Error, "EIO");
    t.checkClosed();
    const again = await t.open(smallSegments);
    await checkRecords(again, again.firstOffset, 3000);
    await again.close();
  }
});

Deno.test("Log.close() waits for dates that are looked up", async () => {
  for (let turns = 0; turns < 60; turns++) {
    const t = new SimLog();
    const writer = await t.open(smallSegments);
    await fill(writer, 3000);
    await writer.close();
    const log = await t.open({ ...smallSegments, readOnly: turns % 2 === 0 });
    const first = log.offsetAt(new Date(0));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const second = log.offsetAt(new Date(0));
    await log.close();
    t.checkClosed();
    assertEquals(await Promise.all([first, second]), [0, 0]);
  }
});
