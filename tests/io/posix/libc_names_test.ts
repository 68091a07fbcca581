/** Names in a directory that is locked, on every engine on the C library, wherever its path leads meanwhile. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, LockedError } from "../../../src/base/mod.ts";
import { chooseEngine } from "../../../src/io/choose_engine.ts";
import type { IoEngine } from "../../../src/io/engine.ts";

/** An engine, and a directory that it has locked. */
interface Scene {
  readonly engine: IoEngine;
  /** Where the directory was locked. */
  readonly path: string;
  /** Where it is moved to. */
  readonly away: string;
  /** Moves it, and puts another one in its place, which holds the same names. */
  move(): void;
}

for (const name of ["uring", "threads"] as const) {
  const reason = await chooseEngine(name, true).then(({ engine }) => engine.shutdown(), String);
  const test = (what: string, body: (scene: Scene) => Promise<void>) =>
    Deno.test({
      name: `${what} (${name}${reason ? `: ${reason}` : ""})`,
      ignore: reason !== undefined,
      sanitizeOps: true,
      sanitizeResources: true,
      fn: () => play(name, body),
    });

  test("SystemEngine makes, renames and removes in the directory that is locked, wherever it is", async (scene) => {
    const { engine, path, away } = scene;
    const lock = await engine.lock(path);
    for (const file of ["old", "gone"]) await create(engine, `${path}/${file}`);
    await engine.makeDirectory(`${path}/empty`);
    scene.move();
    const before = namesUnder(path);
    await create(engine, `${path}/made`);
    await engine.rename(`${path}/old`, `${path}/renamed`);
    await engine.remove(`${path}/gone`);
    await engine.remove(`${path}/empty`);
    for (const _ of ["made", "there"]) await engine.makeDirectory(`${path}/deep/er`);
    await create(engine, `${path}/deep/er/file`);
    for (const directory of [path, `${path}/deep`]) await engine.syncDirectory(directory);
    assertEquals(namesUnder(path), before, "the other directory");
    const expected = ["deep", "deep/er", "deep/er/file", "lock", "made", "renamed"];
    assertEquals(namesUnder(away), expected);
    assertEquals((await engine.list(path)).sort(), ["deep", "lock", "made", "renamed"]);
    assertEquals(await engine.list(`${path}/deep`), ["er"]);
    assertEquals(Deno.statSync(`${away}/deep/er`).mode! & 0o777, 0o700);
    assertEquals(await lock.holds(), false);
    await lock.release();
    assertEquals(openDirectories(away), 0, "directories that are left open");
  });

  test("SystemEngine renames into and out of the directory that is locked", async (scene) => {
    const { engine, path, away } = scene;
    const lock = await engine.lock(path);
    await create(engine, `${path}/inside`);
    await create(engine, `${path}-outside`);
    scene.move();
    await engine.rename(`${path}/inside`, `${path}-moved out`);
    await engine.rename(`${path}-outside`, `${path}/moved in`);
    assertEquals(namesUnder(away), ["lock", "moved in"]);
    Deno.removeSync(`${path}-moved out`);
    await lock.release();
  });

  test("SystemEngine goes by the path again when the lock is released", async (scene) => {
    const { engine, path, away } = scene;
    const lock = await engine.lock(path);
    scene.move();
    await lock.release();
    await create(engine, `${path}/made`);
    assert(namesUnder(path).includes("made"));
    assert(!namesUnder(away).includes("made"));
  });

  test("SystemEngine goes by the path while two directories are locked under it", async (scene) => {
    const { engine, path, away } = scene;
    const locks = [await engine.lock(path)];
    scene.move();
    locks.push(await engine.lock(path));
    await create(engine, `${path}/made`);
    assert(namesUnder(path).includes("made"));
    await locks[1].release();
    await create(engine, `${path}/later`);
    assert(namesUnder(away).includes("later"));
    await locks[0].release();
  });

  test("SystemEngine lists a directory that is locked whole", async ({ engine, path }) => {
    const lock = await engine.lock(path);
    const names = Array.from({ length: 2000 }, (_, i) => `${"x".repeat(i % 50)}-${i} ü`);
    for (const name of names) Deno.writeTextFileSync(`${path}/${name}`, "");
    assertEquals((await engine.list(path)).sort(), ["lock", ...names].sort());
    await lock.release();
  });

  test("SystemEngine holds no descriptor when a lock is refused, released, or outlives it", async (scene) => {
    const { engine, path } = scene;
    const first = await engine.lock(path);
    const held = openDirectories(path);
    assertEquals(held, 2, "the lock and the directory");
    await assertRejects(() => engine.lock(path), LockedError);
    assertEquals(openDirectories(path), held);
    await first.release();
    assertEquals(openDirectories(path), 0);
    const second = await engine.lock(path);
    await engine.shutdown();
    assertEquals(openDirectories(path), 1, "the lock");
    await second.release();
    assertEquals(openDirectories(path), 0);
  });

  test("SystemEngine holds no descriptor when the system does not say what it has locked", async (scene) => {
    const { engine, path } = scene, { statSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.statSync = () => {
      throw new Error("Input/output error (os error 5)");
    };
    try {
      const error = await assertRejects(() => engine.lock(path), IoError);
      assertEquals([error.code, error.operation, error.path], ["EIO", "lock", path]);
    } finally {
      Deno.FsFile.prototype.statSync = statSync;
    }
    assertEquals(openDirectories(path), 0);
    await (await engine.lock(path)).release();
  });

  test("SystemEngine makes nothing in place of a directory that is locked and was removed", async (scene) => {
    const { engine, path } = scene;
    const lock = await engine.lock(path);
    Deno.removeSync(path, { recursive: true });
    const error = await assertRejects(() => engine.makeDirectory(`${path}/made`), IoError);
    assertEquals([error.code, error.operation], ["ENOENT", "make directory"]);
    await assertRejects(() => create(engine, `${path}/file`), IoError, "ENOENT");
    await lock.release();
  });

  test("SystemEngine asks for what is granted before a name in a directory that is locked", async ({ path }) => {
    for (const each of ["granted", "unreadable", "unwritable"]) {
      Deno.mkdirSync(`${path}/${each}`);
      Deno.writeTextFileSync(`${path}/${each}/file`, "");
    }
    const before = namesUnder(path);
    for (const [what, outcome] of Object.entries(await outcomesOf(name, path))) {
      assertEquals([what, outcome], [what, "NotCapable"]);
    }
    assertEquals(namesUnder(path), [...before, "lock"].sort());
  });
}

async function play(name: "uring" | "threads", body: (scene: Scene) => Promise<void>): Promise<void> {
  const parent = Deno.makeTempDirSync({ prefix: "varve_test_" });
  const { engine } = await chooseEngine(name, true);
  const path = `${parent}/store`, away = `${parent}/away`;
  Deno.mkdirSync(path);
  const move = () => {
    Deno.renameSync(path, away);
    Deno.mkdirSync(`${path}/empty`, { recursive: true });
    for (const file of ["old", "gone"]) Deno.writeTextFileSync(`${path}/${file}`, "of another");
  };
  try {
    await body({ engine, path, away, move });
  } finally {
    await engine.shutdown();
    Deno.removeSync(parent, { recursive: true });
  }
}

async function create(engine: IoEngine, path: string): Promise<void> {
  await engine.close(await engine.open(path, { access: "write", direct: false, create: true }));
}

/** Every path under a directory, from there. */
function namesUnder(directory: string): string[] {
  const names = [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const deeper = isDirectory ? namesUnder(`${directory}/${name}`) : [];
    return [name, ...deeper.map((each) => `${name}/${each}`)];
  });
  return names.sort();
}

/** How many descriptors of a directory, and of what is in it, this process has open. */
function openDirectories(directory: string): number {
  const targets = [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/self/fd/${name}`)];
    } catch {
      return []; // The descriptor by which the directory was read is gone.
    }
  });
  return targets.filter((target) => `${target}/`.startsWith(`${directory}/`)).length;
}

/** What `libc_names_process.ts` prints where everything under `path` is granted but for two directories. */
async function outcomesOf(name: string, path: string): Promise<Record<string, string>> {
  const script = new URL("libc_names_process.ts", import.meta.url).href;
  const grants = [`--allow-read=${path}`, `--deny-read=${path}/unreadable`];
  grants.push(`--allow-write=${path}`, `--deny-write=${path}/unwritable`);
  const args = [
    "run",
    "--no-prompt",
    "--no-check",
    "--no-lock",
    "--allow-ffi",
    ...grants,
    script,
    name,
    path,
  ];
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
