import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Health, IoError, isShortage, PoisonedError } from "../../../src/base/mod.ts";
import { type CreateOptions, type ObjectWriter, RangeRead } from "../../../src/objects/mod.ts";
import { Random, seeds } from "../../random.ts";
import { block, directory, fullDisk, idOf, ObjectsFixture, settle } from "../objects_fixture.ts";

const id = idOf(1);
const { BadResource } = Deno.errors;

/** One writer, its health, and all that was appended. */
class Fixture extends ObjectsFixture {
  readonly health: Health = new Health("test");
  readonly #random = new Random(7);
  #model: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  create(options: Partial<CreateOptions> = {}): ObjectWriter {
    return this.objects.create(id, { health: this.health, reserveBytes: 0, ...options });
  }

  append(writer: ObjectWriter, length: number): void {
    const bytes = this.#random.bytes(length);
    assertEquals(writer.append(bytes), this.#model.length);
    const model = new Uint8Array(this.#model.length + length);
    model.set(this.#model);
    model.set(bytes, this.#model.length);
    this.#model = model;
  }

  /** What the object should hold. */
  get model(): Uint8Array<ArrayBuffer> {
    return this.#model;
  }

  checkFile(): void {
    assertEquals(this.contents(id).toHex() === this.#model.toHex(), true, "the file holds what was appended");
  }
}

/** Whether a promise has settled, and how. */
function follow(promise: Promise<unknown>): { state: string } {
  const followed = { state: "pending" };
  promise.then(() => followed.state = "resolved", (error) => followed.state = error.name);
  return followed;
}

Deno.test("Objects.create() writes nothing before the name is durable and ready, and can be read at once", async () => {
  const t = new Fixture();
  const ready = Promise.withResolvers<void>();
  const writer = t.create({
    reserveBytes: 10 * block,
    ready: () => (t.engine.log.push("ready"), ready.promise),
  });
  t.append(writer, 5 * block);
  const syncing = follow(writer.sync(5 * block));
  await settle();
  const name = id.slice(id.indexOf("/") + 1);
  assertEquals(t.engine.takeLog(), [`open ${name} create`, "allocate 40960", "syncDirectory", "ready"]);
  assertEquals([follow(writer.made).state, syncing.state], ["pending", "pending"]);
  assertEquals(t.contents(id), new Uint8Array(10 * block));
  assertEquals([writer.object.isWriting, writer.bufferedBytes], [true, 5 * block]);
  ready.resolve();
  await writer.made;
  await writer.sync(5 * block);
  assertEquals(t.engine.log.some((words) => words.startsWith("write")), true);
  assertEquals(await writer.finish(), 5 * block);
  t.checkFile();
  assertEquals(writer.object.isWriting, false);
  await t.close();
});

Deno.test("ObjectWriter.sync() takes one durable write where that will do, and never writes a block twice", async () => {
  const t = new Fixture({ bufferBytes: 64 * block });
  const writer = t.create();
  await writer.made;
  t.engine.takeLog();
  for (let i = 0; i < 3; i++) {
    t.append(writer, block);
    await writer.sync(writer.position);
    assertEquals(writer.durableOffset, writer.position);
  }
  assertEquals(t.engine.takeLog(), [
    "write 0+4096 durable",
    "write 4096+4096 durable",
    "write 8192+4096 durable",
  ]);
  t.append(writer, 40 * block);
  await writer.sync(writer.position);
  assertEquals(
    t.engine.takeLog(),
    ["write 12288+163840", "datasync"],
    "many bytes are written faster before a sync",
  );
  await writer.sync(writer.position);
  assertEquals(t.engine.takeLog(), []);
  await writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter.sync() of what is asked for meanwhile counts for itself only", async () => {
  const t = new Fixture();
  const writer = t.create();
  await writer.made;
  t.engine.hold = true;
  t.append(writer, block);
  const first = follow(writer.sync(block));
  t.append(writer, block);
  const second = follow(writer.sync(2 * block));
  await t.engine.held[0].finish();
  assertEquals([first.state, second.state, writer.durableOffset], ["resolved", "pending", block]);
  t.engine.syncing.close();
  await t.engine.finishAll();
  assertEquals([second.state, writer.durableOffset], ["pending", block], "it is written and not yet synced");
  t.engine.syncing.open();
  await settle();
  assertEquals([second.state, writer.durableOffset], ["resolved", 2 * block]);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter trusts no sync after one that failed, not even if the disk was only full", async () => {
  for (const code of ["EIO", "ENOSPC"]) {
    const t = new Fixture();
    const writer = t.create();
    t.append(writer, 5 * block);
    t.faults.failNext("datasync", code);
    const error = await assertRejects(() => writer.sync(5 * block), PoisonedError);
    assertEquals(((error.cause as Error) as IoError).code, code);
    assertEquals([writer.durableOffset, t.health.state], [0, "poisoned"]);
    await assertRejects(() => writer.sync(5 * block), PoisonedError);
    await assertRejects(() => writer.finish(), PoisonedError);
    assertThrows(() => writer.append(new Uint8Array(1)), PoisonedError);
    assertEquals(t.engine.log.filter((words) => words === "datasync").length, 1, "no sync is tried again");
    await writer.abort();
    await t.close();
  }
});

Deno.test("ObjectWriter trusts no sync that went well while another one failed", async () => {
  const t = new Fixture();
  const writer = t.create();
  t.append(writer, 5 * block);
  t.engine.syncing.close();
  const first = follow(writer.sync(4 * block));
  await settle();
  t.faults.failNext("datasync", "EIO");
  const second = follow(writer.sync(5 * block));
  await settle();
  assertEquals([first.state, second.state], ["pending", "PoisonedError"]);
  t.engine.syncing.open();
  await settle();
  assertEquals([first.state, writer.durableOffset], ["PoisonedError", 0]);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter.finish() trusts no sync that went well while another one failed", async () => {
  const t = new Fixture();
  const writer = t.create();
  t.append(writer, 5 * block);
  let goOn = () => {};
  t.engine.sync = () => new Promise((resolve) => goOn = resolve);
  const finished = follow(writer.finish());
  await settle();
  assertEquals(t.engine.takeLog().at(-1), `truncate ${5 * block}`);
  t.health.fail(new IoError({ code: "EIO", operation: "write", path: "another" }));
  goOn();
  await settle();
  assertEquals([finished.state, writer.durableOffset], ["PoisonedError", 0]);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter.write() makes nothing durable, so that a sync behind it syncs", async () => {
  const t = new Fixture();
  const writer = t.create();
  t.append(writer, 2 * block + 100);
  await writer.write(writer.position);
  assertEquals([writer.writtenOffset, writer.durableOffset], [2 * block + 100, 0]);
  t.engine.takeLog();
  await writer.sync(2 * block);
  assertEquals([t.engine.takeLog(), writer.durableOffset], [["datasync"], 2 * block]);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter.finish() shortens the file only after everything is durable", async () => {
  const t = new Fixture();
  const writer = t.create({ reserveBytes: 100 * block });
  t.append(writer, 7 * block);
  await writer.sync(2 * block);
  t.engine.takeLog();
  assertEquals(await writer.finish(), 7 * block);
  const log = t.engine.takeLog();
  assertEquals(log.slice(log.indexOf("datasync")), [
    "datasync",
    `truncate ${7 * block}`,
    `sync ${id.slice(17)}`,
    `close ${id.slice(17)}`,
  ]);
  assertEquals(writer.durableOffset, 7 * block);
  await writer.sync(7 * block);
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter.finish() and sync() wait for each other's file, in any order", async () => {
  for (const gate of [false, true]) {
    const t = new Fixture();
    const writer = t.create();
    t.append(writer, 5 * block);
    if (gate) t.engine.syncing.close();
    const steps = [writer.sync(3 * block), writer.finish(), writer.sync(5 * block)].map(follow);
    await settle();
    t.engine.syncing.open();
    await settle();
    await settle();
    assertEquals(steps.map(({ state }) => state), ["resolved", "resolved", "resolved"]);
    t.checkFile();
    await t.close();
  }
});

Deno.test("ObjectWriter.finish() waits for the disk as often as it is full, and loses nothing", async () => {
  const t = new Fixture();
  const writer = t.create({ reserveBytes: 100 * block });
  await writer.made;
  t.append(writer, 40 * block);
  for (let nth = 1; nth < 20; nth += 3) t.faults.failNth("write", nth, nth % 2 === 0 ? "ENOSPC" : "EDQUOT");
  t.faults.failNth("truncate", 1, "ENOSPC");
  const finishing = follow(writer.finish());
  let full = 0;
  while (finishing.state === "pending") {
    await settle();
    if (t.health.state === "full") full++;
    t.health.retry();
  }
  assertEquals([finishing.state, full > 4], ["resolved", true]);
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter.patientRoom() waits for a buffer and for a disk with room", async () => {
  const t = new Fixture();
  const writer = t.create();
  await writer.made;
  assertEquals(writer.patientRoom(), undefined);
  t.faults.failNext("write", "ENOSPC");
  t.append(writer, 11 * block);
  await assertRejects(async () => await writer.room(), IoError, "ENOSPC");
  const room = follow(writer.patientRoom() as Promise<void>);
  await settle();
  assertEquals([room.state, t.health.state], ["pending", "full"]);
  t.append(writer, block);
  t.health.retry();
  await settle();
  assertEquals(room.state, "resolved");
  await writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("Objects.create() waits while the disk is full, and goes on where it stood", async () => {
  const t = new Fixture();
  let asked = 0;
  const ready = () => {
    asked++;
    if (asked > 1) return Promise.resolve();
    return Promise.reject(new IoError({ code: "ENOSPC", operation: "write", path: "/manifest" }));
  };
  t.faults.failNext("open", "ENOSPC");
  const writer = t.create({ ready });
  t.append(writer, block);
  await settle();
  assertEquals(t.health.state, "full");
  assertEquals(
    (await assertRejects(() => writer.sync(block), IoError)).code,
    "ENOSPC",
    "nobody waits for ever",
  );
  t.health.retry();
  await settle();
  assertEquals([t.health.state, asked], ["full", 1]);
  const made = follow(writer.made);
  t.health.retry();
  await settle();
  assertEquals([made.state, asked], ["resolved", 2]);
  assertEquals(t.engine.log.filter((words) => words.startsWith("open")).length, 2, "it is made once");
  await writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("Objects.create() goes on without room that could not be reserved", async () => {
  const t = new Fixture();
  t.faults.failNext("allocate", "ENOSPC");
  const writer = t.create({ reserveBytes: 10 * block });
  await writer.made;
  assertEquals([t.health.state, t.engine.log.includes("truncate 0")], ["open", true]);
  await writer.abort();
  await t.close();
});

Deno.test("Objects.create() poisons when it fails otherwise, rejects everybody, and leaves nothing open", async () => {
  const cases = [["open", "EACCES"], ["open", "EEXIST"], ["allocate", "EIO"], ["syncDirectory", "EIO"], [
    "syncDirectory",
    "ENOSPC",
  ]] as const;
  for (const [operation, code] of cases) {
    const t = new Fixture();
    t.faults.failNext(operation, code);
    const writer = t.create({ reserveBytes: block });
    t.append(writer, 11 * block);
    const waiting = [writer.made, writer.sync(block), writer.finish(), writer.room() as Promise<void>].map(
      follow,
    );
    await settle();
    assertEquals([t.health.state, ...waiting.map(({ state }) => state)], [
      "poisoned",
      ...Array(4).fill("PoisonedError"),
    ]);
    await writer.abort();
    await t.close();
  }
});

Deno.test("Objects.create() makes no file where the lock no longer leads", async () => {
  const lock = {
    follows: false,
    holds: () => Promise.resolve(false),
    release: () => Promise.resolve(),
  };
  const t = new ObjectsFixture({ lock });
  const health = new Health("test");
  const writer = t.objects.create(id, { health, reserveBytes: 0 });
  const error = await assertRejects(() => writer.made, PoisonedError);
  assertEquals((error.cause as IoError).code, "ESTALE");
  assertEquals(t.disk.paths(), []);
  for (
    const work of [
      () => t.objects.remove(idOf(2)),
      () => t.objects.prepare(1),
      () => t.objects.root.remove("x"),
    ]
  ) {
    assertEquals((await assertRejects(work, IoError)).code, "ESTALE");
  }
  await writer.abort();
  await t.close();
});

Deno.test("Objects.create() makes room for its file when there are no descriptors", async () => {
  const t = new Fixture();
  const other = t.put(2, new Uint8Array(10));
  const leases = await t.objects.context.files.lease([other]);
  t.engine.mostFiles = 1;
  const writer = t.create();
  await settle();
  assertEquals([follow(writer.made).state, t.health.state], ["pending", "open"]);
  t.objects.context.files.release(leases);
  await writer.made;
  await writer.abort();
  await t.close();
});

/** What an object waits for while its file is being made. */
const holds: readonly { name: string; hold: (t: Fixture) => void }[] = [
  { name: "its file is opened", hold: (t) => t.engine.opening.close() },
  { name: "the disk is full", hold: (t) => t.faults.failNext("open", "ENOSPC") },
];

for (const { name, hold } of holds) {
  Deno.test(`ObjectWriter.abort() while ${name} leaves nothing behind and releases everybody`, async () => {
    const t = new Fixture();
    hold(t);
    const writer = t.create({ reserveBytes: block });
    t.append(writer, 11 * block);
    const room = follow(writer.room() as Promise<void>);
    const made = follow(writer.made),
      syncing = follow(writer.sync(block)),
      finishing = follow(writer.finish());
    await settle();
    const aborting = follow(writer.abort());
    await settle();
    t.engine.opening.open();
    await settle();
    assertEquals(aborting.state, "resolved");
    for (const { state } of [made, finishing, syncing, room]) {
      assert(/BadResource|IoError/.test(state), state);
    }
    assertEquals(["open", "full"].includes(t.health.state), true, "that it was given up poisons nothing");
    const files = t.disk.paths();
    t.health.retry();
    await settle();
    assertEquals([t.disk.paths(), t.engine.openFiles], [files, 0], "nothing goes on behind it");
    await t.close();
  });
}

Deno.test("ObjectWriter.abort() waits for what is being done to name the object", async () => {
  const t = new Fixture();
  const ready = Promise.withResolvers<void>();
  const writer = t.create({ ready: () => ready.promise });
  t.append(writer, 5 * block);
  await settle();
  const aborting = follow(writer.abort());
  await settle();
  assertEquals(aborting.state, "pending");
  ready.resolve();
  await settle();
  assertEquals([aborting.state, t.health.state], ["resolved", "open"]);
  assertEquals(t.engine.log.some((words) => words.startsWith("write")), false);
  await t.close();
});

Deno.test("ObjectWriter.abort() waits for writes and syncs in flight, then closes the file", async () => {
  const t = new Fixture();
  const writer = t.create();
  await writer.made;
  t.engine.hold = true;
  t.append(writer, 5 * block);
  const syncing = follow(writer.sync(4 * block));
  await settle();
  const aborting = follow(writer.abort());
  await settle();
  assertEquals([aborting.state, t.engine.openFiles], ["pending", 1]);
  t.engine.syncing.close();
  await t.engine.finishAll();
  t.engine.syncing.open();
  await settle();
  assertEquals(aborting.state, "resolved");
  assert(syncing.state !== "pending");
  assertEquals([t.health.state, t.engine.openFiles, writer.object.isWriting], ["open", 0, false]);
  await t.close();
});

Deno.test("ObjectWriter releases everybody when it is closed while the disk is full", async () => {
  const t = new Fixture();
  t.faults.failNext("open", "ENOSPC");
  const writer = t.create();
  t.append(writer, 11 * block);
  const waiting = [writer.made, writer.finish(), writer.patientRoom() as Promise<void>].map(follow);
  await settle();
  assertEquals(waiting.map(({ state }) => state), ["pending", "pending", "pending"]);
  t.health.close();
  await settle();
  assertEquals(waiting.map(({ state }) => state === "pending"), [false, false, false]);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter releases everybody when something else poisons while the disk is full", async () => {
  const t = new Fixture();
  t.faults.failNext("open", "ENOSPC");
  const writer = t.create();
  t.append(writer, 11 * block);
  const waiting = [writer.made, writer.finish(), writer.patientRoom() as Promise<void>].map(follow);
  await settle();
  t.health.fail(new Error("elsewhere"));
  await settle();
  assertEquals(waiting.map(({ state }) => state), ["PoisonedError", "PoisonedError", "PoisonedError"]);
  assertEquals(t.disk.paths(), []);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter.append() goes on while the disk is full elsewhere", async () => {
  const t = new Fixture();
  const writer = t.create();
  await writer.made;
  fullDisk(t.health);
  t.append(writer, 3 * block);
  await assertRejects(() => writer.sync(3 * block), IoError, "ENOSPC");
  t.health.retry();
  await writer.sync(3 * block);
  await writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("Objects.reopen() leaves the file as it is until something is appended", async () => {
  const t = new Fixture();
  const contents = new Random(1).bytes(3 * block);
  t.put(1, contents);
  const idle = t.objects.reopen(id, 2 * block, { health: t.health, reserveBytes: 10 * block });
  assertEquals([idle.position, idle.durableOffset], [2 * block, 2 * block]);
  await idle.sync(2 * block);
  await settle();
  await idle.abort();
  assertEquals([t.engine.takeLog(), t.contents(id)], [[], contents]);
  const writer = t.objects.reopen(id, 2 * block, { health: t.health, reserveBytes: 10 * block });
  const more = new Random(2).bytes(5 * block);
  assertEquals(writer.append(more), 2 * block);
  await writer.sync(3 * block);
  assertEquals(t.contents(id).length, 10 * block);
  assertEquals(await writer.finish(), 7 * block);
  assertEquals(t.contents(id).toHex() === contents.slice(0, 2 * block).toHex() + more.toHex(), true);
  assertEquals(t.engine.log.some((words) => words.includes("create")), false);
  await t.close();
});

Deno.test("Objects.reopen() keeps the length of a file for which no room could be reserved", async () => {
  const t = new Fixture();
  t.put(1, new Random(1).bytes(3 * block));
  t.faults.failNext("allocate", "ENOSPC");
  const writer = t.objects.reopen(id, 2 * block, { health: t.health, reserveBytes: 10 * block });
  writer.append(new Uint8Array(1));
  await writer.made;
  assertEquals(t.contents(id).length, 3 * block);
  await writer.abort();
  await t.close();
});

Deno.test("ObjectWriter.finish() shortens a reopened object to its position, also if nothing was appended", async () => {
  const t = new Fixture();
  const contents = new Random(1).bytes(3 * block);
  t.put(1, contents);
  const writer = t.objects.reopen(id, 2 * block, { health: t.health, reserveBytes: 0 });
  assertEquals(await writer.finish(), 2 * block);
  assertEquals(t.contents(id), contents.slice(0, 2 * block));
  await t.close();
});

/** Writes an object as a timeline does, and returns how far it was said to be durable. */
async function write(t: Fixture): Promise<{ durable: number; finished: boolean; failures: Error[] }> {
  const outcome = { durable: 0, finished: false, failures: [] as Error[] };
  const writer = t.create({ reserveBytes: 8 * block, ready: () => t.engine.syncDirectory(directory) });
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    for (let tries = 0; tries < 5; tries++) {
      try {
        return void await work();
      } catch (error) {
        outcome.failures.push(error as Error);
        t.health.retry();
      }
    }
  };
  const retrying = setInterval(() => t.health.retry(), 1);
  for (const length of [block, 3 * block, block, 6 * block]) {
    await attempt(async () => {
      if (t.health.state === "poisoned") return;
      t.append(writer, length);
      const end = writer.position;
      await attempt(() => writer.sync(end).then(() => outcome.durable = Math.max(end, outcome.durable)));
    });
  }
  await attempt(() => writer.finish().then(() => outcome.finished = true));
  t.health.close();
  await writer.abort();
  clearInterval(retrying);
  return outcome;
}

Deno.test("ObjectWriter keeps what it says is durable, whichever operation fails", async () => {
  const count = await withFixture(async (t) => {
    assertEquals((await write(t)).finished, true);
    return t.faults.operations;
  });
  for (const code of ["EIO", "ENOSPC", "EMFILE"]) {
    for (let nth = 1; nth <= count; nth++) {
      await withFixture(async (t) => {
        let operations = 0;
        const { engine } = t;
        engine.failIf = () => ++operations === nth ? code : undefined;
        const { durable, finished, failures } = await write(t);
        if (durable > 0) {
          assertEquals(t.contents(id).slice(0, durable).toHex() === t.model.slice(0, durable).toHex(), true);
        }
        if (finished) t.checkFile();
        else {assert(
            failures.length > 0 && !failures.every(isShortage),
            `${code} ${nth} is no reason to fail`,
          );}
        for (const error of failures) {
          assert(
            error instanceof IoError || error instanceof PoisonedError || error instanceof BadResource,
            `${error}`,
          );
        }
      });
    }
  }
});

Deno.test("ObjectWriter keeps what it says is durable, whatever fails and whenever it is asked", async () => {
  for (const seed of seeds("object writer", 10)) {
    const random = new Random(seed);
    await withFixture(async (t) => {
      t.engine.failIf = () =>
        random.once(12) ? random.pick(["ENOSPC", "ENOSPC", "EMFILE", "EIO"]) : undefined;
      const { durable, finished } = await write(t);
      if (durable > 0) {
        assertEquals(t.contents(id).slice(0, durable).toHex() === t.model.slice(0, durable).toHex(), true);
      }
      if (finished) t.checkFile();
    });
  }
});

async function withFixture<T>(body: (t: Fixture) => Promise<T>): Promise<T> {
  const t = new Fixture();
  const result = await body(t);
  await t.close();
  return result;
}

Deno.test("RangeRead reads an object on while it is finished", async () => {
  const t = new Fixture();
  const writer = t.create();
  t.append(writer, 3 * block);
  const finishing = writer.finish();
  let read = 0;
  const sink = {
    accept: (_item: number, bytes: Uint8Array, _view: DataView, at: number, length: number) => {
      assertEquals(bytes.slice(at, at + length), t.model);
      read++;
    },
    fail: (_item: number, error: Error) => {
      throw error;
    },
  };
  for (let i = 0; i < 40; i++) {
    const wants = { count: 1, objectOf: () => writer.object, offsetOf: () => 0, lengthOf: () => 3 * block };
    const range = new RangeRead(t.objects, wants, sink);
    while (!range.done) await range.step();
  }
  await finishing;
  assertEquals(read, 40);
  await t.close();
});

Deno.test("ObjectWriter.sync() is answered at whatever moment of finish() it is asked for", async () => {
  for (let ticks = 0; ticks < 400; ticks++) {
    const t = new Fixture({ bufferBytes: 2 * block });
    const writer = t.create();
    t.append(writer, 9 * block);
    const finished = writer.finish();
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    await Promise.all([writer.sync(4 * block), writer.sync(9 * block), finished]);
    assertEquals([t.health.state, writer.durableOffset], ["open", 9 * block]);
    await t.close();
  }
});
