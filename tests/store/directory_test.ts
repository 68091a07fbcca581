/** The directory of a store: what is refused there, who may have it, and where it is when paths lead elsewhere. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { open } from "node:fs/promises";
import { CorruptionError, IoError, LockedError, PoisonedError, Store, VarveError } from "../../mod.ts";
import { patterned } from "./bytes.ts";
import { HookedEngine } from "./hooked_engine.ts";
import { inProcess } from "./in_process.ts";
import { Place, test } from "./matrix.ts";

test("Store.open() refuses a folder that is not a store and touches nothing", async (place) => {
  const layouts: Record<string, () => void> = {
    "a file": () => Deno.writeTextFileSync(`${place.path}/notes.txt`, "mine"),
    "a folder": () => Deno.mkdirSync(`${place.path}/notes`),
    "a file with the name of a timeline": () =>
      Deno.writeTextFileSync(`${place.path}/0003456789abcdef`, "mine"),
    "a folder with the name of a timeline": () => {
      Deno.mkdirSync(`${place.path}/0003456789abcdef`);
      Deno.writeTextFileSync(`${place.path}/0003456789abcdef/notes.txt`, "mine");
    },
    "a folder with a number beyond those of timelines": () =>
      Deno.mkdirSync(`${place.path}/0123456789abcdef`),
  };
  for (const [name, make] of Object.entries(layouts)) {
    make();
    const before = [...Deno.readDirSync(place.path)];
    for (const options of [{}, { readOnly: true }, { create: false }]) {
      const error = await assertRejects(() => place.open(options), VarveError, "not a store", name);
      assertStringIncludes(error.message, place.path);
    }
    assertEquals([...Deno.readDirSync(place.path)], before);
    for (const entry of before) Deno.removeSync(`${place.path}/${entry.name}`, { recursive: true });
  }
});

test("Store.open() passes over what is named as a timeline and is no directory", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }]);
  await place.close(store);
  const [segment] = place.files(/\.seg$/), [file, link] = ["0003", "0004"].map((n) => `${n}456789abcdef`);
  Deno.writeTextFileSync(`${place.path}/${file}`, "mine");
  Deno.symlinkSync(segment.replace(/\/[^/]+$/, ""), `${place.path}/${link}`);
  for (const readOnly of [true, false]) {
    const opened = await place.open({ readOnly });
    assertEquals(opened.timeline().lastLsn, 1);
    await place.close(opened);
  }
  assertEquals(Deno.readTextFileSync(`${place.path}/${file}`), "mine");
  assert(Deno.lstatSync(`${place.path}/${link}`).isSymlink);
});

test("Store.open() makes a store where making one was interrupted", async (place) => {
  Deno.mkdirSync(`${place.path}/0003456789abcdef`);
  Deno.writeTextFileSync(`${place.path}/pending`, "half");
  Deno.writeTextFileSync(`${place.path}/lock`, "1\n");
  const store = await place.open();
  assertEquals(place.files(/0003456789abcdef|pending/), []);
  assertEquals(await store.timeline().append([{ key: "a", value: "1" }], { sync: true }), 1);
});

test("Store.open() is refused by the lock alone when another makes the store while it looks", async (place) => {
  Deno.mkdirSync(`${place.path}/0003456789abcdef`);
  await using engine = new HookedEngine();
  let others = 0;
  engine.hook = async (operation, path) => {
    if (operation === "list" && path.endsWith("/0003456789abcdef") && others++ === 0) await place.open();
  };
  await assertRejects(() => place.open({ ioEngine: engine }), LockedError);
  assertEquals(others, 1);
});

test("Store.open() opens a store whose manifest came while it looked", async (place) => {
  await using away = await Place.make();
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await place.close(store);
  const [manifest] = place.files(/manifest/);
  Deno.renameSync(manifest, `${away.path}/manifest`);
  await using engine = new HookedEngine();
  let returns = 0;
  engine.hook = (operation, path) => {
    if (operation !== "list" || path === place.path || returns++ > 0) return;
    Deno.renameSync(`${away.path}/manifest`, manifest);
  };
  assertEquals((await place.open({ ioEngine: engine })).timeline().lastLsn, 1);
  assert(returns > 0);
});

test("Store.open() names the path when there is no folder, or a file in its place", async (place) => {
  const absent = `${place.path}/absent`, file = `${place.path}/file`;
  Deno.writeTextFileSync(file, "");
  for (const options of [{ create: false }, { readOnly: true }]) {
    await assertRejects(() => Store.open(absent, options), Deno.errors.NotFound, absent);
    await assertRejects(() => Store.open(file, options), Deno.errors.NotADirectory, file);
  }
  for (const path of [file, `${file}/within`]) {
    const error = await assertRejects(() => Store.open(path), Deno.errors.NotADirectory);
    assertEquals(error.message, `Cannot open store "${path}": it is not a directory`);
  }
  Deno.removeSync(file);
  await assertRejects(() => place.open({ create: false }), Deno.errors.NotFound, place.path);
  assertEquals([...Deno.readDirSync(place.path)], []);
});

test("Store opens a path that is a file URL", async (place) => {
  const url = new URL(`file://${place.path}/a%20b/`);
  await using store = await Store.open(url);
  assertEquals(store.path, `${place.path}/a b`);
});

test("Store keeps its files to its owner", async (place) => {
  const path = `${place.path}/made/by/us`;
  await using store = await Store.open(path);
  await store.timeline().append([{ key: "a", value: "1" }]);
  await store.timeline().freeze();
  await store.timeline().append([{ key: "a", value: "2" }], { sync: true });
  const modeOf = (at: string) => (Deno.statSync(at).mode ?? 0) & 0o777;
  const files = new Place(path).files();
  assert(files.length >= 4);
  for (const file of files) assertEquals(modeOf(file), 0o600, file);
  const directory = (files.find((file) => file.endsWith(".seg")) as string).replace(/\/[^/]+$/, "");
  for (const at of [path, directory]) assertEquals(modeOf(at), 0o700, at);
});

test("Store.open() refuses a store that is open, also when the lock file was removed", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  for (let round = 0; round < 2; round++) {
    await assertRejects(() => place.open(), LockedError, round === 0 ? `process ${Deno.pid}` : "elsewhere");
    assertStringIncludes(await inProcess(["-A"], ["append", place.path]), "LockedError");
    if (round === 0) Deno.removeSync(`${place.path}/lock`);
  }
  await assertRejects(() => Store.open(place.path), LockedError);
  await store.timeline().append([{ key: "a", value: "2" }], { sync: true });
  await place.close(store);
  assertEquals(await inProcess(["-A"], ["append", place.path]), "3");
});

test("Store.open() gives the lock up when it fails", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }]);
  await place.close(store);
  const [segment] = place.files(/\.seg$/);
  Deno.renameSync(segment, `${segment}.away`);
  for (let i = 0; i < 3; i++) await assertRejects(() => place.open(), CorruptionError);
  Deno.renameSync(`${segment}.away`, segment);
  assertEquals((await place.open()).timeline().lastLsn, 1);
});

test("Store.open() does not write through a link that is called lock", async (place) => {
  await using other = await Place.make();
  const target = `${other.path}/target`;
  Deno.writeTextFileSync(target, "precious");
  Deno.symlinkSync(target, `${place.path}/lock`);
  await place.open();
  assertEquals(Deno.readTextFileSync(target), "precious");
});

test("Store stays where it was opened when the working directory changes", async (place) => {
  const before = Deno.cwd();
  Deno.chdir(place.path);
  let store: Store;
  try {
    store = await Store.open("relative", { segmentBytes: 64 * 1024 });
  } finally {
    Deno.chdir(before);
  }
  assertEquals(store.path, `${Deno.realPathSync(place.path)}/relative`);
  for (let i = 0; i < 20; i++) await store.timeline().append([{ key: `k${i}`, value: patterned(9000, i) }]);
  await store.createTimeline("side");
  await store.close();
  await using there = place.within("relative");
  assertEquals((await there.open()).timeline().lastLsn, 20);
  await assertRejects(() => Deno.stat("relative"), Deno.errors.NotFound);
});

test("Store stays where it was opened when a link that led there leads elsewhere", async (place) => {
  for (const name of ["one", "other"]) Deno.mkdirSync(`${place.path}/${name}`);
  Deno.symlinkSync("one", `${place.path}/link`);
  const store = await Store.open(`${place.path}/link`);
  Deno.removeSync(`${place.path}/link`);
  Deno.symlinkSync("other", `${place.path}/link`);
  await store.createTimeline("side");
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await store.close();
  assertEquals([...Deno.readDirSync(`${place.path}/other`)], []);
  await using one = place.within("one");
  assertEquals((await one.open()).timelines().map(({ name }) => name), ["main", "side"]);
});

test("Store makes no name in a directory that took the place of its own", async (place) => {
  const own = `${place.path}/store`;
  const store = await Store.open(own, { segmentBytes: 64 * 1024 });
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  Deno.renameSync(own, `${place.path}/away`);
  Deno.mkdirSync(own);
  const error = await assertRejects(async () => {
    // Segments enough for a name to be made, and an end for who would write to them.
    for (let i = 0; i < 100; i++) {
      await store.timeline().append([{ key: "a", value: patterned(9000, 1) }], { sync: true });
    }
  }, PoisonedError);
  assertInstanceOf(error.cause, IoError);
  assertEquals(error.cause.code, "ESTALE");
  await assertRejects(() => store.createTimeline("side"), IoError, "ESTALE");
  await store.close().catch(() => {});
  assertEquals([...Deno.readDirSync(own)], []);
  await using away = place.within("away");
  assert((await away.open()).timeline().lastLsn >= 1);
});

test("Store writes nothing into a store that took the place of its own", async (place) => {
  for (const use of ["close", "append", "freeze"]) {
    const own = place.within(use), away = `${place.path}/away from ${use}`;
    const files = () => own.files().map((path) => [path, sumOf(path)]);
    const store = await own.open();
    Deno.renameSync(own.path, away);
    await own.close(await own.open());
    const before = files();
    if (use !== "close") await store.timeline().append([{ key: "a", value: "1" }]);
    if (use === "freeze") await assertRejects(() => store.timeline().freeze(), PoisonedError);
    await own.close(store).catch(() => {});
    assertEquals(files(), before, use);
  }
}, { segmentBytes: 64 * 1024 });

test(
  "Timeline takes its layers for damaged no more than they are when its directory is elsewhere",
  async (place) => {
    const own = place.within("own");
    const store = await own.open();
    await store.timeline().append([{ key: "a", value: "1" }]);
    await store.timeline().freeze();
    Deno.renameSync(own.path, `${place.path}/away`);
    Deno.mkdirSync(own.path);
    await assertRejects(() => store.timeline().get("a"), IoError, "ESTALE");
    Deno.removeSync(own.path);
    Deno.renameSync(`${place.path}/away`, own.path);
    assertEquals(await store.timeline().get("a"), new Uint8Array([0x31]));
    await own.close(store);
  },
  { ioEngine: "node" },
);

test("Timeline reads no layer of a copy that took its directory's place", async (place) => {
  const own = place.within("own");
  const store = await own.open();
  await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
  await using copy = await own.copy();
  await store.timeline().freeze();
  Deno.renameSync(own.path, `${place.path}/away`);
  Deno.renameSync(copy.path, own.path);
  await assertRejects(() => store.timeline().get("a"), IoError, "ESTALE");
  Deno.renameSync(own.path, copy.path);
  Deno.renameSync(`${place.path}/away`, own.path);
  assertEquals(await store.timeline().get("a"), new Uint8Array([0x31]));
  await own.close(store);
}, { ioEngine: "node" });

test("Store writes nothing into a copy of itself that took its place", async (place) => {
  const own = place.within("own"), away = place.within("away");
  const first = await own.open();
  await first.timeline().append([{ key: "a", value: "1" }]);
  await own.close(first);
  const store = await own.open();
  Deno.renameSync(own.path, away.path);
  await using copy = await away.copy();
  Deno.renameSync(copy.path, own.path);
  Deno.mkdirSync(copy.path);
  const files = () => own.files().map((path) => [path, sumOf(path)]);
  const before = files();
  await assertRejects(
    () => store.timeline().append([{ key: "b", value: "2" }], { sync: true }),
    PoisonedError,
  );
  await own.close(store).catch(() => {});
  assertEquals(files(), before);
}, { segmentBytes: 64 * 1024 });

/** A number that changes with the contents of a file. */
function sumOf(path: string): number {
  return Deno.readFileSync(path).reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7);
}

test("Store.open() makes the name of every directory durable that it makes on the way", async (place) => {
  // Elsewhere a handle does not tell its path.
  if (Deno.build.os !== "linux") return;
  const synced = await syncedDirectories(async () => {
    const deep = place.within("a/b/store");
    const store = await deep.open({ ioEngine: "node" });
    await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
    await deep.close(store);
  });
  const [timeline] = [...Deno.readDirSync(`${place.path}/a/b/store`)].filter(({ isDirectory }) =>
    isDirectory
  );
  for (const name of ["", "/a", "/a/b", "/a/b/store", `/a/b/store/${timeline.name}`]) {
    assert(synced.has(Deno.realPathSync(place.path) + name), `"${name}" was synced`);
  }
});

test("Store.open() makes the name of a directory durable that somebody else made", async (place) => {
  if (Deno.build.os !== "linux") return;
  const found = place.within("a/store");
  Deno.mkdirSync(found.path, { recursive: true });
  const synced = await syncedDirectories(async () => found.close(await found.open({ ioEngine: "node" })));
  assert(synced.has(Deno.realPathSync(`${place.path}/a`)));
});

/** The directories that are synced meanwhile, through handles of `node:fs`. */
async function syncedDirectories(work: () => Promise<void>): Promise<Set<string>> {
  await using handle = await open(Deno.makeTempDirSync({ prefix: "varve_test_" }), "r");
  Deno.removeSync(Deno.readLinkSync(`/proc/self/fd/${handle.fd}`));
  const prototype = Object.getPrototypeOf(handle);
  const { sync } = prototype, synced = new Set<string>();
  prototype.sync = function () {
    synced.add(Deno.readLinkSync(`/proc/self/fd/${this.fd}`));
    return sync.call(this);
  };
  try {
    await work();
  } finally {
    prototype.sync = sync;
  }
  return synced;
}
