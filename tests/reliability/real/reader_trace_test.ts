/** Some readers that are looked at; `deno task reliability:real readers 60` looks at them for an hour. */

import { assert, assertEquals } from "@std/assert";
import { changesIn, traceReaders } from "./reader_trace.ts";
import { parseTrace, traceAbsence } from "./strace.ts";

const absent = traceAbsence === undefined ? "" : ` — absent: ${traceAbsence}`;

Deno.test({
  name: `Store issues no call that writes, syncs or locks alone when it is read only${absent}`,
  ignore: traceAbsence !== undefined,
  fn: async () => {
    const { failures, tracedReaders } = await traceReaders({ milliseconds: 20_000, most: 3 });
    assertEquals(failures, []);
    assert(tracedReaders > 0);
  },
});

Deno.test("changesIn() sees what changes a store, and nothing else", () => {
  const trace = [
    '11 openat(AT_FDCWD</a>, "/s/one", O_RDONLY|O_DIRECT|O_CLOEXEC) = 3</s/one>',
    '11 openat(AT_FDCWD</a>, "/s/two", O_RDWR|O_CLOEXEC <unfinished ...>',
    "12 pread64(3</s/one>, ..., 4096, 0) = 4096",
    "11 <... openat resumed>) = 4",
    "12 pwrite64(4</s/two>, ..., 4096, 0) = 4096",
    "12 pwrite64(5</elsewhere>, ..., 4096, 0) = 4096",
    "12 fcntl(4</s/two>, F_SETFL, O_RDONLY) = 0",
    "12 flock(4</s>, LOCK_EX|LOCK_NB) = 0",
    "12 flock(5</s/five>, LOCK_SH|LOCK_NB) = 0",
    "12 fdatasync(4</s/two>) = 0",
    '12 rename("/s/one", "/s/three") = 0',
    '12 mkdir("/s/four", 0700) = -1 EEXIST (File exists)',
    "12 +++ exited with 0 +++",
  ].join("\n");
  assertEquals(
    changesIn(parseTrace(trace), "/s").map(({ name }) => name),
    ["openat", "pwrite64", "flock", "fdatasync", "rename", "mkdir"],
  );
});
