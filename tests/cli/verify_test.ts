import { assert, assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { main } from "../../src/cli/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { FakeTerminal, varve } from "./fixture.ts";

/** A store of one sealed layer and a segment, and its files. */
async function makeStore(
  folder: TemporaryFolder,
): Promise<{ path: string; layer: string; manifest: string }> {
  const path = `${folder.path}/store`, store = await Store.open(path), timeline = store.timeline();
  await timeline.append([{ key: "a", value: "one" }, { key: "b\n", value: "two" }]);
  await timeline.freeze();
  await timeline.append([{ key: "c", value: "three" }], { sync: true });
  await store.close();
  const place = new Place(path);
  return { path, layer: place.files(/\.seg$/)[0], manifest: place.files(/manifest-/).at(-1) as string };
}

function flip(path: string, offset: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[offset] ^= 1;
  Deno.writeFileSync(path, bytes);
}

Deno.test("varve verify ends with 0 for a whole store, with 3 for damage, with 4 if it cannot be opened", async () => {
  await using folder = new TemporaryFolder();
  const { layer, manifest } = await makeStore(folder);
  const whole = await varve(folder, ["verify", "store"]);
  assertEquals([whole.code, whole.err], [0, ""]);
  assertMatch(whole.out, /^Verified 2\/2 objects .*: no damage\n$/);
  // The second record stands behind one of 24 bytes.
  flip(layer, 4096 + 24 + 20);
  const damaged = await varve(folder, ["verify", "store"]);
  assertEquals([damaged.code, damaged.err], [3, ""]);
  const [where, what, costs, sum] = damaged.out.split("\n");
  assertEquals(where, `damage: ${layer}, bytes 4120 to 4145, timeline main`);
  assertEquals(what, "  expected records, found bytes that do not check");
  assertEquals(costs, "  key b\\n, 1 version, LSN 1");
  assertMatch(sum, /: 1 place is damaged$/);
  const json = await varve(folder, ["verify", "store", "--json", "--timeline", "main"]);
  const { message, ...line } = JSON.parse(json.out);
  assertEquals(line, {
    severity: "damage",
    path: layer,
    offset: 4120,
    length: 25,
    timeline: "main",
    firstKeyBase64: "Ygo=",
    lastKeyBase64: "Ygo=",
    versions: 1,
    firstLsn: 1,
    lastLsn: 1,
  });
  assertMatch(message, /^Cannot trust /);
  flip(manifest, 4096 + 40);
  const unopened = await varve(folder, ["verify", "store"]);
  assertEquals(unopened.code, 4);
  assertMatch(unopened.err, /^varve: Cannot trust "[^"]*manifest-/);
  assert(unopened.out.includes(`damage: ${layer}, bytes 4120 to 4145`), unopened.out);
  assertEquals((await varve(folder, ["verify", "nothing"])).code, 1);
  assertEquals((await varve(folder, ["verify"])).code, 2);
});

Deno.test("varve verify counts warnings apart, which are no damage", async () => {
  await using folder = new TemporaryFolder();
  const { path } = await makeStore(folder), terminal = new FakeTerminal();
  Deno.writeTextFileSync(`${path}/note`, "", { mode: 0o600 });
  assertEquals(await main(["verify", path], terminal), 0);
  const text = terminal.written.map((bytes) => new TextDecoder().decode(bytes)).join("");
  assertMatch(text, /^warning: [^\n]*\/note\n {2}expected a manifest that names it, found none\n/);
  assertMatch(text, /no damage, 1 warning\n$/);
});

Deno.test("varve salvage copies what reads, shows what is lost, and ends with 3 if anything is", async () => {
  await using folder = new TemporaryFolder();
  const { layer } = await makeStore(folder);
  const whole = await varve(folder, ["salvage", "store", "first"]);
  assertEquals([whole.code, whole.err], [0, ""]);
  assertMatch(whole.out, /^main: 2 batches, 3 records, LSNs 1 to 2\nSalvaged 2 batches /);
  assertEquals((await varve(folder, ["get", "first", "c"])).out, "three");
  assertEquals((await varve(folder, ["salvage", "store", "first"])).code, 1);
  flip(layer, 4096 + 24 + 20);
  const lost = await varve(folder, ["salvage", "store", "second"]);
  assertEquals(lost.code, 3);
  assertEquals(lost.out.split("\n").slice(0, 3), [
    "main: 2 batches, 2 records, LSNs 1 to 2",
    `  lost: ${layer}, bytes 4120 to 4145, LSN 1`,
    "  may lack records: LSN 1",
  ]);
  assertEquals((await varve(folder, ["get", "second", "a"])).out, "one");
  const dropped = await varve(folder, ["salvage", "store", "third", "--drop-incomplete", "--json"]);
  const [{ batches, incomplete }] = JSON.parse(dropped.out).timelines;
  assertEquals([dropped.code, batches, incomplete], [3, 1, [1]]);
  assertEquals((await varve(folder, ["get", "third", "a"])).code, 1);
  for (const path of new Place(`${folder.path}/store`).files(/manifest-/)) Deno.removeSync(path);
  const nameless = await varve(folder, ["salvage", "store", "fourth"]);
  assertEquals(nameless.code, 3);
  assertMatch(nameless.out, /^No manifest could be read: timelines are named by their ids\n/);
});
