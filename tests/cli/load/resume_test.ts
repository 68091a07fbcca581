/** A load that ended early goes on where it stopped. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Store } from "../../../src/store/mod.ts";
import { TemporaryFolder } from "../../git/fixture.ts";
import { startVarve, varve, withoutProgress } from "../fixture.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** So many keys are written in turn, so that a line that is stored twice is one version too many. */
const keys = 997;

/** Lines that say of themselves which they are; with `lsns`, three make a batch. */
function lines(count: number, lsns: boolean): string {
  return Array.from({ length: count }, (_, i) => {
    const lsn = lsns ? { lsn: Math.floor(i / 3) + 1 } : {};
    return JSON.stringify({ key: `k${i % keys}`, ...lsn, value: `line ${i}` }) + "\n";
  }).join("");
}

/** Checks that the store holds each of so many lines exactly once. */
async function assertOnce(folder: TemporaryFolder, count: number): Promise<void> {
  await using store = await Store.open(folder.join("store"), { readOnly: true });
  for (let key = 0; key < Math.min(keys, count); key += 13) {
    const versions = await Array.fromAsync(store.timeline().history(`k${key}`));
    const found = versions.map(({ value }) => decoder.decode(value));
    const expected = Array.from(
      { length: Math.ceil((count - key) / keys) },
      (_, i) => `line ${key + i * keys}`,
    );
    assertEquals(found, expected);
  }
}

/** The names in a folder, which an opening that goes on from a kill changes; none if there is no folder. */
function namesIn(path: string): string {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name).sort().join();
  } catch {
    return "";
  }
}

/** Starts a load of "lines" and kills it some time after it has begun to open the store; whether it had not ended. */
async function killLoad(folder: TemporaryFolder, milliseconds: number): Promise<boolean> {
  const path = folder.join("store"), before = namesIn(path);
  const child = startVarve(folder, ["load", "store", "lines", "--create"]);
  await child.stdin.close();
  let hasEnded = false;
  const output = child.output().finally(() => hasEnded = true);
  const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  while (!hasEnded && namesIn(path) === before) await wait(1);
  await wait(milliseconds);
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  const { code, signal, stderr } = await output;
  const isKilled = signal === "SIGKILL";
  assertEquals([isKilled || code === 0, withoutProgress(decoder.decode(stderr))], [true, ""]);
  return isKilled;
}

for (const lsns of [false, true]) {
  Deno.test(`varve load that is killed stores each line once, ${lsns ? "by LSN" : "by position"}`, async () => {
    await using folder = new TemporaryFolder();
    const count = 400_000;
    await Deno.writeTextFile(folder.join("lines"), lines(count, lsns));
    let kills = 0;
    for (const milliseconds of [0, 50, 100, 200, 400]) if (await killLoad(folder, milliseconds)) kills++;
    assert(kills > 0, "no load was killed");
    const { code, out, err } = await varve(folder, ["load", "store", "lines", "--create"]);
    assertEquals([code, withoutProgress(err)], [0, ""]);
    assertStringIncludes(out, "Loaded ");
    await assertOnce(folder, count);
    const again = await varve(folder, ["load", "store", "lines"]);
    assertStringIncludes(again.out, "Loaded 0 changes in 0 batches");
    assertStringIncludes(again.out, "; 400,000 lines were stored before\n");
  });

  Deno.test(`varve load says that it was interrupted, and goes on, ${lsns ? "by LSN" : "by position"}`, async () => {
    await using folder = new TemporaryFolder();
    const all = lines(10_001, lsns);
    // The reader stops in the middle of a batch.
    const half = lines(5000, lsns);
    const child = startVarve(folder, ["load", "store", "--create", "--name", "mine"]);
    const writer = child.stdin.getWriter();
    await writer.write(encoder.encode(half + '{"key":"torn'));
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { code } = await varve(folder, ["get", "store", "k0"]);
      if (code === 0) break;
    }
    child.kill("SIGINT");
    const { code, stdout, stderr } = await child.output();
    await writer.close().catch(() => {});
    assertEquals([code, decoder.decode(stderr)], [130, ""]);
    const out = decoder.decode(stdout);
    assert(out.startsWith("Interrupted: loaded "), out);
    const rest = await varve(folder, ["load", "store", "--name", "mine"], all);
    assertEquals([rest.code, rest.err], [0, ""]);
    await assertOnce(folder, 10_001);
  });
}

for (const mark of ["", "\ufeff"]) {
  const words = mark === "" ? "" : " with a byte order mark";

  Deno.test(`varve load loads what was added to a file${words}`, async () => {
    await using folder = new TemporaryFolder();
    await Deno.writeTextFile(folder.join("lines"), mark + lines(1500, false));
    await varve(folder, ["load", "store", "lines", "--create"]);
    await Deno.writeTextFile(folder.join("lines"), mark + lines(1700, false));
    const { out } = await varve(folder, ["load", "store", "lines"]);
    assertStringIncludes(out, "Loaded 200 changes in 1 batch, ");
    await assertOnce(folder, 1700);
  });
}

Deno.test("varve load goes on behind a bad line that was mended", async () => {
  await using folder = new TemporaryFolder();
  await Deno.writeTextFile(folder.join("lines"), lines(1500, false) + "{bad\n");
  assertEquals((await varve(folder, ["load", "store", "lines", "--create"])).code, 1);
  await Deno.writeTextFile(folder.join("lines"), lines(1500, false));
  assertEquals((await varve(folder, ["load", "store", "lines"])).code, 0);
  await assertOnce(folder, 1500);
});

Deno.test("varve load refuses another input of the same name", async () => {
  await using folder = new TemporaryFolder();
  const load = (...options: string[]) => varve(folder, ["load", "store", "lines", ...options]);
  for (
    const other of ['{"key":"b","value":"1"}\n', "", '{"key":"a","value":"2"}\n{"key":"b","value":"1"}\n']
  ) {
    await Deno.writeTextFile(folder.join("lines"), '{"key":"a","value":"1"}\n');
    assertEquals((await load("--create")).code, 0);
    await Deno.writeTextFile(folder.join("lines"), other);
    const { code, err } = await load();
    assertEquals(code, 1);
    assertStringIncludes(err, "line 1: another input of that name was loaded up to here");
  }
  assertEquals((await load("--again")).code, 0);
  assertEquals((await varve(folder, ["scan", "store"])).out, "a\t2\nb\t1\n");
  assertEquals((await load("--name", "other")).code, 0);
  assertEquals((await varve(folder, ["history", "store", "b"])).out.split("\n").length, 3);
});

Deno.test("varve load refuses lines whose LSNs the store uses for something else", async () => {
  await using folder = new TemporaryFolder();
  for (const value of ["1", "2", "3"]) await varve(folder, ["put", "store", "a", value, "--create"]);
  const load = (input: string, ...options: string[]) => varve(folder, ["load", "store", ...options], input);
  const tail = '\n{"key":"a","value":"4","lsn":4}';
  for (const line of ['{"key":"a","value":"9","lsn":3}', '{"key":"b","delete":true,"lsn":2}']) {
    const { code, err } = await load(line + tail);
    assertEquals(code, 1);
    assertStringIncludes(err, "the store holds something else");
  }
  const fine = await load('{"key":"a","value":"3","lsn":3}' + tail);
  assertEquals([fine.code, fine.err], [0, ""]);
  assertStringIncludes(fine.out, "Loaded 1 change in 1 batch, up to LSN 4");
  const falling = await load('{"key":"a","value":"3","lsn":3}\n{"key":"a","value":"2","lsn":2}');
  assertStringIncludes(falling.err, "line 2: LSN 2 comes after LSN 3");
});

Deno.test("varve load keeps its positions out of the way", async () => {
  await using folder = new TemporaryFolder();
  await varve(folder, ["load", "store", "--create", "--name", "n"], '{"key":"a","value":"1"}\n');
  const scan = (...options: string[]) => varve(folder, ["scan", "store", ...options]);
  assertEquals((await scan()).out, "a\t1\n");
  assertEquals((await scan("--limit", "1")).out, "a\t1\n");
  const { out } = await scan("--base64", "--prefix", btoa("\0varve/load/"));
  assertStringIncludes(out, '\\x00varve/load/n\t{"bytes":24,"lines":1,"crc":');
  const { out: help } = await varve(folder, ["scan", "--help"]);
  const [, asked] = help.match(/^(--base64 --prefix .*)$/m) ?? [];
  assertEquals((await scan(...asked.split(" "))).out, out);
  {
    await using store = await Store.open(folder.join("store"), { readOnly: true });
    const seen = async (start?: string) =>
      (await Array.fromAsync(store.timeline().scan({ start }))).map(({ key }) => decoder.decode(key));
    assertEquals(await seen(), ["\0varve/load/n", "a"]);
    assertEquals(await seen("\0varve0"), ["a"]);
  }
  const reserved = await varve(folder, ["load", "store"], '{"key":"\\u0000varve/load/n","value":"1"}');
  assertEquals(reserved.code, 1);
  assertStringIncludes(reserved.err, "its key is one of varve's own");
});

Deno.test("varve load says so when what is kept of an input is no position, and loads it again", async () => {
  for (
    const value of ["", "null", "[1]", '{"bytes":-1,"lines":0,"crc":0}', '{"bytes":9e9,"lines":0,"crc":"x"}']
  ) {
    await using folder = new TemporaryFolder();
    await Deno.writeTextFile(folder.join("lines"), lines(5, false));
    {
      await using store = await Store.open(folder.join("store"));
      await store.timeline().append([{ key: "\0varve/load/lines", value }]);
    }
    const { code, out, err } = await varve(folder, ["load", "store", "lines", "--name", "lines"]);
    assert(code !== 0, out);
    assertStringIncludes(err, 'varve/load/lines" is no position (--name');
    const again = await varve(folder, ["load", "store", "lines", "--name", "lines", "--again"]);
    assertEquals([again.code, again.err], [0, ""]);
    await assertOnce(folder, 5);
  }
});
