import { assertEquals, assertRejects } from "@std/assert";
import { IoError } from "../../src/base/mod.ts";
import type { IoFile, OpenOptions } from "../../src/io/mod.ts";
import { FileCache, type FileLease } from "../../src/objects/mod.ts";
import { GatedEngine, turn } from "../io/gated_engine.ts";
import { MemoryEngine } from "../io/memory_engine.ts";
import { Random } from "../random.ts";

/** An engine that takes its time to open some files. */
class SlowEngine extends GatedEngine {
  /** What is waited for before a file is opened. */
  readonly slow: Map<string, Promise<void>> = new Map();

  override async open(path: string, options: OpenOptions): Promise<IoFile> {
    await this.slow.get(path);
    return await super.open(path, options);
  }
}

class Fixture {
  readonly memory: MemoryEngine = new MemoryEngine();
  readonly engine: SlowEngine = new SlowEngine(this.memory);
  readonly cache: FileCache;

  constructor(most: number, files = "abcdefgh") {
    for (const name of files) this.memory.put(`/${name}`, new Uint8Array(1));
    this.cache = new FileCache(this.engine, true, most);
  }

  /** Leases a file and lets go of it. */
  async touch(name: string): Promise<void> {
    using _ = await this.cache.acquire(`/${name}`);
  }
}

Deno.test("FileCache.acquire() opens a file once, however many ask at once", async () => {
  const t = new Fixture(4);
  const leases = await Promise.all(["/a", "/a", "/b", "/a"].map((path) => t.cache.acquire(path)));
  assertEquals(t.engine.log, ["open a", "open b"]);
  assertEquals(new Set(leases.map(({ file }) => file)).size, 2);
  for (const lease of leases) lease[Symbol.dispose]();
  await t.touch("a");
  assertEquals(t.engine.log.length, 2);
  await t.cache.closeAll();
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("FileCache closes the longest unused file when room is needed, never one with a lease", async () => {
  const t = new Fixture(2);
  using lease = await t.cache.acquire("/a");
  await t.touch("b");
  await t.touch("c");
  assertEquals(t.engine.log, ["open a", "open b", "open c", "close b"]);
  await t.touch("c");
  await t.touch("d");
  assertEquals(t.engine.log.slice(4), ["open d", "close c"]);
  assertEquals(await t.memory.size(lease.file), 1);
});

Deno.test("FileCache closes what is over its bound as soon as leases are gone", async () => {
  const t = new Fixture(2);
  const leases: FileLease[] = [];
  for (const name of "abcdef") leases.push(await t.cache.acquire(`/${name}`));
  assertEquals(t.memory.openFiles, 6, "a lease keeps its file open, whatever the bound");
  for (const lease of leases) lease[Symbol.dispose]();
  await turn();
  assertEquals(t.memory.openFiles, 2);
  await t.cache.closeAll();
});

Deno.test("FileLease lets go once, however often it is disposed of", async () => {
  const t = new Fixture(1);
  const lease = await t.cache.acquire("/a");
  using other = await t.cache.acquire("/a");
  lease[Symbol.dispose]();
  lease[Symbol.dispose]();
  await t.touch("b");
  assertEquals(await t.memory.size(other.file), 1);
});

Deno.test("FileCache.acquire() rejects all who wait when a file cannot be opened, and tries again later", async () => {
  const t = new Fixture(2);
  t.engine.failNext("open", "EMFILE");
  const asked = [t.cache.acquire("/a"), t.cache.acquire("/a")];
  for (const asking of asked) assertEquals((await assertRejects(() => asking, IoError)).code, "EMFILE");
  await t.touch("a");
  await assertRejects(() => t.cache.acquire("/absent"), IoError);
  await t.cache.closeAll();
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("FileCache.closeAll() closes files under a lease when it is gone", async () => {
  const t = new Fixture(4);
  const lease = await t.cache.acquire("/a");
  await t.touch("b");
  const opening = t.cache.acquire("/c");
  await t.cache.closeAll();
  assertEquals(t.engine.log.filter((words) => words.startsWith("close")), ["close b"]);
  assertEquals(await t.memory.size(lease.file), 1);
  lease[Symbol.dispose]();
  (await opening)[Symbol.dispose]();
  await turn();
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("FileCache.closeAll() closes no file twice that room was needed for meanwhile", async () => {
  const t = new Fixture(2);
  const slow = Promise.withResolvers<void>();
  t.engine.slow.set("/b", slow.promise);
  const opening = t.cache.acquire("/b");
  await t.touch("a");
  const closing = t.cache.closeAll();
  await t.touch("c");
  slow.resolve();
  (await opening)[Symbol.dispose]();
  await closing;
  await t.cache.closeAll();
  const closed = t.engine.log.filter((words) => words.startsWith("close"));
  assertEquals(closed.sort(), ["close a", "close b", "close c"]);
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("FileCache survives a file that cannot be closed", async () => {
  const t = new Fixture(1);
  t.engine.failNext("close", "EIO");
  await t.touch("a");
  await t.touch("b");
  await turn();
  await t.touch("a");
  await t.cache.closeAll();
});

Deno.test("FileCache keeps every leased file open and few others, whatever is asked in which order", async () => {
  const random = new Random(1);
  const t = new Fixture(3);
  const leases: FileLease[] = [];
  for (let i = 0; i < 3000; i++) {
    if (random.once(2) && leases.length < 6) {
      const asked = [random.pick([..."abcdefgh"]), random.pick([..."abcdefgh"])];
      if (random.once(20)) t.engine.failNext("open", "EIO");
      const settled = await Promise.allSettled(asked.map((name) => t.cache.acquire(`/${name}`)));
      for (const outcome of settled) if (outcome.status === "fulfilled") leases.push(outcome.value);
    } else if (leases.length > 0) {
      leases.splice(random.below(leases.length), 1)[0][Symbol.dispose]();
    }
    await turn();
    for (const { file } of leases) assertEquals(await t.memory.size(file), 1);
    const leased = new Set(leases.map(({ file }) => file)).size;
    assertEquals(t.memory.openFiles <= Math.max(3, leased), true);
  }
  for (const lease of leases) lease[Symbol.dispose]();
  await t.cache.closeAll();
  assertEquals(t.memory.openFiles, 0);
});
