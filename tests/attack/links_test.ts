/** Links and directories where files of a store should be, and what of a store others may read. */

import { assert, assertEquals } from "@std/assert";
import { DirectFile } from "../../direct.ts";
import { CorruptionError, IoError, type Timeline } from "../../mod.ts";
import { collect, patterned } from "../store/bytes.ts";
import { HookedEngine } from "../store/hooked_engine.ts";
import { type Place, testEach } from "../store/matrix.ts";

const KiB = 1024;

/** Fills a store so that it has a sealed segment, one that is not, and a second timeline. */
async function fill(place: Place): Promise<void> {
  const store = await place.open();
  for (let i = 0; i < 3; i++) {
    await store.timeline().append([{ key: `k${i}`, value: patterned(40 * KiB, i) }]);
  }
  await store.timeline().freeze();
  await store.timeline().append([{ key: "last", value: "1" }], { sync: true });
  await (await store.createTimeline("side")).append([{ key: "a", value: "1" }], { sync: true });
  await place.close(store);
}

async function errorsOf(timeline: Timeline): Promise<unknown[]> {
  const reads = [timeline.get("k1"), timeline.get("last"), collect(timeline.scan())];
  const settled = await Promise.allSettled(reads);
  return settled.flatMap((read) => read.status === "rejected" ? [read.reason] : []);
}

/** Opens and reads a store as a reader and to write; returns what failed, which must be typed. */
async function failuresIn(place: Place): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const readOnly of [true, false]) {
    try {
      const store = await place.open({ readOnly });
      errors.push(...await errorsOf(store.timeline()));
      await place.close(store);
    } catch (error) {
      errors.push(error);
    }
  }
  for (const error of errors) {
    assert(error instanceof IoError || error instanceof CorruptionError, `${error}`);
    assert(error.path.startsWith(place.path), error.message);
  }
  return errors;
}

testEach("Store follows no link in place of a timeline's directory", async (place) => {
  await fill(place);
  const elsewhere = `${place.path}.elsewhere`;
  const [own] = place.files(/\.seg$/).map((path) => path.slice(0, path.lastIndexOf("/")));
  Deno.renameSync(own, elsewhere);
  Deno.symlinkSync(elsewhere, own);
  const before = [...Deno.readDirSync(elsewhere)].map(({ name }) => name).sort();
  try {
    const errors = await failuresIn(place);
    assertEquals(errors.map((error) => error instanceof IoError && [error.code, error.path]), [
      ["ENOTDIR", own],
      ["ENOTDIR", own],
    ]);
    assertEquals([...Deno.readDirSync(elsewhere)].map(({ name }) => name).sort(), before);
  } finally {
    Deno.removeSync(elsewhere, { recursive: true });
  }
});

testEach("Store follows no link in place of a file, and leaves what it leads to as it is", async (place) => {
  await fill(place);
  for (const path of place.files(/\.seg$|manifest/)) {
    await using copy = await place.copy();
    const own = path.replace(place.path, copy.path), elsewhere = `${copy.path}.elsewhere`;
    Deno.renameSync(own, elsewhere);
    Deno.symlinkSync(elsewhere, own);
    const before = Deno.readFileSync(elsewhere);
    try {
      const errors = await failuresIn(copy);
      assert(errors.length > 0 || path.includes("side"), `${path} was followed`);
      assertEquals(Deno.readFileSync(elsewhere), before);
    } finally {
      Deno.removeSync(elsewhere);
    }
  }
}, { segmentBytes: 64 * KiB });

testEach("Store refuses a directory in place of a file", async (place) => {
  await fill(place);
  for (const path of place.files(/\.seg$|manifest/)) {
    await using copy = await place.copy();
    const own = path.replace(place.path, copy.path);
    Deno.removeSync(own);
    Deno.mkdirSync(own);
    assert((await failuresIn(copy)).length > 0, path);
    assert(Deno.lstatSync(own).isDirectory);
  }
}, { segmentBytes: 64 * KiB });

testEach("Store.open() makes its files anew where links have their names", async (place) => {
  await fill(place);
  const target = `${place.path}.target`;
  Deno.writeTextFileSync(target, "not ours");
  try {
    for (const name of ["lock", "pending"]) {
      const path = `${place.path}/${name}`;
      await Deno.remove(path).catch(() => {});
      Deno.symlinkSync(target, path);
    }
    const store = await place.open();
    await store.createTimeline("more");
    await place.close(store);
    assert(Deno.lstatSync(`${place.path}/lock`).isFile);
    assertEquals(Deno.readTextFileSync(target), "not ours");
  } finally {
    Deno.removeSync(target);
  }
}, { segmentBytes: 64 * KiB });

/** Whether anybody but the owner may do anything with what stands at a path. */
function isOpenToOthers(path: string): boolean {
  const { mode } = Deno.lstatSync(path);
  return ((mode ?? 0) & 0o077) !== 0;
}

testEach(
  "Store makes no file and no directory that anybody else may read, whatever the umask",
  async (place) => {
    const umask = Deno.umask(0), own = place.within("store");
    const seen = new Set<string>(), open = new Set<string>();
    await using engine = new HookedEngine();
    const look = (path: string) => {
      seen.add(path.replace(/[0-9a-f]{8,}/g, "#"));
      if (isOpenToOthers(path)) open.add(path);
    };
    const lookEverywhere = () => {
      for (const path of own.files()) {
        look(path);
        look(path.slice(0, path.lastIndexOf("/")));
      }
    };
    try {
      // What is made aside is seen before it has its name.
      engine.hook = (operation) => {
        if (operation === "rename") lookEverywhere();
      };
      await own.close(await own.open({ ioEngine: engine, ioMode: "buffered" }));
      await fill(own);
      lookEverywhere();
      await using file = await DirectFile.open(`${place.path}/direct`, { create: true });
      await file.append(new Uint8Array(10));
      look(`${place.path}/direct`);
    } finally {
      Deno.umask(umask);
    }
    assertEquals([...open], []);
    const kinds = [...seen].map((path) => path.slice(path.lastIndexOf("/") + 1)).sort();
    for (const kind of ["lock", "manifest-#", "pending", "store", "#", "#-#-#.seg", "direct"]) {
      assert(kinds.includes(kind), `${kind} among ${kinds}`);
    }
  },
  { segmentBytes: 64 * KiB },
);
