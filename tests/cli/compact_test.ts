import { assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { varve } from "./fixture.ts";

/** A store with so many layers that lie over each other. */
async function makeStore(path: string, layers: number): Promise<void> {
  await using store = await Store.open(path, { upkeep: "manual" });
  for (let layer = 1; layer <= layers; layer++) {
    await store.timeline().append([{ key: "a", value: `${layer}` }, { key: "z", value: `${layer}` }]);
    await store.timeline().freeze();
  }
}

Deno.test("varve compact merges layers, and says what it did", async () => {
  await using folder = new TemporaryFolder();
  await makeStore(`${folder.path}/store`, 3);
  const merged = await varve(folder, ["compact", "store"]);
  assertEquals([merged.code, merged.err], [0, ""]);
  assertMatch(merged.out, /^Merged 3 layers into 1 /);
  const again = await varve(folder, ["compact", "store"]);
  assertEquals([again.code, again.out, again.err], [0, "Nothing to merge\n", ""]);
  const json = await varve(folder, ["compact", "store", "--json"]);
  assertEquals(JSON.parse(json.out), {
    merges: 0,
    inputLayers: 0,
    outputLayers: 0,
    inputBytes: 0,
    outputBytes: 0,
  });
  const values = await Promise.all(
    [1, 2, 3].map((lsn) => varve(folder, ["get", "store", "z", "--lsn", `${lsn}`])),
  );
  assertEquals(values.map(({ out }) => out), ["1", "2", "3"]);
});

Deno.test("varve compact makes no store, and ends with 3 for a damaged layer, which stays", async () => {
  await using folder = new TemporaryFolder();
  const missing = await varve(folder, ["compact", "store"]);
  assertEquals([missing.code, missing.err], [1, 'varve: Cannot open store "store": there is no store\n']);
  assertEquals((await varve(folder, ["compact", "store", "--create"])).code, 2);
  const path = `${folder.path}/store`;
  await makeStore(path, 2);
  const [layer] = new Place(path).files(/\.seg$/), bytes = Deno.readFileSync(layer);
  // The first record, behind the header and a time mark.
  bytes[4096 + 28 + 4] ^= 1;
  Deno.writeFileSync(layer, bytes);
  const damaged = await varve(folder, ["compact", "store"]);
  assertEquals([damaged.code, damaged.out], [3, ""]);
  assertMatch(damaged.err, /^varve: Cannot trust /);
  assertEquals(Deno.readFileSync(layer), bytes);
  assertEquals(new Place(path).files(/\.delta$/), []);
});
