/** Opening in an odd world: leftovers of kills, a clock before 1970, system calls that fail. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { IoError, Store } from "../../mod.ts";
import { errno, HookedEngine } from "../store/hooked_engine.ts";
import { Place, test, testEach } from "../store/matrix.ts";

const KiB = 1024;

testEach("Store.open() takes away what kills have left", async (place) => {
  for (let kill = 0; kill < 6; kill++) {
    const store = await place.open({ segmentBytes: 64 * KiB });
    await store.timeline().append([{ key: `k${kill}`, value: new Uint8Array(40 * KiB) }], { sync: true });
    // What a process leaves that is killed while it opens, makes a manifest, or makes a timeline.
    await using left = await place.copy();
    await place.close(store);
    for (const { name } of Deno.readDirSync(place.path)) {
      Deno.removeSync(`${place.path}/${name}`, { recursive: true });
    }
    for (const path of left.files()) {
      const to = path.replace(left.path, place.path);
      Deno.mkdirSync(to.slice(0, to.lastIndexOf("/")), { recursive: true });
      Deno.copyFileSync(path, to);
    }
    Deno.writeTextFileSync(`${place.path}/probe-${crypto.randomUUID().replaceAll("-", "")}`, "");
    Deno.writeTextFileSync(`${place.path}/pending`, "half");
    Deno.mkdirSync(`${place.path}/${(kill + 1).toString(16).padStart(16, "0")}`);
  }
  const store = await place.open();
  assertEquals(await store.timeline().count(), 6);
  const names = [...Deno.readDirSync(place.path)].map(({ name }) => name.replace(/[0-9a-f]{8,}/, "#")).sort();
  assert(names.filter((name) => name.startsWith("manifest")).length <= 2, `${names}`);
  assertEquals(names.filter((name) => !name.startsWith("manifest")), ["#", "lock"]);
  assertEquals(
    place.files(/\.seg$/).length,
    store.timeline().layers().filter(({ versions }) => versions > 0).length,
  );
});

for (const now of [-86_400_000, -0.5, 1e300, NaN]) {
  test(`Store makes timelines that it can open again when the clock says ${now}`, async (place) => {
    const { now: real } = Date;
    Date.now = () => now;
    try {
      const store = await place.open();
      await store.createTimeline("side");
      await store.timeline("side").append([{ key: "a", value: "1" }], { sync: true });
      await place.close(store);
    } finally {
      Date.now = real;
    }
    const store = await place.open();
    assertEquals(store.timelines().map(({ name }) => name), ["main", "side"]);
    assertEquals(store.timeline("side").lastLsn, 1);
  });
}

/** The runtime's calls that opening makes, by their names. */
const calls = [
  "readDir",
  "realPath",
  "mkdir",
  "lstat",
  "statSync",
  "lstatSync",
  "openSync",
  "stat",
  "remove",
  "rename",
] as const;

for (const name of calls) {
  test(`Store.open() rejects with an IoError when Deno.${name} fails with EIO`, async (place) => {
    await place.close(await place.open());
    const runtime = Deno as unknown as Record<string, unknown>;
    const real = runtime[name] as (path: unknown) => unknown;
    let failed = 0;
    const fails = (path: unknown) => `${path}`.startsWith(place.path);
    runtime[name] = (path: unknown, ...rest: unknown[]) => {
      if (!fails(path)) return (real as (...args: unknown[]) => unknown)(path, ...rest);
      failed++;
      const failure = new Error(`Input/output error (os error 5), ${name} '${path}'`);
      if (name === "readDir" || name.endsWith("Sync")) throw failure;
      return Promise.reject(failure);
    };
    let error: unknown;
    try {
      const store = await Store.open(`${place.path}`);
      await store.close();
    } catch (caught) {
      error = caught;
    } finally {
      runtime[name] = real;
    }
    if (failed === 0) return;
    assertInstanceOf(error, IoError, `${error}`);
    assertEquals(error.code, "EIO");
    assert(error.operation.length > 0 && error.path.startsWith(place.path), error.message);
  });
}

Deno.test("Timeline goes on when an old manifest cannot be removed", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered", segmentBytes: 64 * KiB });
  // Each of these leaves a manifest that nobody closed, so that the next one starts a new file.
  for (let round = 0; round < 3; round++) {
    const store = await place.open();
    await store.timeline().append([{ key: `k${round}`, value: "1" }], { sync: true });
    await using left = await place.copy();
    await place.close(store);
    for (const path of place.files(/manifest/)) Deno.removeSync(path);
    for (const path of left.files(/manifest/)) Deno.copyFileSync(path, path.replace(left.path, place.path));
  }
  let failures = 0;
  engine.hook = (operation, path) => {
    if (operation !== "remove" || !path.includes("manifest")) return;
    failures++;
    throw errno("EIO", "remove", path);
  };
  const store = await place.open();
  const timeline = store.timeline();
  await timeline.append([{ key: "more", value: "1" }], { sync: true });
  await timeline.freeze();
  assert(failures > 0);
  engine.hook = () => {};
  await place.close(store);
  assertEquals(await (await place.open()).timeline().count(), 4);
});
