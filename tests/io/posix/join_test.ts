/** An engine of another thread goes along with a lock: names are found in what is locked, wherever it was moved to. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, LockedError } from "../../../src/base/mod.ts";
import { type IoEngine, openEngine } from "../../../src/io/mod.ts";

const engines = ["uring", "threads", "node"] as const;

for (const ioEngine of engines) {
  const test = (
    name: string,
    body: (scene: { path: string; engine: IoEngine; other: IoEngine }) => Promise<void>,
  ) =>
    Deno.test(`${name} (${ioEngine})`, async () => {
      const root = await Deno.makeTempDir({ prefix: "varve_test_" });
      const path = `${root}/store`;
      await Deno.mkdir(path);
      const { engine } = await openEngine({ ioEngine }), { engine: other } = await openEngine({ ioEngine });
      try {
        await body({ path, engine, other });
      } finally {
        await engine.shutdown();
        await other.shutdown();
        await Deno.remove(root, { recursive: true });
      }
    });

  test("IoEngine.join() goes along with a lock, and its release leaves that", async ({ path, engine, other }) => {
    const lock = await engine.lock(path);
    assert(lock.ticket !== undefined && other.join !== undefined);
    const joined = await other.join(path, structuredClone(lock.ticket));
    assertEquals([joined.follows, await joined.holds()], [lock.follows, true]);
    await joined.release();
    assertEquals([await joined.holds(), await lock.holds()], [false, true]);
    await assertRejects(() => other.lock(path), LockedError);
    await lock.release();
  });

  test("IoEngine.join() finds names in what was moved, or says that it was", async ({ path, engine, other }) => {
    const lock = await engine.lock(path);
    const joined = await other.join?.(path, lock.ticket ?? { ino: 0, dev: 0 });
    await Deno.rename(path, `${path}-moved`);
    await Deno.mkdir(path);
    assertEquals(await joined?.holds(), false);
    if (joined?.follows) {
      await other.close(await other.open(`${path}/a`, { access: "write", direct: false, create: true }));
      assertEquals([...Deno.readDirSync(path)].length, 0);
      assertEquals((await Deno.stat(`${path}-moved/a`)).size, 0);
      await joined.release();
      await assertRejects(
        () => other.open(`${path}/a`, { access: "read", direct: false }),
        IoError,
        "ENOENT",
      );
    }
    await lock.release();
  });

  test("IoEngine.join() follows as long as it is held, also after the lock was released", async ({ path, engine, other }) => {
    const lock = await engine.lock(path),
      joined = await other.join?.(path, lock.ticket ?? { ino: 0, dev: 0 });
    await lock.release();
    await other.close(await other.open(`${path}/a`, { access: "write", direct: false, create: true }));
    assertEquals(await other.list(path).then((names) => names.sort()), ["a", "lock"]);
    await joined?.release();
  });

  test("IoEngine.join() refuses a ticket that leads to another directory", async ({ path, engine, other }) => {
    const lock = await engine.lock(path);
    const { ino, dev, descriptor } = lock.ticket ?? { ino: 0, dev: 0 };
    if (descriptor !== undefined) {
      const error = await assertRejects(
        async () => await other.join?.(path, { ino: ino + 1, dev, descriptor }),
        IoError,
      );
      assertEquals([error.code, error.path], ["ESTALE", path]);
    } else assertEquals(await (await other.join?.(path, { ino: ino + 1, dev }))?.holds(), false);
    await lock.release();
  });
}
