import { assertEquals } from "@std/assert";
import {
  type HistoryPolicy,
  horizonOf,
  isWorthStep,
} from "../../../../src/timeline/upkeep/retain/history_policy.ts";

Deno.test("horizonOf() is the last LSN that either kind of policy lets go, and never beyond what is durable", () => {
  // An LSN each second; now is second 1000, at which LSN 1000 was appended.
  const lsnBefore = (milliseconds: number) => Math.max(0, 1000 - milliseconds / 1000);
  const cases: [HistoryPolicy, number, number][] = [
    ["all", 1000, 0],
    [{ lsns: 10 }, 1000, 990],
    [{ lsns: 0 }, 1000, 1000],
    [{ lsns: 2000 }, 1000, 0],
    [{ milliseconds: 30_000 }, 1000, 970],
    [{ milliseconds: 0 }, 1000, 1000],
    [{ milliseconds: 30_000 }, 900, 900],
    [{ lsns: 10, milliseconds: 30_000 }, 1000, 970],
    [{ lsns: 100, milliseconds: 30_000 }, 1000, 900],
  ];
  for (const [policy, durable, horizon] of cases) {
    assertEquals(horizonOf(policy, durable, lsnBefore), horizon, JSON.stringify([policy, durable]));
  }
});

Deno.test("isWorthStep() is so from a sixteenth on of what stays readable", () => {
  const cases = [[0, 0, 100, false], [0, 5, 100, false], [0, 6, 100, true], [100, 99, 100, false], [
    99,
    100,
    100,
    true,
  ]];
  for (const [from, to, last, isWorth] of cases) {
    assertEquals(isWorthStep(Number(from), Number(to), Number(last)), isWorth, `${from} to ${to} of ${last}`);
  }
});
