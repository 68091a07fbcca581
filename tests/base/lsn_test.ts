import { assertEquals, assertThrows } from "@std/assert";
import { checkLsn, checkReadLsn, LsnError, maxLsn } from "../../src/base/mod.ts";

Deno.test("checkLsn() takes safe integers from the least on", () => {
  for (const lsn of [0, 1, 2 ** 32, maxLsn]) assertEquals(checkLsn(lsn), lsn);
  assertEquals(checkLsn(1, 1), 1);
  for (const lsn of [-1, 0.5, NaN, Infinity, -Infinity, maxLsn + 1]) {
    assertThrows(() => checkLsn(lsn), RangeError);
  }
  assertThrows(() => checkLsn(0, 1), RangeError, "from 1 to 9007199254740991");
  for (const lsn of ["1", 1n, null, undefined, {}, [1]]) assertThrows(() => checkLsn(lsn), TypeError);
});

Deno.test("checkReadLsn() ends at the last LSN", () => {
  assertEquals([checkReadLsn(undefined, 7), checkReadLsn(0, 7), checkReadLsn(7, 7)], [7, 0, 7]);
  assertThrows(() => checkReadLsn(8, 7), LsnError, "the last LSN is 7");
  assertThrows(() => checkReadLsn(-1, 7), RangeError);
});
