/** What is run without mutants, and what is believed of it. */

import { assert, assertEquals } from "@std/assert";
import { mutants } from "./catalog/mod.ts";
import { filterOf, passedTests, type RunTests, Untouched } from "./untouched.ts";

const output = `running 2 tests from ./tests/a_test.ts
a() does b ... ok (1ms)
a() does c ...
------- output -------
b() ... ok
----- output end -----
a() does c ... FAILED (2ms)
running 1 test from ./tests/b_test.ts
a() does c ... ok (3s)

ok | 2 passed | 1 failed (4ms)
`;

const [one] = mutants;
const mutant = { ...one, caughtBy: "tests/a_test.ts", filter: "a()" };

/** A run that says what it was asked for, and that prints the output above. */
function recorded(success: boolean): { readonly run: RunTests; readonly asked: string[] } {
  const asked: string[] = [];
  const run: RunTests = (filter, files) => {
    asked.push([filter, ...files].join(" "));
    return Promise.resolve({ success, hangs: false, output });
  };
  return { run, asked };
}

Deno.test("filterOf() lets pass what is called so, and nothing else", () => {
  const names = ["a() does b", "(a|b)? of [c]* + ^$", "d."];
  const filter = filterOf([...names, names[0]]);
  assert(filter.startsWith("/") && filter.endsWith("/"));
  const pattern = new RegExp(filter.slice(1, -1));
  for (const name of names) assert(pattern.test(name), name);
  for (const other of ["a() does b, too", "a", "(a", "de", ""]) assert(!pattern.test(other), other);
});

Deno.test("passedTests() finds what passed, in which file", () => {
  assertEquals(passedTests(output), [
    { file: "tests/a_test.ts", name: "a() does b" },
    { file: "tests/b_test.ts", name: "a() does c" },
  ]);
  assertEquals(passedTests("error: Module not found\n"), []);
});

Deno.test("Untouched runs all that failed at once, and alone what is not said to have passed", async () => {
  const { run, asked } = recorded(false);
  const failed = ["a() does b", "a() does c"].map((name) => ({ file: mutant.caughtBy, name }));
  const untouched = new Untouched(failed, run);
  assertEquals((await untouched.of(mutant, "a() does b")).success, true);
  assertEquals(asked, ["/^(a\\(\\) does b|a\\(\\) does c)$/ tests/a_test.ts"]);
  for (const name of ["a() does c", "a() does c", undefined]) {
    assertEquals((await untouched.of(mutant, name)).success, false, name);
  }
  assertEquals(asked.slice(1), ["a() tests/a_test.ts"]);
});

Deno.test("Untouched runs nothing where nothing failed, and alone what has no name", async () => {
  const { run, asked } = recorded(true);
  const untouched = new Untouched([], run);
  assertEquals(asked, []);
  assertEquals((await untouched.of(mutant, undefined)).success, true);
  assertEquals(asked, ["a() tests/a_test.ts"]);
});
