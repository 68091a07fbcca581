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
  assertMatch(refused.err, /without the option "redo"/);
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
