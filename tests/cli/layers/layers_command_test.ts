/** `varve layers`, where it sums up. */

import { assertEquals, assertMatch } from "@std/assert";
import { encodeKey } from "../../../src/base/mod.ts";
import { Store } from "../../../src/store/mod.ts";
import { TemporaryFolder } from "../../git/fixture.ts";
import { varve } from "../fixture.ts";

/** Makes a store of so many sealed layers of one version each, and an open one. */
async function makeStore(folder: TemporaryFolder, sealed: number): Promise<void> {
  await using store = await Store.open(folder.join("store"));
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

Deno.test("varve layers sums up more layers than can be read, unless it is asked for all", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(folder, 50);
  const lines = (text: string) => text.trimEnd().split("\n");
  const summed = lines(await layers(folder));
  assertMatch(summed[0], /^kind +size of each +layers +LSNs +versions +deletions +size$/);
  assertMatch(summed[1], /^open +< 64 KiB +1 +51–51 +1 +0 +/);
  assertMatch(summed[2], /^L0 +< 64 KiB +50 +1–50 +50 +0 +/);
  assertMatch(summed[3], /^all +51 +1–51 +51 +0 +/);
  assertEquals(summed.slice(4), ["51 layers: --all lists them"]);
  assertEquals(lines(await layers(folder, "--all")).length, 52);
  assertEquals(lines(await layers(folder, "--json")).length, 51);
  await using other = new TemporaryFolder();
  await makeStore(other, 49);
  assertEquals(lines(await layers(other)).length, 51);
});
