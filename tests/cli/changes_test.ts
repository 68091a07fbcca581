/** `varve tail` and `varve diff`: what they show, of which keys, and how they end. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Store } from "../../src/store/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { startVarve, varve } from "./fixture.ts";

const decoder = new TextDecoder();

/** A folder with a store of three batches. */
async function filled(): Promise<TemporaryFolder> {
  const folder = new TemporaryFolder();
  await using store = await Store.open(folder.join("store"));
  const timeline = store.timeline();
  await timeline.append([{ key: "b", value: "1" }, { key: "a", value: "t\tb" }]);
  await timeline.append([{ key: "b", delete: true }, { key: "user/1", value: new Uint8Array([255]) }]);
  await timeline.append([{ key: "a", value: "2" }], { lsn: 9 });
  return folder;
}

async function shown(folder: TemporaryFolder, ...args: string[]): Promise<string> {
  const { code, out, err } = await varve(folder, args);
  assertEquals([code, err], [0, ""]);
  return out;
}

Deno.test("varve tail shows changes in the order of LSNs and keys, as text and as JSON that load reads", async () => {
  await using folder = await filled();
  const lines = [
    "1\tput\ta\tt\\tb",
    "1\tput\tb\t1",
    "2\tdelete\tb",
    "2\tput\tuser/1\t\\xff",
    "9\tput\ta\t2",
  ];
  assertEquals(await shown(folder, "tail", "store"), lines.map((line) => `${line}\n`).join(""));
  assertEquals(
    await shown(folder, "tail", "store", "--from", "2", "--to", "8", "--prefix", "u"),
    `${lines[3]}\n`,
  );
  const json = await shown(folder, "tail", "store", "--json");
  assertStringIncludes(
    json,
    '{"key":"b","lsn":2,"delete":true}\n{"key":"user/1","lsn":2,"valueBase64":"/w=="}\n',
  );
  const loaded = await varve(folder, ["load", "copy", "--create"], json);
  assertEquals(loaded.code, 0, loaded.err);
  assertEquals(
    await shown(folder, "diff", "copy", "0", "9", "--end", "\x7f"),
    await shown(folder, "diff", "store", "0", "9"),
  );
});

Deno.test("varve tail and varve diff leave out where loads stopped, so that load takes what they show", async () => {
  await using folder = new TemporaryFolder();
  const lines = ["a", "b"].map((key) => `{"key":"${key}","value":"1"}\n`).join("");
  assertEquals((await varve(folder, ["load", "store", "--create", "--name", "lines"], lines)).code, 0);
  const json = await shown(folder, "tail", "store", "--json");
  assertEquals(json, '{"key":"a","lsn":1,"value":"1"}\n{"key":"b","lsn":1,"value":"1"}\n');
  const copied = await varve(folder, ["load", "copy", "--create"], json);
  assertEquals([copied.code, copied.err], [0, ""]);
  assertEquals(await shown(folder, "diff", "store", "0", "1"), "+\ta\t1\n+\tb\t1\n");

  const asked = ["--base64", "--prefix", new TextEncoder().encode("\0varve/load/").toBase64()];
  assertStringIncludes(await shown(folder, "tail", "store", ...asked), "1\tput\t\\x00varve/load/lines\t{");
  assertStringIncludes(
    await shown(folder, "diff", "store", "0", "1", ...asked),
    "+\t\\x00varve/load/lines\t{",
  );
});

Deno.test("varve diff shows what there was and what there is", async () => {
  await using folder = await filled();
  assertEquals(
    await shown(folder, "diff", "store", "1", "9"),
    "-\ta\tt\\tb\n+\ta\t2\n-\tb\t1\n+\tuser/1\t\\xff\n",
  );
  assertEquals(
    await shown(folder, "diff", "store", "1", "9", "--json"),
    '{"key":"a","before":"t\\tb","after":"2"}\n{"key":"b","before":"1"}\n{"key":"user/1","afterBase64":"/w=="}\n',
  );
  assertEquals(await shown(folder, "diff", "store", "1", "9", "--start", "b", "--end", "c"), "-\tb\t1\n");
});

Deno.test("varve tail and varve diff take prefixes of parts and show keys so, also of a branch", async () => {
  await using folder = new TemporaryFolder();
  {
    await using store = await Store.open(folder.join("store"));
    const main = store.timeline();
    await main.append([{ key: ["user", 1], value: "Ann" }, { key: ["user\0", 2], value: "no part of it" }]);
    await main.append([{ key: ["user", 1], value: "later" }]);
    const side = await store.createTimeline("side", { ancestor: "main", lsn: 1 });
    await side.append([{ key: ["user", 3], value: "Bob" }]);
  }
  const options = ["--timeline", "side", "--key-parts", '["user"]'];
  assertEquals(
    await shown(folder, "tail", "store", ...options),
    '1\tput\t["user",1]\tAnn\n2\tput\t["user",3]\tBob\n',
  );
  assertEquals(
    await shown(folder, "tail", "store", ...options, "--json", "--from", "2"),
    '{"keyParts":["user",3],"lsn":2,"value":"Bob"}\n',
  );
  assertEquals(
    await shown(folder, "diff", "store", "0", "2", ...options),
    '+\t["user",1]\tAnn\n+\t["user",3]\tBob\n',
  );
});

Deno.test("varve tail and varve diff say what they were asked wrongly, and what is not there", async () => {
  await using folder = await filled();
  const cases: [string[], number, string][] = [
    [["tail", "store", "-f", "--to", "3"], 2, "exclude each other"],
    [["tail", "store", "--prefix", "a", "--key-parts", '["a"]'], 2, "exclude each other"],
    [["tail", "store", "--from", "11"], 1, "the last LSN is 9"],
    [["diff", "store", "1"], 2, "<LSN> is missing"],
    [["diff", "store", "1", "x"], 2, "whole number"],
    [["diff", "store", "2", "1"], 2, "stands before"],
    [["diff", "store", "1", "10"], 1, "the last LSN is 9"],
  ];
  for (const [args, code, message] of cases) {
    const ran = await varve(folder, args);
    assertEquals([ran.code, ran.out], [code, ""], args.join(" "));
    assertStringIncludes(ran.err, message);
  }
});

Deno.test("varve tail -f shows what another process writes, soon, and ends with 130", async () => {
  await using folder = await filled();
  const child = startVarve(folder, ["tail", "store", "-f", "--from", "9"]);
  await child.stdin.close();
  const reader = child.stdout.getReader();
  let out = "";
  const until = async (text: string) => {
    while (!out.includes(text)) {
      const { done, value } = await reader.read();
      assert(!done, out);
      out += decoder.decode(value);
    }
  };
  await until("9\tput\ta\t2\n");
  await using store = await Store.open(folder.join("store"));
  for (let i = 10; i < 13; i++) {
    await store.timeline().append([{ key: "new", value: `${i}` }]);
    await until(`${i}\tput\tnew\t${i}\n`);
  }
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  await child.stderr.cancel();
  assertEquals((await child.status).code, 130);
  assertEquals(out.split("\n").length, 5);
});
