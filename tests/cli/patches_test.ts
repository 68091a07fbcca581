/** Patches on the command line: written, read, followed, compared and loaded. */

import { assertEquals, assertMatch } from "@std/assert";
import { TemporaryFolder } from "../git/fixture.ts";
import { varve } from "./fixture.ts";

/** Joins texts: what patches stand on, and each patch. */
const redo = `export const redo = (_key, base, patches) => {
  const texts = [base ?? new Uint8Array(), ...patches].map((bytes) => new TextDecoder().decode(bytes));
  return new TextEncoder().encode(texts.join("+"));
};`;

Deno.test("varve put --patch writes patches, and --redo reads them", async () => {
  await using folder = new TemporaryFolder();
  const run = (...args: string[]) => varve(folder, args);
  const module = `${folder.path}/redo.mjs`;
  await Deno.writeTextFile(module, redo);
  await run("put", "store", "a", "1", "--create");
  assertEquals((await run("put", "store", "a", "2", "--patch")).out, "2\n");
  const refused = await run("get", "store", "a");
  assertEquals(refused.code, 1);
  assertMatch(refused.err, /without the option "redo" \(--redo MODULE gives it\)\n$/);
  assertEquals((await run("get", "store", "a", "--redo", module)).out, "1+2");
  assertEquals((await run("scan", "store", "--redo", new URL(`file://${module}`).href)).out, "a\t1+2\n");
  assertEquals((await run("history", "store", "a", "--redo", module)).out, "1\tput\t1\n2\tput\t1+2\n");
  assertMatch(
    (await run("get", "store", "a", "--explain", "--redo", module)).out,
    /redone of 1 patched version/,
  );
  assertEquals((await run("gc", "store", "--history", "lsns=0", "--redo", module)).code, 0);
  assertEquals((await run("get", "store", "a")).out, "1+2");
});

Deno.test("varve gc and compact say which patches stay, and why", async () => {
  await using folder = new TemporaryFolder();
  const run = (...args: string[]) => varve(folder, args);
  const fails = `${folder.path}/fails.mjs`, module = `${folder.path}/redo.mjs`;
  await Deno.writeTextFile(module, redo);
  await Deno.writeTextFile(fails, 'export const redo = () => { throw new Error("no a") };');
  await run("put", "store", "a", "1", "--create");
  await run("put", "store", "a", "2", "--patch");
  await run("put", "store", "z", "1");
  const stays =
    'varve: Patches of a key cannot be redone, and stay as they are: Cannot redo patches of key "a" at LSN 2';
  const given = await run("gc", "store", "--history", "lsns=0");
  assertEquals([given.code, given.err], [0, `${stays}: no --redo MODULE is given\n`]);
  // What lies over that layer has it merged again.
  await run("put", "store", "b", "1");
  const failed = await run("compact", "store", "--redo", fails);
  assertEquals([failed.code, failed.err], [0, `${stays}: no a\n`]);
  await run("put", "store", "c", "1");
  assertEquals((await run("compact", "store", "--redo", module)).err, "");
  assertEquals((await run("get", "store", "a")).out, "1+2");
});

Deno.test("varve tail shows patches, which varve load takes, and goes on behind", async () => {
  await using folder = new TemporaryFolder();
  const run = (args: string[], input = "") => varve(folder, args, input);
  const module = `${folder.path}/redo.mjs`;
  await Deno.writeTextFile(module, redo);
  const lines = [
    '{"key":"a","lsn":1,"value":"1"}',
    '{"key":"a","lsn":2,"patch":"2"}',
    '{"key":"b","lsn":2,"delete":true}',
    '{"key":"b","lsn":2,"patch":"3"}',
    '{"key":"b","lsn":2,"patchBase64":"/wA="}',
  ].map((line) => `${line}\n`);
  assertEquals((await run(["load", "store", "--create"], lines.join(""))).code, 0);
  assertEquals((await run(["tail", "store", "--json"])).out, lines.join(""));
  assertEquals(
    (await run(["tail", "store"])).out,
    "1\tput\ta\t1\n2\tpatch\ta\t2\n2\tdelete\tb\n2\tpatch\tb\t3\n2\tpatch\tb\t\\xff\\x00\n",
  );
  assertEquals(
    (await run(["diff", "store", "1", "2", "--prefix", "a", "--redo", module])).out,
    "-\ta\t1\n+\ta\t1+2\n",
  );
  assertEquals((await run(["diff", "store", "1", "2"])).code, 1);
  // What was loaded is passed over; what only looks like it is refused.
  const more = '{"key":"a","lsn":3,"patch":"4"}\n';
  assertEquals((await run(["load", "store"], lines.join("") + more)).code, 0);
  assertEquals((await run(["get", "store", "a", "--redo", module])).out, "1+2+4");
  const other = '{"key":"a","lsn":3,"value":"5"}\n{"key":"c","lsn":4,"value":"6"}\n';
  assertMatch((await run(["load", "store"], other)).err, /at LSN 3 the store holds something else/);
  const others = '{"key":"c","lsn":3,"patch":"5"}\n{"key":"c","lsn":4,"value":"6"}\n';
  assertMatch((await run(["load", "store"], others)).err, /at LSN 3 the store holds something else/);
});
