/** The program `examples/backup.ts` with a store whose history was given up in part, and which has patches and branches. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { backUp } from "../../examples/backup.ts";
import { LsnError, type Redo, Store, type Timeline } from "../../mod.ts";
import { collect } from "../store/bytes.ts";
import { type Place, test } from "../store/matrix.ts";

const script = new URL("../../examples/backup.ts", import.meta.url).pathname;
const decoder = new TextDecoder();

/** Joins texts: what patches stand on, and each patch. */
const redo: Redo = (_key, base, patches) =>
  new TextEncoder().encode(
    [base ?? new Uint8Array(), ...patches].map((bytes) => decoder.decode(bytes)).join("+"),
  );
const redoModule = `export const redo = (_key, base, patches) =>
  new TextEncoder().encode([base ?? [], ...patches].map((b) => new TextDecoder().decode(new Uint8Array(b))).join("+"));`;

/** Runs the program. */
async function run(place: Place, ...args: string[]) {
  const flags = ["run", "--no-prompt", `--allow-read=${place.path}`, `--allow-write=${place.path}`];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...flags, script, ...args.map((name) => `${place.path}/${name}`)],
    cwd: place.path,
  }).output();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Writes keys that change and keys that do not, and patches on both sides of where the horizon comes to be. */
async function fill(timeline: Timeline): Promise<void> {
  await timeline.append([{ key: "still", value: "1" }, { key: "p", value: "0" }, {
    key: "gone",
    value: "1",
  }]);
  for (let i = 2; i <= 20; i++) {
    await timeline.append([{ key: `k${i % 3}`, value: `${i}` }, { key: "p", patch: `${i}` }]);
  }
  await timeline.append([{ key: "gone", delete: true }, { key: "still", patch: "late" }]);
}

/** What there is as of an LSN. */
async function stateOf(timeline: Timeline, lsn: number): Promise<string[]> {
  const entries = await collect(timeline.scan({}, { lsn }));
  return entries.map(({ key, value }) => `${decoder.decode(key)} ${decoder.decode(value)}`);
}

test("examples/backup.ts copies from the horizon on, patches as they are, and says what it leaves out", async (place) => {
  await Deno.writeTextFile(`${place.path}/redo.mjs`, redoModule);
  const path = `${place.path}/from`;
  {
    await using store = await Store.open(path, { history: { lsns: 10 } });
    await fill(store.timeline());
    await store.timeline().gc();
    await store.createTimeline("trial", { ancestor: "main" });
  }
  const refused = await run(place, "from", "to");
  assertEquals([refused.code, refused.out], [1, ""]);
  assertStringIncludes(refused.err, "RedoError");
  await assertRejects(() => Deno.stat(`${place.path}/to`), Deno.errors.NotFound);

  const { code, out, err } = await run(place, "from", "to", "redo.mjs");
  assertEquals([code, out], [
    0,
    `The backup in ${place.path}/to goes up to LSN 21\nIt has no history below LSN 11, nor does the store\n` +
    "Not copied: timeline trial, a branch of main\n",
  ], err);
  await using from = await Store.open(path, { readOnly: true, redo });
  await using to = await Store.open(`${place.path}/to`, { redo });
  for (let lsn = 11; lsn <= 21; lsn++) {
    assertEquals(await stateOf(to.timeline(), lsn), await stateOf(from.timeline(), lsn), `LSN ${lsn}`);
  }
  const [{ patches }] = (await to.timeline().explain(["p"])).keys;
  assertEquals(patches, 9);
});

test("backUp() does not go on with a backup that ends below the horizon", async (place) => {
  await using store = await Store.open(`${place.path}/from`, { redo });
  await using to = await Store.open(`${place.path}/to`);
  const source = store.timeline(), target = to.timeline();
  await target.append([{ key: "old", value: "1" }]);
  await fill(source);
  await source.gc({ history: { lsns: 10 } });
  const error = await assertRejects(() => backUp(source, target, 11), LsnError);
  assertEquals([error.horizon, target.lastLsn], [11, 1]);
});

test("backUp() has the state of a horizon in as many batches as there are LSNs for", async (place) => {
  await using store = await Store.open(`${place.path}/from`);
  await using to = await Store.open(`${place.path}/to`);
  const source = store.timeline(), target = to.timeline();
  const value = new Uint8Array(9_000_000);
  await source.append(["a", "b", "c", "d", "e"].map((key) => ({ key, value })));
  await source.append([{ key: "f", value: "1" }]);
  await source.append([{ key: "g", value: "1" }]);
  await source.gc({ history: { lsns: 1 } });
  await backUp(source, target, 2);
  assertEquals([await target.count({}, { lsn: 2 }), await target.count(), target.durableLsn], [6, 7, 3]);
  assert(await target.count({}, { lsn: 1 }) > 0);
});
