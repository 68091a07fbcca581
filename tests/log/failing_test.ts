/** What fails is told to whoever writes next, ends nothing else, and leaves nothing open. */

import { assertRejects } from "@std/assert";
import { PoisonedError } from "../../log.ts";
import { fill, payloadOf, SimLog } from "./log_fixture.ts";

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
