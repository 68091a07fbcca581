/** Every mutant still fits the code that it breaks; and what tries mutants says what came of them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { stripTypeScriptTypes } from "node:module";
import { textOf } from "../source.ts";
import { mutants } from "./catalog/mod.ts";
import { chooseMutants, parseOptions } from "./choose.ts";
import { type Mutant, mutate } from "./mutant.ts";
import type { Outcome } from "./tree.ts";
import { failedTest, judge } from "./trial.ts";

/** Fewer were enough to pass without a look at whole promises. */
const leastMutants = 32;

Deno.test("mutants have names of their own and say what they break", () => {
  assertEquals(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  for (const { name, breaks } of mutants) {
    assert(/^[a-z]+(-[a-z]+)+$/.test(name), name);
    assert(/^[A-Z].* .*\.$/.test(breaks), `${name}: ${breaks}`);
  }
  assert(mutants.length >= leastMutants, `${mutants.length} mutants`);
});

Deno.test("mutants fit in exactly one place of the module that they change", () => {
  const wrong = mutants.filter((mutant) => mutate(textOf(mutant.file), mutant) === undefined);
  assertEquals(wrong.map(({ name, file }) => `${name}: ${file}`), []);
});

Deno.test("mutants name tests that there are", () => {
  const wrong = mutants.filter(({ caughtBy, filter }) => filter === "" || !textOf(caughtBy).includes(filter));
  assertEquals(wrong.map(({ name, caughtBy, filter }) => `${name}: “${filter}” in ${caughtBy}`), []);
});

Deno.test("mutants can be parsed", () => {
  for (const mutant of mutants) {
    const text = mutate(textOf(mutant.file), mutant);
    if (text === undefined) continue;
    try {
      stripTypeScriptTypes(text);
    } catch (cause) {
      throw new Error(`${mutant.name} is no TypeScript`, { cause });
    }
  }
  assertThrows(() => stripTypeScriptTypes("let a: number = ;"));
});

Deno.test("mutate() changes one place, and refuses none and several", () => {
  assertEquals(mutate("a b c", { before: "b", after: "$&" }), "a $& c");
  for (const before of ["d", " ", ""]) assertEquals(mutate("a b c", { before, after: "x" }), undefined);
  assertEquals(mutate("aaa", { before: "aa", after: "x" }), undefined);
});

/** Mutants that are told apart by their names. */
function named(...names: string[]): Mutant[] {
  const [one] = mutants;
  return names.map((name) => ({ ...one, name }));
}

Deno.test("chooseMutants() takes all, one, or as many as asked for by a seed", () => {
  const all = named("a", "b", "c", "d", "e");
  const namesOf = (options: { only?: string; sample?: number; seed?: number }) =>
    chooseMutants(all, { only: undefined, sample: undefined, seed: 1, ...options }).map(({ name }) => name);
  assertEquals(namesOf({}), ["a", "b", "c", "d", "e"]);
  assertEquals(namesOf({ only: "c" }), ["c"]);
  assertEquals(namesOf({ sample: 9 }).length, 5);
  assertEquals(namesOf({ sample: 2 }), namesOf({ sample: 2 }));
  const seen = new Set(Array.from({ length: 40 }, (_, seed) => namesOf({ sample: 2, seed }).join()));
  assert(seen.size > 5, `${seen.size} samples`);
  assertThrows(() => namesOf({ only: "f" }), TypeError, 'Cannot find a mutant "f"');
  assertThrows(() => namesOf({ sample: 0 }), TypeError);
});

Deno.test("parseOptions() reads what it knows, and refuses anything else", () => {
  const none = { only: undefined, sample: undefined, seed: 7, json: undefined };
  assertEquals(parseOptions([], 7), none);
  assertEquals(parseOptions(["--sample", "12", "--seed", "0", "--json", "a.json"], 7), {
    ...none,
    sample: 12,
    seed: 0,
    json: "a.json",
  });
  assertEquals(parseOptions(["--only", "a"], 7), { ...none, only: "a" });
  for (const args of [["--other", "1"], ["only", "a"], ["--only"], ["--sample", "x"], ["--seed", "-1"]]) {
    assertThrows(() => parseOptions(args, 7), TypeError, "Cannot use");
  }
});

Deno.test("failedTest() finds the test that failed, and none where nothing ran", () => {
  const output = "a ... FAILED (1ms)\n\n ERRORS \n\na() does b => ./tests/c/d_test.ts:5:6\nerror: no\n";
  assertEquals(failedTest(output), "a() does b");
  const uncaught =
    "e() does f ...\nUncaught error from ./tests/c_test.ts FAILED\ne() does f ... cancelled (0ms)\n";
  assertEquals(failedTest(uncaught), "e() does f");
  assertEquals(failedTest("error: Module not found\n"), undefined);
});

Deno.test("judge() takes a mutant for killed only if its tests fail with it and pass without", async () => {
  const passed = { success: true, hangs: false, output: "ok | 1 passed | 0 failed (1ms)" };
  const failed = { success: false, hangs: false, output: "a ... FAILED\n\na => ./tests/b_test.ts:1:6\n" };
  const verdict = (outcome: Outcome, untouched: Outcome) => judge(outcome, () => Promise.resolve(untouched));
  assertEquals(await verdict(failed, passed), ["killed", "a"]);
  assertEquals(await verdict({ ...failed, hangs: true, output: "" }, passed), ["killed", "its tests hang"]);
  assertEquals(await verdict(passed, passed), ["survived", "no test failed"]);
  for (
    const [outcome, untouched] of [
      [{ ...passed, output: "ok | 0 passed | 0 failed | 1 ignored (1ms)" }, passed],
      [{ ...failed, output: "error: Module not found" }, passed],
      [failed, failed],
    ]
  ) assertEquals((await verdict(outcome, untouched))[0], "proves nothing");
});
