import { assert, assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { main, Output } from "../../src/cli/mod.ts";
import { crc32 } from "../../src/base/mod.ts";
import { timeMarkBytes } from "../../src/layer/mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { FakeTerminal, startVarve, varve } from "./fixture.ts";

/** Where the second record stands: behind the header, the time of its batch and one record of 24 bytes. */
const second = 4096 + timeMarkBytes + 24;
/** Where it ends. */
const secondEnd = second + 25;

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
  flip(layer, second + 20);
  const damaged = await varve(folder, ["verify", "store"]);
  assertEquals([damaged.code, damaged.err], [3, ""]);
  const [where, what, costs, sum, next] = damaged.out.split("\n");
  assertEquals(where, `damage: ${layer}, bytes ${second} to ${secondEnd}, timeline main`);
  assertEquals(what, "  expected records, found bytes that do not check");
  assertEquals(costs, "  key b\\n, 1 version, LSN 1");
  assertMatch(sum, /: 1 place is damaged$/);
  assertEquals(next, "To copy all that still reads into a new store: varve salvage store <new store>");
  const json = await varve(folder, ["verify", "store", "--json", "--timeline", "main"]);
  const { message, ...line } = JSON.parse(json.out);
  assertEquals(line, {
    severity: "damage",
    path: layer,
    offset: second,
    length: 25,
    timeline: "main",
    firstKeyBase64: "Ygo=",
    lastKeyBase64: "Ygo=",
    versions: 1,
    firstLsn: 1,
    lastLsn: 1,
  });
  assertMatch(message, /^Cannot trust /);
  // Whoever reads learns damage from absence.
  const codes = ["a", "b\n", "d"].map(async (key) => (await varve(folder, ["get", "store", key])).code);
  assertEquals(await Promise.all(codes), [0, 3, 1]);
  flip(manifest, 4096 + 40);
  const unopened = await varve(folder, ["verify", "store"]);
  assertEquals(unopened.code, 4);
  // Why is said once, by the finding.
  assertEquals(unopened.err, "varve: The store cannot be opened, its files are verified\n");
  assertEquals(unopened.out.split(/^damage: [^\n]*manifest-/m).length, 2, unopened.out);
  assert(unopened.out.includes(`damage: ${layer}, bytes ${second} to ${secondEnd}`), unopened.out);
  for (const path of ["nothing", manifest]) {
    const { code, out, err } = await varve(folder, ["verify", path]);
    assertEquals([code, out, err.split("\n").length], [1, "", 2], err);
  }
  assertEquals((await varve(folder, ["verify"])).code, 2);
});

/** Who may read everything gives that up for a run. */
const unprivileged = Deno.uid() === 0
  ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
  : [];

/** Whether a file without permissions cannot be read then, where this runs. */
function canForbid(): boolean {
  if (Deno.build.os === "windows") return false;
  const path = Deno.makeTempFileSync();
  try {
    Deno.chmodSync(path, 0);
    const [program, ...args] = [...unprivileged, "cat", path];
    return new Deno.Command(program, { args, stderr: "null" }).outputSync().code === 1;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test({
  name: "varve verify ends with 1 if something may not be read, and does not call it damage",
  ignore: !canForbid(),
  fn: async () => {
    await using folder = new TemporaryFolder();
    const { path, layer, manifest } = await makeStore(folder);
    for (const [forbidden, code] of [[manifest, 1], [layer, 1], [path, 1]] as const) {
      const { mode } = Deno.statSync(forbidden);
      Deno.chmodSync(forbidden, 0);
      const ran = await varve(folder, ["verify", "store"], "", unprivileged);
      Deno.chmodSync(forbidden, mode! & 0o777);
      assertEquals(ran.code, code, ran.err);
      const said = forbidden === path ? ran.err : ran.out;
      assertMatch(said, /^(varve|unreadable): /);
      assertEquals(said.split("EACCES").length, 2, said);
      if (forbidden === path) continue;
      assertMatch(
        said,
        /: no damage, 1 place may not be read\nWhat may not be read is not verified: [^\n]*\n$/,
      );
    }
    // Damage elsewhere is damage all the same, also where the store cannot be opened.
    flip(layer, 4096 + 20);
    for (const [forbidden, code] of [[manifest, 4], [layer, 1]] as const) {
      Deno.chmodSync(forbidden, 0);
      const ran = await varve(folder, ["verify", "store"], "", unprivileged);
      Deno.chmodSync(forbidden, 0o600);
      assertEquals(ran.code, code, ran.out);
      assertEquals(ran.out.includes("varve salvage"), code === 4, ran.out);
    }
  },
});

Deno.test("varve verify says why a store cannot be opened where no finding does", async () => {
  await using folder = new TemporaryFolder();
  const { path, manifest } = await makeStore(folder);
  {
    await using store = await Store.open(path);
    await store.createTimeline("other");
  }
  const place = new Place(path), last = place.files(/\.seg$/).at(-1) as string;
  flip(last, 4096 + 10);
  const all = await varve(folder, ["verify", "store"]),
    other = await varve(folder, ["verify", "store", "--timeline", "other"]);
  const first = "varve: The store cannot be opened, its files are verified\n";
  assertEquals([all.code, all.err, other.code], [4, first, 4]);
  assert(other.err.startsWith(`${first}varve: Cannot trust "${last}"`), other.err);
  // One of another version of the format says it in the words of the refusal.
  const bytes = Deno.readFileSync(manifest);
  bytes[12] = 99;
  new DataView(bytes.buffer).setUint32(0, crc32(bytes.subarray(4, 4096)), true);
  Deno.writeFileSync(manifest, bytes);
  const newer = await varve(folder, ["verify", "store"]);
  assertEquals([newer.code, newer.err], [4, first], newer.out);
});

Deno.test("varve verify counts warnings apart, which are no damage", async () => {
  await using folder = new TemporaryFolder();
  const { path } = await makeStore(folder), terminal = new FakeTerminal();
  Deno.writeTextFileSync(`${path}/note`, "", { mode: 0o600 });
  assertEquals(await main(["verify", path], terminal), 0);
  const text = terminal.written.map((bytes) => new TextDecoder().decode(bytes)).join("");
  assertMatch(
    text,
    /^warning: [^\n]*\/note\n {2}expected files of the store alone, found one that nobody names\n/,
  );
  assertMatch(text, /no damage, 1 warning\n$/);
});

Deno.test("varve salvage copies what reads, shows what is lost, and ends with 3 if anything is", async () => {
  await using folder = new TemporaryFolder();
  const { layer } = await makeStore(folder);
  const whole = await varve(folder, ["salvage", "store", "first"]);
  assertEquals([whole.code, whole.err], [0, ""]);
  assertMatch(whole.out, /^main: 2 batches, 3 records, LSNs 1 to 2\nSalvaged 2 batches [^\n]*\n$/);
  assertEquals((await varve(folder, ["get", "first", "c"])).out, "three");
  assertEquals((await varve(folder, ["salvage", "store", "first"])).code, 1);
  flip(layer, second + 20);
  const lost = await varve(folder, ["salvage", "store", "second"]);
  assertEquals(lost.code, 3);
  assertEquals(lost.out.split("\n").slice(0, 3), [
    "main: 2 batches, 2 records, LSNs 1 to 2",
    `  lost: ${layer}, bytes ${second} to ${secondEnd}, LSN 1`,
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
  assertMatch(
    nameless.out,
    /^No manifest could be read: timelines are named by their ids, and branches lack what they went on from\n/,
  );
  const id = layer.split("/").at(-2) as string;
  assert(nameless.out.endsWith(`\nRead it with --timeline ${id}\n`), nameless.out);
  assertEquals((await varve(folder, ["get", "fourth", "c", "--timeline", id])).out, "three");
});

/** A terminal whose output nobody reads any more. */
class ClosedTerminal extends FakeTerminal {
  override readonly output: Output = new Output({
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
  });
}

Deno.test("varve verify and varve salvage end as they would have when nobody reads what they say", async () => {
  await using folder = new TemporaryFolder();
  const { path, layer } = await makeStore(folder);
  assertEquals(await main(["verify", path], new ClosedTerminal()), 0);
  flip(layer, second + 20);
  assertEquals(await main(["verify", path], new ClosedTerminal()), 3);
  assertEquals(await main(["salvage", path, `${folder.path}/new`], new ClosedTerminal()), 3);
});

Deno.test("varve salvage says why it does not begin, and makes nothing", async () => {
  await using folder = new TemporaryFolder();
  const { path, layer } = await makeStore(folder);
  Deno.mkdirSync(`${folder.path}/empty`);
  const refusals: [string[], number, RegExp][] = [
    [["nothing", "new"], 1, /Cannot salvage "nothing": there is nothing of a store\n$/],
    [["empty", "new"], 1, /Cannot salvage "empty": there is nothing of a store\n$/],
    [[layer, "new"], 1, /: it is not a directory\n$/],
    [["store", layer], 1, /Cannot salvage into "[^"]*": it is not a directory\n$/],
    [["store", "store"], 1, /it is not empty\n$/],
    [["store", `${path}/new`], 1, /it lies within/],
    [["store", "new", "--timeline", "main"], 2, /every timeline is copied/],
  ];
  for (const [args, code, message] of refusals) {
    const ran = await varve(folder, ["salvage", ...args]);
    assertEquals([ran.code, ran.out], [code, ""]);
    assertMatch(ran.err, message);
  }
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["empty", "store"]);
});

Deno.test("varve salvage that is interrupted ends with 130 and says what is left of it", async () => {
  await using folder = new TemporaryFolder();
  {
    await using store = await Store.open(`${folder.path}/store`);
    for (let i = 0; i < 60; i++) {
      await store.timeline().append([{ key: `${i}`, value: new Uint8Array(1024 * 1024) }]);
    }
  }
  const child = startVarve(folder, ["salvage", "store", "new"]);
  await child.stdin.close();
  while (!new Place(`${folder.path}`).files(/\/new\/.*\.seg$/).length) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  child.kill("SIGINT");
  const { code, stdout, stderr } = await child.output();
  assertEquals([code, stdout.length], [130, 0]);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^varve: "new" holds (1 batch|[\d,]+ batches), and is no whole copy\n$/,
  );
});

Deno.test("varve verify says of a directory of something else that it is no store, and advises nothing", async () => {
  await using folder = new TemporaryFolder();
  Deno.mkdirSync(`${folder.path}/letters`);
  Deno.writeTextFileSync(`${folder.path}/letters/note.txt`, "no store");
  const { code, out, err } = await varve(folder, ["verify", "letters"]);
  assertEquals([code, out], [1, ""]);
  assertMatch(err, /^varve: [^\n]*"note\.txt" and no manifest, it is not a store\n$/);
});

for (const stranger of ["file", "link"] as const) {
  Deno.test(`varve verify tells of a ${stranger} in the place of a timeline's directory`, async () => {
    await using folder = new TemporaryFolder();
    const { layer } = await makeStore(folder), directory = layer.slice(0, layer.lastIndexOf("/"));
    Deno.renameSync(directory, `${folder.path}/moved`);
    if (stranger === "file") Deno.writeTextFileSync(directory, "no timeline", { mode: 0o600 });
    else Deno.symlinkSync(`${folder.path}/moved`, directory);
    const { code, out } = await varve(folder, ["verify", "store"]);
    assertEquals(code, 4);
    assertEquals(out.split("\n").slice(0, 2), [
      `damage: ${directory}, timeline main`,
      "  expected a directory, found a file or a link",
    ]);
    assertMatch(out, /: 1 place is damaged\nTo copy/);
  });
}
