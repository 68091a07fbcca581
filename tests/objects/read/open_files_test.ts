import { assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, IoError } from "../../../src/base/mod.ts";
import { StoredObject } from "../../../src/objects/stored_object.ts";
import { OpenFiles } from "../../../src/objects/read/open_files.ts";
import { turn } from "../../io/gated_engine.ts";
import { MemoryEngine } from "../../io/memory_engine.ts";
import { Random, seeds } from "../../random.ts";
import { idOf, ObjectsEngine } from "../objects_fixture.ts";

class Fixture {
  readonly memory: MemoryEngine = new MemoryEngine();
  readonly engine: ObjectsEngine = new ObjectsEngine(this.memory);
  readonly files: OpenFiles;
  readonly objects: StoredObject[] = [];

  constructor(most: number, count = 8) {
    for (let i = 0; i < count; i++) {
      const object = new StoredObject("/store", idOf(i), i);
      this.memory.put(object.path, new Uint8Array(1));
      this.objects.push(object);
    }
    this.files = new OpenFiles(this.engine, true, most);
  }

  /** Leases a file and lets go of it. */
  async touch(i: number): Promise<void> {
    await this.files.lease(this.objects[i]);
    this.files.release(this.objects[i]);
  }

  /** Which objects were opened or closed, in order, such as `open 3`. */
  takeLog(): string[] {
    return this.engine.takeLog().map((words) => words.replace(/ \w+-0*(\d)-\w+\.seg/, " $1"));
  }

  async close(): Promise<void> {
    await this.files.close();
    assertEquals([this.memory.openFiles, this.files.count], [0, 0]);
  }
}

Deno.test("OpenFiles.lease() opens a file once, however many ask at once", async () => {
  const t = new Fixture(4);
  const [a, b] = t.objects;
  const files = await Promise.all([a, a, b, a].map((object) => t.files.lease(object)));
  assertEquals(t.takeLog(), ["open 0", "open 1"]);
  assertEquals(new Set(files).size, 2);
  assertEquals(t.files.tryLease(a), files[0]);
  assertEquals(t.files.tryLease(t.objects[2]), undefined);
  for (const object of [a, a, a, a, b]) t.files.release(object);
  await t.touch(0);
  assertEquals(t.takeLog(), []);
  await t.close();
});

Deno.test("OpenFiles closes files that were not used lately when room is needed, never one with a lease", async () => {
  const t = new Fixture(2);
  await t.files.lease(t.objects[0]);
  for (const i of [1, 2]) await t.touch(i);
  assertEquals(t.takeLog(), ["open 0", "open 1", "open 2", "close 1"]);
  await t.touch(2);
  await t.touch(3);
  assertEquals(t.takeLog(), ["open 3", "close 2"]);
  assertEquals(t.files.tryLease(t.objects[0]) !== undefined, true);
  t.files.release(t.objects[0]);
  t.files.release(t.objects[0]);
  await t.close();
});

Deno.test("OpenFiles closes what is over its bound as soon as leases end", async () => {
  const t = new Fixture(2);
  for (const object of t.objects) await t.files.lease(object);
  assertEquals(t.memory.openFiles, 8, "a lease keeps its file open, whatever the bound");
  for (const object of t.objects) t.files.release(object);
  await turn();
  assertEquals(t.memory.openFiles, 2);
  await t.close();
});

Deno.test("OpenFiles.lease() rejects all who wait when a file cannot be opened, and tries again later", async () => {
  const t = new Fixture(2);
  t.engine.failNext("open", "EACCES");
  const asked = [t.files.lease(t.objects[0]), t.files.lease(t.objects[0])];
  for (const asking of asked) assertEquals((await assertRejects(() => asking, IoError)).code, "EACCES");
  await t.touch(0);
  await t.close();
});

Deno.test("OpenFiles finds that a file is missing: damage", async () => {
  const t = new Fixture(2);
  const absent = new StoredObject("/store", idOf(99), 99);
  for (const open of [() => t.files.lease(absent), () => t.files.openApart(absent, "write")]) {
    const error = await assertRejects(open, CorruptionError);
    assertEquals([error.path, error.found], [absent.path, "no file"]);
  }
  await t.close();
});

Deno.test("OpenFiles closes what nobody uses when there are no descriptors, and tries again", async () => {
  const t = new Fixture(8);
  for (const i of [0, 1, 2]) await t.touch(i);
  await t.files.lease(t.objects[3]);
  t.engine.mostFiles = 4;
  await t.touch(4);
  assertEquals(t.takeLog().slice(4), ["close 0", "close 1", "close 2", "open 4"]);
  t.files.release(t.objects[3]);
  await t.close();
});

Deno.test("OpenFiles.lease() does not wait for other leases, as leaseInTurn() does", async () => {
  const t = new Fixture(8);
  t.engine.mostFiles = 1;
  await t.files.lease(t.objects[0]);
  assertEquals((await assertRejects(() => t.files.lease(t.objects[1]), IoError)).code, "EMFILE");
  const served: number[] = [];
  const leases = [1, 2, 3].map((i) => t.files.leaseInTurn(t.objects[i]).then(() => served.push(i)));
  await turn();
  assertEquals(served, []);
  for (const i of [0, 1, 2]) {
    t.files.release(t.objects[i]);
    await leases[i];
    await turn();
    assertEquals(served.length, i + 1);
  }
  t.files.release(t.objects[3]);
  t.engine.mostFiles = 0;
  assertEquals((await assertRejects(() => t.files.leaseInTurn(t.objects[1]), IoError)).code, "EMFILE");
  await t.close();
});

Deno.test("OpenFiles.lease() opens nothing while others wait for descriptors, so that they are served", async () => {
  const t = new Fixture(8);
  t.engine.mostFiles = 1;
  await t.files.lease(t.objects[0]);
  const waiting = t.files.leaseInTurn(t.objects[1]);
  await turn();
  t.engine.mostFiles = 2;
  assertEquals((await assertRejects(() => t.files.lease(t.objects[2]), IoError)).code, "EMFILE");
  assertEquals((await t.files.lease(t.objects[0])).path, t.objects[0].path, "what is open is leased");
  t.files.release(t.objects[0]);
  t.files.release(t.objects[0]);
  await waiting;
  await t.touch(2);
  t.files.release(t.objects[1]);
  await t.close();
});

Deno.test("OpenFiles.open() waits for leases to end when there are no descriptors", async () => {
  const t = new Fixture(8);
  t.engine.mostFiles = 1;
  await t.files.lease(t.objects[0]);
  const opening = t.files.open("/store/new", { access: "write", direct: false, create: true });
  await turn();
  t.files.release(t.objects[0]);
  await t.memory.close(await opening);
  t.engine.mostFiles = 0;
  const error = await assertRejects(
    () => t.files.open("/store/new", { access: "read", direct: false }),
    IoError,
  );
  assertEquals(error.code, "EMFILE", "nobody holds a descriptor that could be waited for");
  await t.close();
});

Deno.test("OpenFiles.drop() closes the file of a removed object when its last lease ends", async () => {
  const t = new Fixture(8);
  const [a, b, c] = t.objects;
  await t.touch(0);
  await t.files.lease(b);
  const opening = t.files.lease(c);
  for (const object of [a, b, c]) t.files.drop(object);
  await opening;
  assertEquals(t.memory.openFiles, 2);
  t.files.release(b);
  t.files.release(c);
  await turn();
  assertEquals(t.memory.openFiles, 0);
  await t.close();
});

Deno.test("OpenFiles.close() waits for leases to end and for files that are opening, and leases nothing after", async () => {
  const t = new Fixture(8);
  const [a, b, c] = t.objects;
  await t.files.lease(a);
  await t.touch(1);
  t.engine.opening.close();
  const opening = t.files.lease(c);
  let closed = false;
  const closing = t.files.close().then(() => closed = true);
  await assertRejects(() => t.files.lease(b), Deno.errors.BadResource);
  assertEquals(t.files.tryLease(a), undefined);
  t.files.release(a);
  await turn();
  assertEquals([closed, t.memory.openFiles], [false, 0]);
  t.engine.opening.open();
  await opening;
  await turn();
  assertEquals([closed, t.memory.openFiles], [false, 1]);
  t.files.release(c);
  await closing;
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("OpenFiles survives a file that cannot be closed", async () => {
  const t = new Fixture(1);
  t.engine.failNext("close", "EIO");
  for (const i of [0, 1, 0]) await t.touch(i);
  await t.files.close();
});

Deno.test("OpenFiles keeps every leased file open and few others, whatever is asked in which order", async () => {
  for (const seed of seeds("open files", 2)) {
    const random = new Random(seed);
    const t = new Fixture(3);
    const leased: StoredObject[] = [];
    for (let i = 0; i < 1500; i++) {
      t.engine.mostFiles = random.once(10) ? random.from(1, 4) : Infinity;
      if (random.once(2) && leased.length < 6) {
        const asked = [random.pick(t.objects), random.pick(t.objects)];
        if (random.once(20)) t.engine.failNext("open", "EIO");
        const settled = await Promise.allSettled(asked.map((object) => t.files.lease(object)));
        settled.forEach((outcome, at) => outcome.status === "fulfilled" && leased.push(asked[at]));
      } else if (leased.length > 0) {
        t.files.release(leased.splice(random.below(leased.length), 1)[0]);
      }
      await turn();
      for (const { own } of leased) assertEquals(own.file && await t.memory.size(own.file), 1);
      const distinct = new Set(leased).size;
      assertEquals([t.memory.openFiles <= Math.max(3, distinct), t.files.count], [true, t.memory.openFiles]);
    }
    for (const object of leased) t.files.release(object);
    await t.close();
  }
});
