/** Some disks that become full; `deno task reliability:real full 60` fills them for an hour. */

import { assert, assertEquals } from "@std/assert";
import { fillDisks } from "./full_disk.ts";
import { mountAbsence } from "./namespace.ts";

Deno.test({
  name: `Store survives disks that become full again and again${
    mountAbsence === undefined ? "" : ` — absent: ${mountAbsence}`
  }`,
  ignore: mountAbsence !== undefined,
  fn: async () => {
    const { failures, tmpfsRuns, fullDisks } = await fillDisks({ milliseconds: Infinity, most: 4 });
    assertEquals(failures, []);
    assert(fullDisks > tmpfsRuns && tmpfsRuns === 4, `${tmpfsRuns} runs, ${fullDisks} full disks`);
  },
});
