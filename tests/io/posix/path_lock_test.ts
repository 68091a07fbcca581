/** What a lock on a directory withstands: whatever is called `lock`, whoever moves the directory, whoever dies. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { IoError, LockedError } from "../../../src/base/mod.ts";
import type { IoEngine } from "../../../src/io/engine.ts";
import { nodeEngine } from "../../../src/io/node/node_engine.ts";
import { makePipe } from "../engine_contract.ts";

function test(name: string, body: (engine: IoEngine, directory: string) => Promise<void>): void {
  const fn = async () => {
    const parent = await Deno.makeTempDir({ prefix: "varve_test_" });
    const engine = nodeEngine();
    try {
      await Deno.mkdir(`${parent}/store`);
      await body(engine, `${parent}/store`);
    } finally {
      await engine.shutdown();
      await Deno.remove(parent, { recursive: true });
    }
  };
  Deno.test({ name, ignore: Deno.build.os !== "linux", sanitizeOps: true, sanitizeResources: true, fn });
}

test("lock() lets nobody in when its file was removed or replaced", async (engine, directory) => {
  const lock = await engine.lock(directory);
  await Deno.remove(`${directory}/lock`);
  await assertRejects(() => engine.lock(directory), LockedError, "it is open elsewhere");
  await Deno.writeTextFile(`${directory}/lock`, "no number");
  await assertRejects(() => engine.lock(directory), LockedError, "it is open elsewhere");
  await lock.release();
  await (await engine.lock(directory)).release();
});

test(
  "lock() reads a few bytes of its file, follows no link and waits for no pipe",
  async (engine, directory) => {
    const lock = await engine.lock(directory);
    const path = `${directory}/lock`;
    await Deno.writeTextFile(path, `77${" ".repeat(1 << 16)}`);
    await assertRejects(() => engine.lock(directory), LockedError, "it is open in process 77");
    await Deno.rename(path, `${directory}/other`);
    await Deno.symlink(`${directory}/other`, path);
    await assertRejects(() => engine.lock(directory), LockedError, "it is open elsewhere");
    await Deno.remove(path);
    await makePipe(path);
    await assertRejects(() => engine.lock(directory), LockedError, "it is open elsewhere");
    await lock.release();
  },
);

test(
  "lock() replaces a link that is called lock, and writes nothing through it",
  async (engine, directory) => {
    const target = `${directory}/target`;
    await Deno.writeTextFile(target, "precious");
    await Deno.symlink(target, `${directory}/lock`);
    const lock = await engine.lock(directory);
    assertEquals(await Deno.readTextFile(target), "precious");
    assertEquals(await Deno.readTextFile(`${directory}/lock`), `${Deno.pid}\n`);
    assertEquals((await Deno.lstat(`${directory}/lock`)).isFile, true);
    await lock.release();
  },
);

test(
  "lock() rejects, and holds nothing, when something that is no file is called lock",
  async (engine, directory) => {
    const path = `${directory}/lock`;
    const rejects = async (code: string) => {
      const error = await assertRejects(() => engine.lock(directory), IoError);
      assertEquals([error.code, error.operation, error.path], [code, "lock", path]);
      await Deno.lstat(path);
      await Deno.remove(path);
      await (await engine.lock(directory)).release();
      await Deno.remove(path);
    };
    await Deno.mkdir(path);
    await rejects("EISDIR");
    await makePipe(path);
    await rejects("ENXIO");
  },
);

test(
  "lock() rejects with the system's error when there is no directory or file",
  async (engine, directory) => {
    const error = await assertRejects(() => engine.lock(`${directory}/absent`), IoError);
    assertEquals([error.code, error.operation, error.path], ["ENOENT", "lock", `${directory}/absent`]);
    await makePipe(`${directory}/pipe`);
    await assertRejects(() => engine.lock(`${directory}/pipe`), IoError, "ENXIO");
  },
);

test("lock() locks a file for one holder, under any of its names", async (engine, directory) => {
  const path = `${directory}/file`;
  await Deno.writeTextFile(path, "");
  await Deno.link(path, `${directory}/other`);
  const lock = await engine.lock(path);
  await assertRejects(() => engine.lock(`${directory}/other`), LockedError, "it is open elsewhere");
  assertEquals(await lock.holds(), true);
  await Deno.rename(`${directory}/file`, `${directory}/moved`);
  assertEquals(await lock.holds(), false);
  await lock.release();
  await (await engine.lock(`${directory}/other`)).release();
});

test(
  "PathLock.holds() says whether the path still leads to what is locked",
  async (engine, directory) => {
    const lock = await engine.lock(directory);
    assertEquals(await lock.holds(), true);
    await Deno.rename(directory, `${directory}-moved`);
    assertEquals(await lock.holds(), false);
    await Deno.mkdir(directory);
    assertEquals(await lock.holds(), false);
    const other = await engine.lock(directory);
    assertEquals([await lock.holds(), await other.holds()], [false, true]);
    await other.release();
    await Deno.remove(directory, { recursive: true });
    await Deno.rename(`${directory}-moved`, directory);
    assertEquals(await lock.holds(), true);
    await lock.release();
    assertEquals(await lock.holds(), false);
  },
);

test(
  "PathLock.holds() rejects with the system's error when what is locked cannot be asked",
  async (engine, directory) => {
    const lock = await engine.lock(directory);
    const { statSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.statSync = () => {
      throw new Error("Input/output error (os error 5)");
    };
    try {
      const error = await assertRejects(() => lock.holds(), IoError);
      assertEquals([error.code, error.operation, error.path], ["EIO", "find", directory]);
    } finally {
      Deno.FsFile.prototype.statSync = statSync;
    }
    await lock.release();
  },
);

test(
  "lock() keeps other processes out, and goes with the process that held it",
  async (engine, directory) => {
    const script = new URL("path_lock_process.ts", import.meta.url).href;
    const args = ["run", "-A", "--no-prompt", "--no-check", "--no-lock", script, directory];
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    assertStringIncludes(new TextDecoder().decode(value), "locked");
    const error = await assertRejects(() => engine.lock(directory), LockedError);
    assertEquals(error.message, `Cannot lock "${directory}": it is open in process ${child.pid}`);
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
    const lock = await engine.lock(directory);
    assert(await lock.holds());
    await lock.release();
  },
);
