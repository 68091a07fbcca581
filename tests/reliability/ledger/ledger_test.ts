import { assertEquals } from "@std/assert";
import { complaints, type Ledger } from "./ledger.ts";
import type { Counts, Failure, Part } from "./part.ts";

const part: Part = {
  name: "a part",
  summary: "what it does",
  seconds: 100,
  goals: { flips: 1000, fullDisks: 5 },
  run: () => Promise.resolve({ counts: {}, skipped: [], failures: [] }),
};

/** A run of the part that did so much in so many seconds. */
function ledgerOf(seconds: number, counts: Counts, skipped: string[] = [], failures: Failure[] = []): Ledger {
  const entry = { name: part.name, seconds, counts, skipped, failures };
  return { date: "", command: "", seed: 1, seconds, parts: [entry] };
}

/** What a run complains of that must reach its goals. */
function saidOf(ledger: Ledger): string[] {
  return complaints(ledger, [part], true);
}

Deno.test("complaints() has what a part did too little of", () => {
  assertEquals(saidOf(ledgerOf(50, { flips: 1000, fullDisks: 5 })), []);
  const missed = "a part: did too little: 999 of 1,000 flips, 0 of 5 full disks";
  assertEquals(saidOf(ledgerOf(99, { flips: 999 })), [missed]);
  assertEquals(complaints(ledgerOf(99, { flips: 999 }), [part], false), []);
  assertEquals(saidOf(ledgerOf(99, {}, ["it needs a tool"])), []);
});

Deno.test("complaints() bears with no part whose time was up before its goals were reached", () => {
  const missed = "a part: did too little in 100 s: 999 of 1,000 flips";
  assertEquals(saidOf(ledgerOf(101, { flips: 999, fullDisks: 5 })), [missed]);
  assertEquals(saidOf(ledgerOf(101, { flips: 1000, fullDisks: 5 })), []);
});

Deno.test("complaints() has every failure, with the command that shows it again", () => {
  const failure = { command: "deno task again", message: "it is gone" };
  const wrong = saidOf(ledgerOf(50, { flips: 1000, fullDisks: 5 }, [], [failure]));
  assertEquals(wrong, ["a part: it is gone\n    again: deno task again"]);
});
