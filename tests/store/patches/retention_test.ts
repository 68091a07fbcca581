/** Patches under a horizon: what is kept, and what becomes of it in images. */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store, type StoreOptions, type Timeline } from "../../../mod.ts";
import { collect, patterned } from "../bytes.ts";
import { type Place, test } from "../matrix.ts";
import { redo, textOf, write } from "./fixture.ts";

/** What is read of keys from an LSN on. */
async function readsFrom(timeline: Timeline, keys: string[], lsn: number): Promise<string[]> {
  const found: string[] = [];
  for (let at = lsn; at <= timeline.lastLsn; at++) {
    found.push((await timeline.getMany(keys, { lsn: at })).map((value) => textOf(value) ?? "").join(" "));
  }
  for (const key of keys) {
    const versions = await collect(timeline.history(key, { from: lsn }));
    found.push(versions.map(({ lsn, value }) => `${lsn}:${textOf(value)}`).join(" "));
  }
  return found;
}

const program = "a=1 a+2 b+x a+3 / c=v c! c+w b+y / a+4 b+z d=1 d=2 d+3 a+5 /";
const keys = ["a", "b", "c", "d"];

async function makeStore(place: Place, options: StoreOptions = {}): Promise<Store> {
  const store = await place.open({ redo, ...options });
  await write(store.timeline(), program);
  return store;
}

test("Below a horizon patches become whole values, and reads are as before", async (place: Place) => {
  const store = await makeStore(place), timeline = store.timeline();
  const before = await readsFrom(timeline, keys, 10);
  await timeline.gc({ history: { lsns: 4 } });
  assertEquals(await readsFrom(timeline, keys, 10), before);
  const layers = timeline.layers();
  assertEquals(layers.map(({ kind }) => kind), ["image"]);
  // a@9, a@14, b@10, c@7, d@11, d@12, d@13.
  assertEquals(layers[0].versions, 7);
  assertEquals((await timeline.explain(keys)).keys.map(({ patches }) => patches), [1, 0, 0, 1]);
  assertEquals(await Array.fromAsync(store.verify()), []);
  await place.close(store);
  const reopened = await place.open({ redo });
  assertEquals(await readsFrom(reopened.timeline(), keys, 10), before);
  const again = reopened.timeline(), later = await readsFrom(again, keys, 13);
  await again.gc({ history: { lsns: 1 } });
  // a@14 is a patch still: what is read as of 13 is not what it makes of it.
  assertEquals(await readsFrom(again, keys, 13), later);
  assertEquals((await again.explain(keys)).keys.map(({ patches }) => patches), [1, 0, 0, 0]);
});

test("Without redo, chains of patches are kept down to what they stand on", async (place: Place) => {
  let store = await makeStore(place);
  const before = await readsFrom(store.timeline(), keys, 10);
  await place.close(store);
  store = await place.open();
  await store.timeline().gc({ history: { lsns: 4 } });
  // Of d the oldest value was superseded by a newer one; of c nothing under the deletion is needed.
  assertEquals(store.timeline().layers().map(({ kind, versions }) => [kind, versions]), [["image", 13]]);
  await place.close(store);
  store = await place.open({ redo });
  assertEquals(await readsFrom(store.timeline(), keys, 10), before);
  await store.timeline().gc({ history: { lsns: 3 } });
  assertEquals(await readsFrom(store.timeline(), keys, 11), [
    ...before.slice(1, 5),
    ...await historiesFrom(store, 11),
  ]);
  assertEquals((await store.timeline().explain(keys)).keys.map(({ patches }) => patches), [1, 0, 0, 1]);
});

async function historiesFrom(store: Store, lsn: number): Promise<string[]> {
  return (await readsFrom(store.timeline(), keys, lsn)).slice(-keys.length);
}

test("A redo that fails in a merge keeps the chain, and is noted", async (place: Place) => {
  const store = await makeStore(place, {
    redo: (key, base, patches) => {
      if (textOf(key) === "b") throw new Error("no b");
      return redo(key, base, patches);
    },
  });
  const timeline = store.timeline();
  await timeline.gc({ history: { lsns: 4 } });
  assertEquals((await timeline.explain(["a", "b"])).keys.map(({ patches }) => patches), [1, 3]);
  assert(
    store.io.notes.some((note) => note.includes("Patches of a key cannot be redone")),
    store.io.notes.join(),
  );
  assertEquals(textOf(await timeline.get("a")), "1+2+3+4+5");
  await place.close(store);
  assertEquals(textOf(await (await place.open({ redo })).timeline().get("b")), "-+x+y+z");
});

test("A branch keeps its patches, whose values its ancestors have", async (place: Place) => {
  const store = await makeStore(place);
  const branch = await store.createTimeline("branch", { ancestor: "main" });
  await write(branch, "a+6 a+7 e=1 e+2 e+3 /");
  await branch.gc({ history: { lsns: 0 } });
  assertEquals((await branch.getMany(["a", "e"])).map(textOf), ["1+2+3+4+5+6+7", "1+2+3"]);
});

test("A layer of one key is not removed for newer patches of it", async (place: Place) => {
  const store = await place.open({ redo, segmentBytes: 64 * 1024 }), timeline = store.timeline();
  await timeline.append([{ key: "a", value: patterned(1000, 1) }]);
  await timeline.freeze();
  await timeline.append([{ key: "a", patch: "1" }]);
  await timeline.freeze();
  await timeline.gc({ history: { lsns: 0 } });
  assertEquals((await timeline.get("a"))?.length, textLength(patterned(1000, 1)) + 2);
});

/** How many bytes there are once bytes became text and bytes again. */
function textLength(bytes: Uint8Array): number {
  return new TextEncoder().encode(textOf(bytes)).length;
}

test("A salvage keeps patches as they are", async (place: Place) => {
  const store = await makeStore(place);
  const before = await readsFrom(store.timeline(), keys, 10);
  await place.close(store);
  for (const merged of [false, true]) {
    if (merged) {
      const again = await place.open({ redo });
      await again.timeline().gc({ history: { lsns: 4 } });
      await place.close(again);
    }
    for (const hasManifest of [true, false]) {
      const to = `${place.path}-${merged}-${hasManifest}`, from = `${to}-from`;
      await copy(place.path, from, hasManifest);
      const { timelines: [{ name, lostCount }] } = await salvage(from, to);
      assertEquals(lostCount, 0);
      await using found = await Store.open(to, { redo });
      assertEquals(await readsFrom(found.timeline(name), keys, 10), before, `${merged} ${hasManifest}`);
      for (const path of [from, to]) await Deno.remove(path, { recursive: true });
    }
  }
});

/** Copies a store, without its manifest if that is wanted. */
async function copy(from: string, to: string, hasManifest: boolean): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`, hasManifest);
    else if (hasManifest || !name.startsWith("manifest-")) {
      await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    }
  }
}
