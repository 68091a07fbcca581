/** What the command line of the trials takes, and how it refuses anything else. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parts } from "./ledger/parts.ts";
import { parseOptions } from "./options.ts";

Deno.test("parseOptions() reads what is asked for", () => {
  const none = { minutes: undefined, parts, seed: 7, slice: undefined, beside: false };
  const files = { json: undefined, publish: undefined, from: undefined };
  assertEquals(parseOptions([], parts, 7), { ...none, ...files });
  const given = parseOptions(
    ["--minutes", "0.5", "--only", "parsers,damage", "--seed=0", "--slice", "3", "--beside"],
    parts,
    7,
  );
  assertEquals([given.minutes, given.seed, given.slice, given.beside], [0.5, 0, 3, true]);
  assertEquals(given.parts.map(({ name }) => name), ["parsers", "damage"]);
});

const wrong: readonly string[][] = [
  ["--other"],
  ["damage"],
  ["--only", "nothing"],
  ["--only", ""],
  ["--only", "damage,"],
  ["--seed", "x"],
  ["--seed", ""],
  ["--seed=-1"],
  ["--seed", "1.5"],
  ["--minutes", "0"],
  ["--minutes", ""],
  ["--minutes", "-5"],
  ["--minutes=-5"],
  ["--minutes", "x"],
  ["--minutes", "Infinity"],
  ["--minutes"],
  ["--slice", "1"],
  ["--slice", "1", "--only", "damage,kill"],
  ["--publish", "nowhere"],
];

Deno.test("parseOptions() refuses what there is not", () => {
  for (const args of wrong) assertThrows(() => parseOptions(args, parts, 7), TypeError, "", args.join(" "));
});

Deno.test("deno task reliability says in a line what it cannot use", async () => {
  const main = new URL("./main.ts", import.meta.url).pathname;
  for (
    const args of [["--other"], ["--minutes", "-5"], ["--only", "nothing"], ["--seed", "x"], [
      "--minutes",
      "0",
    ]]
  ) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", main, ...args],
    });
    const { code, stdout, stderr } = await command.output();
    const said = new TextDecoder().decode(stderr);
    assertEquals([code, stdout.length], [2, 0], said);
    assert(/^[^\n]+\n$/.test(said), said);
  }
});
