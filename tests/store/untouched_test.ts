/** Verification and salvage leave the store that they read as it is: every byte, name, mode and time, and its lock. */

import { assert, assertEquals } from "@std/assert";
import { salvage, Store, verifyStore } from "../../mod.ts";
import { patterned } from "./bytes.ts";
import { HookedEngine } from "./hooked_engine.ts";
import { type Place, test } from "./matrix.ts";

/** Everything of a directory but when it was last read. */
function pictureOf(directory: string): string[] {
  const picture: string[] = [];
  const add = (path: string) => {
    const { mode, mtime, ctime, size, ino, isDirectory } = Deno.lstatSync(path);
    const times = [mtime, ctime].map((time) => time?.getTime()).join(" ");
    const bytes = isDirectory ? "" : Deno.readFileSync(path).toHex();
    picture.push(`${path} ${mode} ${ino} ${isDirectory ? "" : size} ${times} ${bytes}`);
    if (!isDirectory) return;
    for (const { name } of [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      add(`${path}/${name}`);
    }
  };
  add(directory);
  return picture;
}

/** A store with two timelines, a layer and segments, and nobody who has it open. */
async function fill(path: string): Promise<void> {
  await using store = await Store.open(path);
  for (const timeline of [store.timeline(), await store.createTimeline("other")]) {
    for (let i = 1; i <= 30; i++) {
      await timeline.append([{ key: `k${i}`, value: patterned(700, i) }]);
      if (i === 15) await timeline.freeze();
    }
    await timeline.sync();
  }
}

const changing = [
  "open",
  "write",
  "datasync",
  "sync",
  "truncate",
  "allocate",
  "rename",
  "remove",
  "makeDirectory",
  "syncDirectory",
  "lock",
];

/** Runs work on a store through an engine that notes what would change the store, and compares the store after it. */
async function assertUntouched(
  path: string,
  work: (engine: HookedEngine) => Promise<unknown>,
): Promise<void> {
  const before = pictureOf(path), touched: string[] = [];
  await using engine = new HookedEngine();
  engine.hook = (operation, at) => {
    if (changing.includes(operation) && (at === path || at.startsWith(`${path}/`))) {
      touched.push(`${operation} ${at}`);
    }
  };
  await work(engine);
  assertEquals(touched, []);
  assertEquals(pictureOf(path), before);
  assertEquals(engine.files.size, 0, "files that are still open");
}

/** A store as it was closed, and ones that are damaged in several ways. */
async function eachStore(place: Place, visit: (path: string) => Promise<void>): Promise<void> {
  const path = `${place.path}/old`;
  await fill(path);
  await visit(path);
  const [layer] = place.within("old").files(/\.seg$/), bytes = Deno.readFileSync(layer);
  bytes[5000] ^= 1;
  Deno.writeFileSync(layer, bytes);
  await visit(path);
  for (const manifest of place.within("old").files(/manifest-/)) Deno.removeSync(manifest);
  await visit(path);
}

test("salvage() writes nothing to the store that it reads, nor opens anything of it for writing", async (place) => {
  let copied = 0;
  await eachStore(place, async (path) => {
    const to = `${place.path}/new${copied++}`;
    await assertUntouched(path, async (engine) => {
      const { timelines } = await salvage(path, to, { ioEngine: engine, ioMode: "buffered" });
      assert(timelines.every(({ batches }) => batches >= 29));
    });
  });
  assertEquals(copied, 3);
});

test("verifyStore(), and verify() of a store that is open to read, write nothing to it", async (place) => {
  let damaged = 0;
  await eachStore(place, async (path) => {
    await assertUntouched(path, async (engine) => {
      const found = await Array.fromAsync(verifyStore(path, { ioEngine: engine, ioMode: "buffered" }));
      damaged += Number(found.length > 0);
      if (damaged > 1) return;
      await using store = await Store.open(path, { ioEngine: engine, ioMode: "buffered", readOnly: true });
      assertEquals((await Array.fromAsync(store.verify())).length, found.length);
    });
  });
  assertEquals(damaged, 2);
});
