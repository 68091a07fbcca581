/** Some entries of rings that fail; `deno task reliability:real ring 60` has them fail for an hour. */

import { assert, assertEquals } from "@std/assert";
import { ringAbsence, ringSweep } from "./ring_sweep.ts";

Deno.test({
  name: `Store bears with any entry of its ring that fails, and with a kill at any${
    ringAbsence === undefined ? "" : ` — absent: ${ringAbsence}`
  }`,
  ignore: ringAbsence !== undefined,
  fn: async () => {
    const { failures, ringFaults, ringKills, recoveries } = await ringSweep({
      milliseconds: Infinity,
      most: 16,
    });
    assertEquals(failures, []);
    assert(ringFaults > 0 && recoveries === 16, `${ringFaults} entries failed, ${ringKills} killed`);
  },
});
