/** Closing a file while others are still at work with it. */

import { assertEquals } from "@std/assert";
import { bytesOf, DirectFixture, isSame } from "./fixture.ts";

for (const tail of ["rewrite", "pad"] as const) {
  Deno.test(`DirectFile.close() waits for every sync that was asked for before it, tail "${tail}"`, async () => {
    const t = DirectFixture.make(), file = await t.open({ tail }), { engine } = t;
    const datasync = engine.datasync.bind(engine), close = engine.close.bind(engine);
    let running = 0;
    engine.datasync = async (target) => {
      running++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      await datasync(target).finally(() => running--);
    };
    engine.close = async (target) => {
      assertEquals(running, 0, "it is closed under a sync");
      await close(target);
    };
    await file.append(bytesOf(5000));
    const first = file.sync();
    const start = await file.append(bytesOf(300, 2));
    const second = file.sync(), closing = file.close();
    await Promise.all([first, second, closing]);
    assertEquals(isSame(t.contents().subarray(start, start + 300), bytesOf(300, 2)), true);
    t.checkClosed();
  });
}
