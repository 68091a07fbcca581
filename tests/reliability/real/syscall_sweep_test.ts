/** Some system calls that fail; `deno task reliability:real syscalls 60` fails them for an hour. */

import { assert, assertEquals } from "@std/assert";
import { traceAbsence } from "./strace.ts";
import { syscallSweep } from "./syscall_sweep.ts";

const absent = traceAbsence === undefined ? "" : ` — absent: ${traceAbsence}`;

Deno.test({
  name: `Store bears with any system call that fails, and with a kill at any${absent}`,
  ignore: traceAbsence !== undefined,
  fn: async () => {
    const { failures, syscallFaults, syscallKills, recoveries } = await syscallSweep({
      milliseconds: Infinity,
      most: 16,
    });
    assertEquals(failures, []);
    assert(syscallFaults + syscallKills > 0 && recoveries === 16, `${syscallFaults} calls failed`);
  },
});
