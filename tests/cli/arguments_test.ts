import { assertEquals, assertThrows } from "@std/assert";
import { Arguments, UsageError } from "../../src/cli/arguments.ts";
import type { ArgumentSpecs } from "../../src/cli/options.ts";

const command: ArgumentSpecs = {
  positionals: ["<store>", "[key]"],
  options: {
    "lsn": { value: "LSN", describe: "an LSN" },
    "limit": { value: "N", describe: "a count" },
    "raw": { describe: "a switch" },
    "base64": { describe: "a switch" },
  },
};

const parsed = (...args: string[]) => new Arguments(command, args);

Deno.test("Arguments tells what was given", () => {
  const args = parsed("store", "--lsn", "7", "key", "--raw", "--limit=3", "--io-mode", "direct");
  assertEquals(args.positionals, ["store", "key"]);
  assertEquals([args.lsn("lsn"), args.count("limit"), args.text("io-mode")], [7, 3, "direct"]);
  assertEquals([args.flag("raw"), args.flag("base64"), args.flag("help")], [true, false, false]);
  const none = parsed("store");
  assertEquals([none.lsn("lsn"), none.count("limit"), none.text("io-mode")], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(none.positionals[1], undefined);
});

Deno.test("Arguments asks for nothing else where help is asked for", () => {
  for (const help of ["--help", "-h"]) assertEquals(parsed(help, "--io-mode", "fast").flag("help"), true);
});

Deno.test("Arguments.bytes() gives text as it is, and decodes base64", () => {
  assertEquals(parsed("store").bytes("/w=="), "/w==");
  assertEquals(parsed("store", "--base64").bytes("/w=="), Uint8Array.of(255));
  assertThrows(() => parsed("store", "--base64").bytes("k!"), UsageError, '"k!" is not base64');
});

const wrong: [args: string[], use: (args: Arguments) => unknown, message: string][] = [
  [[], () => {}, "<store> is missing"],
  [["a", "b", "c"], () => {}, '"c" is one argument too many'],
  [["a", "--frob"], () => {}, "--frob"],
  [["a", "--raw=1"], () => {}, "--raw"],
  [["a", "--lsn"], () => {}, "--lsn"],
  [["a", "--io-mode", "fast"], () => {}, '--io-mode takes buffered, direct, direct-rw, not "fast"'],
  [["a", "--io-engine", "sim"], () => {}, '--io-engine takes auto, uring, threads, node, not "sim"'],
  [["a", "--lsn", "1.5"], (args) => args.lsn("lsn"), '--lsn takes an LSN from 0 on, not "1.5"'],
  [["a", "--lsn", "0"], (args) => args.lsn("lsn", 1), '--lsn takes an LSN from 1 on, not "0"'],
  [["a", "--lsn="], (args) => args.lsn("lsn"), '--lsn takes an LSN from 0 on, not ""'],
  [["a", "--lsn", "9007199254740992"], (args) => args.lsn("lsn"), "--lsn takes an LSN"],
  [["a", "--limit", "many"], (args) => args.count("limit"), '--limit takes a count, not "many"'],
  [["a", "--limit=-1"], (args) => args.count("limit"), '--limit takes a count, not "-1"'],
  [["a", "--limit", "9007199254740992"], (args) => args.count("limit"), "--limit takes a count"],
];

for (const [args, use, message] of wrong) {
  Deno.test(`Arguments refuses ${JSON.stringify(args)}`, () => {
    assertThrows(() => use(new Arguments(command, args)), UsageError, message);
  });
}
