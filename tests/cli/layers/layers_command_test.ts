/** `varve layers`, where it draws and where it sums up. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeKey } from "../../../src/base/mod.ts";
import { closeStore, openStore } from "../../../src/store/open_store.ts";
import { Store } from "../../../src/store/mod.ts";
import { TemporaryFolder } from "../../git/fixture.ts";
import { varve } from "../fixture.ts";
import { type Element, parseXml, rectanglesOf, wordsOf } from "./fixture.ts";

/** Makes a store of so many sealed layers of one version each, and an open one. */
async function makeStore(folder: TemporaryFolder, sealed: number): Promise<void> {
  await using store = await Store.open(folder.join("store"), { upkeep: "manual" });
  const timeline = store.timeline();
  for (let i = 0; i < sealed; i++) {
    await timeline.append([{ key: encodeKey(["<key>", i]), value: "v" }]);
    await timeline.freeze();
  }
  await timeline.append([{ key: "open", value: "v" }]);
}

/** Runs `varve layers` on the store and expects it to work. */
async function layers(folder: TemporaryFolder, ...args: string[]): Promise<string> {
  const { code, out, err } = await varve(folder, ["layers", "store", ...args]);
  assertEquals([code, err], [0, ""], args.join(" "));
  return out;
}

function kindsOf(picture: Element): (string | undefined)[] {
  return rectanglesOf(picture).map(({ attributes }) => attributes.get("class")).sort();
}

Deno.test("varve layers --svg draws the layers into a file, over what is there, or to standard output", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder, 2);
  await Deno.writeTextFile(folder.join("out.svg"), "x".repeat(100_000));
  assertEquals(await layers(folder, "--svg", "out.svg"), "");
  const written = await Deno.readTextFile(folder.join("out.svg"));
  const picture = parseXml(written);
  assertEquals(kindsOf(picture), ["L0", "L0", "open"]);
  assertMatch(wordsOf(picture)[0], /^Layers of main in .*\/store$/);
  assertEquals(await layers(folder, "--svg", "-"), written);
  assertEquals(await layers(folder, "--svg=-", "--all"), written);
  assert(wordsOf(picture).includes("keys →, where … is \\x02<key>\\x00\\x03"), wordsOf(picture).join("\n"));
  const parts = parseXml(await layers(folder, "--svg", "-", "--parts"));
  for (const word of ['keys →, where … is ["<key>",', "…0]", "…1]"]) {
    assert(wordsOf(parts).includes(word), word);
  }
});

Deno.test("varve layers --svg draws the horizon of the timeline", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder, 2);
  assert(!(await layers(folder, "--svg", "-")).includes("horizon 2"));
  const store = await openStore(folder.join("store"), {});
  const [{ id }] = store.manifest.state.timelines;
  await store.manifest.commit({ type: "horizon", id, lsn: 2 });
  await closeStore(store);
  assert(wordsOf(parseXml(await layers(folder, "--svg", "-"))).includes("horizon 2"));
});

Deno.test("varve layers --svg refuses what it should not write, and says why", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder, 1);
  await Deno.mkdir(folder.join("directory"));
  await Deno.symlink(folder.join("store"), folder.join("link"));
  const before = [...Deno.readDirSync(folder.join("store"))].map(({ name }) => name);
  const refused: [args: string[], code: number, message: string][] = [
    [["--svg", "absent/out.svg"], 1, "Cannot write absent/out.svg: No such file or directory (os error 2)\n"],
    [["--svg", "directory"], 1, "Cannot write directory: Is a directory (os error 21)\n"],
    [["--svg", "store"], 1, "Cannot write store: it lies in the store\n"],
    [["--svg", "store/out.svg"], 1, "Cannot write store/out.svg: it lies in the store\n"],
    [["--svg", "link/lock"], 1, "Cannot write link/lock: it lies in the store\n"],
    [["--svg", "out.svg", "--json"], 2, "--svg and --json exclude each other"],
    [["--svg"], 2, "--svg lacks its value: --svg FILE"],
  ];
  for (const [args, code, message] of refused) {
    const ran = await varve(folder, ["layers", "store", ...args]);
    assertEquals([ran.code, ran.out], [code, ""], args.join(" "));
    assertStringIncludes(ran.err, `varve: ${message}`);
  }
  assertEquals([...Deno.readDirSync(folder.join("store"))].map(({ name }) => name), before);
});

Deno.test("varve layers sums up more layers than can be read, unless it is asked for all", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder, 50);
  const lines = (text: string) => text.trimEnd().split("\n");
  const summed = lines(await layers(folder));
  assertMatch(summed[0], /^kind +size of each +layers +LSNs +versions +deletions +size$/);
  assertMatch(summed[1], /^open +< 64 KiB +1 +51–51 +1 +0 +/);
  assertMatch(summed[2], /^L0 +< 64 KiB +50 +1–50 +50 +0 +/);
  assertMatch(summed[3], /^all +51 +1–51 +51 +0 +/);
  assertEquals(summed.slice(4), ["51 layers: --all lists them, --svg FILE draws them"]);
  assertEquals(lines(await layers(folder, "--all")).length, 52);
  assertEquals(lines(await layers(folder, "--json")).length, 51);
  await using other = new TemporaryFolder();
  await makeStore(other, 49);
  assertEquals(lines(await layers(other)).length, 51);
});

Deno.test("varve layers tells up to which LSN an image has everything", async () => {
  await using folder = new TemporaryFolder();
  const store = await Store.open(folder.join("store"), { upkeep: "manual", history: { lsns: 2 } });
  for (let i = 0; i < 9; i++) await store.timeline().append([{ key: "a", value: `${i}` }]);
  await store.timeline().freeze();
  await store.timeline().compact();
  const [{ kind, imageLsn }] = store.timeline().layers();
  await store.close();
  assertEquals([kind, imageLsn], ["image", 7]);
  assertMatch((await layers(folder)).split("\n")[1], /^image at 7 +7 +1–9 +1 +3 +0 /);
  assertEquals(JSON.parse(await layers(folder, "--json")).imageLsn, 7);
  assertStringIncludes(await layers(folder, "--svg", "-"), "<title>image at LSN 7\n");
});
