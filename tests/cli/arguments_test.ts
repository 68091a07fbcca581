import { assertEquals, assertThrows } from "@std/assert";
import { Arguments } from "../../src/cli/arguments.ts";
import type { ArgumentSpecs } from "../../src/cli/options.ts";
import { UsageError } from "../../src/cli/usage_error.ts";

const command: ArgumentSpecs = {
  positionals: ["<store>", "[key]"],
  options: {
    "lsn": { value: "LSN", describe: "an LSN" },
    "limit": { value: "N", describe: "a count" },
    "wait": { value: "SECONDS", otherwise: "Infinity", describe: "a value that may be left out" },
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

Deno.test("Arguments takes what begins with a dash as a value where that is plain", () => {
  assertEquals(parsed("store", "--timeline=-x").text("timeline"), "-x");
  assertEquals(parsed("store", "--timeline", "-3").text("timeline"), "-3");
  assertEquals(parsed("store", "--timeline", "-").text("timeline"), "-");
  assertEquals(parsed("store", "--", "--lsn").positionals, ["store", "--lsn"]);
});

Deno.test("Arguments.milliseconds() tells a value that was left out from one that was given", () => {
  assertEquals(parsed("store").milliseconds("wait"), undefined);
  assertEquals(parsed("store", "--wait").milliseconds("wait"), Infinity);
  assertEquals(parsed("--wait", "store", "--raw").milliseconds("wait"), Infinity);
  assertEquals(parsed("store", "--wait=0.5").milliseconds("wait"), 500);
  assertEquals(parsed("store", "--", "--wait").milliseconds("wait"), undefined);
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
  [["a", "--frob"], () => {}, "--frob is no option"],
  [["a", "--constructor=1"], () => {}, "--constructor is no option"],
  [["a", "-k"], () => {}, '"-k" is no option, and an argument that begins with a dash goes behind "--"'],
  [["a", "-5"], () => {}, '"-5" is no option, and'],
  [["a", "--raw=1"], () => {}, "--raw takes no value"],
  [["a", "--lsn"], () => {}, "--lsn lacks its value: --lsn LSN"],
  [["a", "--lsn", "--raw"], () => {}, "--lsn lacks its value: --lsn LSN"],
  [["a", "--lsn", "--limit=3"], () => {}, "--lsn lacks its value: --lsn LSN"],
  [["a", "--lsn", "-h"], () => {}, "--lsn lacks its value: --lsn LSN"],
  [["a", "--lsn", "--", "b"], () => {}, "--lsn lacks its value: --lsn LSN"],
  [["a", "--lsn", "-x"], () => {}, '"-x" begins with a dash: write --lsn=-x if it is the value'],
  [["a", "--lsn", "-1"], (args) => args.lsn("lsn"), '--lsn takes an LSN from 0 on, not "-1"'],
  [["a", "--limit", "-1"], (args) => args.count("limit"), '--limit takes a count, not "-1"'],
  [
    ["a", "--wait", "5"],
    () => {},
    '"5" follows --wait: write --wait=5, or --wait behind the other arguments',
  ],
  [["a", "--wait=-1"], (args) => args.milliseconds("wait"), '--wait takes seconds, not "-1"'],
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
