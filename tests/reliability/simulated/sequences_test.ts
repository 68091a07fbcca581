/** Every sequence of operations, crashed at every moment. */

import { assert, assertEquals } from "@std/assert";
import { crashSequences, sequencesOf } from "./sequences.ts";

Deno.test("sequencesOf() lists every sequence of up to three of eight operations", () => {
  assertEquals(sequencesOf(3).length, 8 + 8 ** 2 + 8 ** 3);
  assertEquals(new Set(sequencesOf(3).map(String)).size, 584);
});

Deno.test("Store.open() finds what was durable, and a prefix, after a crash in any two operations", async () => {
  const { failures, sequences, recoveries } = await crashSequences({}, { most: 2, limit: 64 });
  assertEquals(failures, []);
  assertEquals(sequences, 72);
  assert(recoveries > 150, `${recoveries} recoveries`);
});
