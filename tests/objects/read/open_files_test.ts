import { assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, IoError } from "../../../src/base/mod.ts";
import type { IoFile } from "../../../src/io/mod.ts";
import { StoredObject } from "../../../src/objects/stored_object.ts";
import { type Leases, OpenFiles } from "../../../src/objects/read/open_files.ts";
import { Random, seeds } from "../../random.ts";
import { idOf, ObjectsEngine, timelineDirectory } from "../objects_fixture.ts";
import { drain, ListedFaults, SimDisk } from "../../../src/sim/mod.ts";

class Fixture {
  readonly disk: SimDisk = new SimDisk([timelineDirectory]);
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: ObjectsEngine = new ObjectsEngine(this.disk, this.faults);
  readonly files: OpenFiles;
  readonly objects: StoredObject[] = [];

  constructor(most: number, count = 8) {
    for (let i = 0; i < count; i++) {
      const object = new StoredObject("/store", idOf(i), i);
      this.disk.put(object.path, new Uint8Array(1));
      this.objects.push(object);
    }
    this.files = new OpenFiles(this.engine, true, most);
  }

  /** Leases the file of an object, and throws why it cannot. */
  async lease(object: StoredObject): Promise<IoFile> {
    const outcome = (await this.files.lease([object])).get(object);
    if (outcome === undefined || outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** Ends a lease of each object. */
  release(...objects: StoredObject[]): void {
    for (const object of objects) this.files.release(new Map([[object, object.own.file as IoFile]]));
  }

  /** Leases a file and lets go of it. */
  async touch(i: number): Promise<void> {
    await this.lease(this.objects[i]);
    this.release(this.objects[i]);
  }

  /** Which objects were opened or closed, in order, such as `open 3`. */
  takeLog(): string[] {
    return this.engine.takeLog().map((words) => words.replace(/ \w+-0*(\d)-\w+\.seg/, " $1"));
  }

  async close(): Promise<void> {
    await this.files.close();
    assertEquals([this.engine.openFiles, this.files.count], [0, 0]);
  }
}

Deno.test("OpenFiles.lease() opens a file once, however many ask at once", async () => {
  const t = new Fixture(4);
  const [a, b] = t.objects;
  const files = await Promise.all([a, a, b, a].map((object) => t.lease(object)));
  assertEquals(t.takeLog(), ["open 0", "open 1"]);
  assertEquals(new Set(files).size, 2);
  assertEquals(await t.lease(a), files[0]);
  t.release(a, a, a, a, b);
  await t.touch(0);
  assertEquals(t.takeLog(), []);
  await t.close();
});

Deno.test("OpenFiles closes files that were not used lately when room is needed, never one with a lease", async () => {
  const t = new Fixture(2);
  await t.lease(t.objects[0]);
  for (const i of [1, 2]) await t.touch(i);
  assertEquals(t.takeLog(), ["open 0", "open 1", "close 1", "open 2"]);
  await t.touch(2);
  await t.touch(3);
  assertEquals(t.takeLog(), ["close 2", "open 3"]);
  await t.touch(0);
  assertEquals(t.takeLog(), []);
  t.release(t.objects[0]);
  await t.close();
});

Deno.test("OpenFiles closes what is over its bound as soon as leases end", async () => {
  const t = new Fixture(2);
  for (const object of t.objects) await t.lease(object);
  assertEquals(t.engine.openFiles, 8, "a lease keeps its file open, whatever the bound");
  for (const object of t.objects) t.release(object);
  await drain();
  assertEquals(t.engine.openFiles, 2);
  await t.close();
});

Deno.test("OpenFiles.lease() rejects all who wait when a file cannot be opened, and tries again later", async () => {
  const t = new Fixture(2);
  t.faults.failNext("open", "EACCES");
  const asked = [t.lease(t.objects[0]), t.lease(t.objects[0])];
  for (const asking of asked) assertEquals((await assertRejects(() => asking, IoError)).code, "EACCES");
  await t.touch(0);
  await t.close();
});

Deno.test("OpenFiles finds that a file is missing: damage", async () => {
  const t = new Fixture(2);
  const absent = new StoredObject("/store", idOf(99), 99);
  for (const open of [() => t.lease(absent), () => t.files.openApart(absent, "write")]) {
    const error = await assertRejects(open, CorruptionError);
    assertEquals([error.path, error.found], [absent.path, "no file"]);
  }
  await t.close();
});

Deno.test("OpenFiles closes what nobody uses when there are no descriptors, and tries again", async () => {
  const t = new Fixture(8);
  for (const i of [0, 1, 2]) await t.touch(i);
  await t.lease(t.objects[3]);
  t.engine.mostFiles = 4;
  await t.touch(4);
  assertEquals(t.takeLog().slice(4), ["close 0", "close 1", "close 2", "open 4"]);
  t.release(t.objects[3]);
  await t.close();
});

Deno.test("OpenFiles.lease() waits for no other lease while it holds one itself, and otherwise is served in turn", async () => {
  const t = new Fixture(8);
  const [a, b, c, d] = t.objects;
  t.engine.mostFiles = 1;
  const first = await t.files.lease([a, b, c]);
  assertEquals([...first.keys()].length, 1, "it does not wait for the others");
  const [leased] = first.keys();
  const second = await t.files.lease([leased, d]);
  assertEquals([...second.keys()], [leased], "what is open is leased, whoever waits");
  t.files.release(second);
  const served: StoredObject[][] = [];
  const others = t.objects.slice(3, 6);
  const waiting = others.map((object) =>
    t.files.lease([object, d]).then((leases) => {
      served.push([...leases.keys()]);
      return leases;
    })
  );
  await drain();
  assertEquals(served, []);
  t.files.release(first);
  for (const [i, leases] of waiting.entries()) {
    await drain();
    assertEquals(served, others.slice(0, i + 1).map((object) => [object]));
    t.files.release(await leases);
  }
  t.engine.mostFiles = 0;
  const none = await t.files.lease([b, c]);
  assertEquals([...none.values()].map((error) => (error as IoError).code), ["EMFILE", "EMFILE"]);
  await t.close();
});

Deno.test("OpenFiles.lease() opens nothing while others wait for descriptors, so that they are served", async () => {
  const t = new Fixture(8);
  const [a, b, c] = t.objects;
  t.engine.mostFiles = 1;
  await t.lease(a);
  const waiting = t.lease(b);
  await drain();
  t.takeLog();
  t.engine.mostFiles = 2;
  assertEquals([...(await t.files.lease([a, c])).keys()], [a], "what is open is leased");
  assertEquals(t.takeLog(), []);
  t.release(a, a);
  await waiting;
  await t.touch(2);
  t.release(b);
  await t.close();
});

Deno.test("OpenFiles.open() waits for leases to end when there are no descriptors", async () => {
  const t = new Fixture(8);
  t.engine.mostFiles = 1;
  await t.lease(t.objects[0]);
  const opening = t.files.open("/store/new", { access: "write", direct: false, create: true });
  await drain();
  t.release(t.objects[0]);
  await t.engine.close(await opening);
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
  await t.lease(b);
  const opening = t.lease(c);
  for (const object of [a, b, c]) await t.files.drop(object);
  await opening;
  assertEquals(t.engine.openFiles, 2);
  t.release(b);
  t.release(c);
  await drain();
  assertEquals(t.engine.openFiles, 0);
  await t.close();
});

Deno.test("OpenFiles.close() waits for leases to end and for files that are opening, and leases nothing after", async () => {
  const t = new Fixture(8);
  const [a, b, c] = t.objects;
  await t.lease(a);
  await t.touch(1);
  t.engine.opening.close();
  const opening = t.lease(c);
  let closed = false;
  const closing = t.files.close().then(() => closed = true);
  await assertRejects(() => t.lease(b), Deno.errors.BadResource);
  await assertRejects(() => t.lease(a), Deno.errors.BadResource);
  t.release(a);
  await drain();
  assertEquals([closed, t.engine.openFiles], [false, 0]);
  t.engine.opening.open();
  await opening;
  await drain();
  assertEquals([closed, t.engine.openFiles], [false, 1]);
  t.release(c);
  await closing;
  assertEquals(t.engine.openFiles, 0);
});

Deno.test("OpenFiles.close() refuses those who wait for a descriptor", async () => {
  const t = new Fixture(8);
  const [a, b, c] = t.objects;
  t.engine.mostFiles = 1;
  await t.lease(a);
  const waiting = [t.files.lease([b, c]), t.files.lease([c])];
  await drain();
  const closing = t.files.close();
  t.release(a);
  for (const leases of await Promise.all(waiting)) {
    for (const outcome of leases.values()) assertEquals(outcome instanceof Deno.errors.BadResource, true);
    assertEquals(leases.size, 1);
  }
  await closing;
  assertEquals([t.engine.openFiles, t.files.count], [0, 0]);
});

Deno.test("OpenFiles survives a file that cannot be closed", async () => {
  const t = new Fixture(1);
  t.faults.failNext("close", "EIO");
  for (const i of [0, 1, 0]) await t.touch(i);
  await t.files.close();
});

Deno.test("OpenFiles keeps every leased file open and few others, whatever is asked in which order", async () => {
  for (const seed of seeds("open files", 2)) {
    const random = new Random(seed);
    const t = new Fixture(3);
    const held: Leases[] = [];
    let waiting = 0;
    const lease = async (objects: StoredObject[]): Promise<void> => {
      waiting++;
      held.push(await t.files.lease(objects));
      waiting--;
    };
    for (let i = 0; i < 1500; i++) {
      t.engine.mostFiles = random.once(10) ? random.from(1, 4) : Infinity;
      if (random.once(2) && held.length < 4) {
        if (random.once(20)) t.faults.failNext("open", "EIO");
        void lease([random.pick(t.objects), random.pick(t.objects)]);
      } else if (held.length > 0) {
        t.files.release(held.splice(random.below(held.length), 1)[0]);
      }
      await drain();
      const leased = new Map(
        held.flatMap((leases) => [...leases]).filter(([, file]) => !(file instanceof Error)),
      );
      // Whoever waits for two files may have them in a moment.
      const most = Math.max(3, leased.size + 2 * waiting);
      assertEquals([t.engine.openFiles <= most, t.files.count <= most], [true, true]);
      for (const [object, file] of leased) assertEquals(object.own.file, file);
      await Promise.all(leased.values().map((file) => t.engine.size(file as IoFile)));
    }
    t.engine.mostFiles = 1;
    while (waiting > 0 || held.length > 0) {
      for (const leases of held.splice(0)) t.files.release(leases);
      await drain();
    }
    await t.close();
  }
});
