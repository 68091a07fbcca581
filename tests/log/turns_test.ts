/** Appends that need not wait keep nobody from his turn. */

import { assert } from "@std/assert";
import type { Turns } from "../../src/base/mod.ts";
import { type IoEngine, systemHost } from "../../src/io/mod.ts";
import { openLogWith } from "../../src/log/mod.ts";
import { SimEngine } from "../../src/sim/mod.ts";
import { fill } from "./log_fixture.ts";

Deno.test("Log.append() that is awaited gives the event loop its turn, also where payloads are empty", async () => {
  for (const length of [0, 1, 100]) {
    const engine = new SimEngine();
    let turns = 0;
    const counted = (own: IoEngine) => {
      const host = systemHost(own), { turns: real } = host;
      const counting: Turns = {
        due: () => true,
        turn: () => {
          turns++;
          return real.turn();
        },
        awaiting: () => real.awaiting(),
        answered: () => real.answered(),
      };
      return { ...host, turns: counting };
    };
    const log = await openLogWith(counted, "/store/log", { ioEngine: engine });
    await fill(log, 5000, length);
    assert(turns >= Math.floor(5000 * (20 + length) / 17_000), `${turns} turns, ${length} bytes`);
    await log.close();
  }
});
