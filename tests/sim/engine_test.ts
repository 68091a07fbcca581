/** The contract of engines on the simulated one, and what it does besides: faults, death, locks, a log. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError, LockedError } from "../../src/base/mod.ts";
import { type IoFile, readOnce, type Transfer, writeOnce } from "../../src/io/mod.ts";
import {
  ChosenFaults,
  type Fault,
  ListedFaults,
  type Operation,
  SeededChoices,
  SimDisk,
  SimEngine,
} from "../../src/sim/mod.ts";
import { testEngine } from "../io/engine_contract.ts";

const block = 4096;

for (const direct of [true, false]) {
  testEngine({
    name: "SimEngine",
    make: () => new SimEngine(),
    direct,
    alignment: block,
    makeDirectory: () => Promise.resolve("/some/directory"),
  });
}

/** An engine on a disk with a file `/a` of four blocks, filled with 1 to 4. */
async function fixture(direct = true) {
  const disk = new SimDisk([]);
  const bytes = new Uint8Array(4 * block);
  for (let i = 0; i < 4; i++) bytes.fill(i + 1, i * block, (i + 1) * block);
  disk.put("/a", bytes);
  const faults = new ListedFaults();
  const engine = new SimEngine({ disk, faults });
  const file = await engine.open("/a", { access: "write", direct });
  return { disk, faults, engine, file };
}

/** The first byte of each block of a file. */
function fillsOf(disk: SimDisk, path = "/a"): number[] {
  const bytes = disk.contents(path);
  return Array.from({ length: Math.ceil(bytes.length / block) }, (_, i) => bytes[i * block]);
}

function filled(fill: number, count = 1): Uint8Array {
  return new Uint8Array(count * block).fill(fill);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => work, IoError);
  return error.code;
}

/** Reads four blocks with a fault; returns the first byte of each. */
async function readWith(fault: Fault, offset = 0): Promise<number[]> {
  const { engine, file, faults } = await fixture();
  const bytes = filled(0xee, 4);
  faults.set("read", 1, fault);
  const done = await readOnce(engine, file, offset, bytes);
  return Array.from({ length: done / block }, (_, i) => bytes[i * block]);
}

Deno.test("SimEngine fails every operation that a test lists, with what it was and where", async () => {
  const { engine, file, faults } = await fixture();
  const path = "/a";
  const calls: [Operation, () => Promise<unknown>][] = [
    ["open", () => engine.open(path, { access: "read", direct: true })],
    ["size", () => engine.size(file)],
    ["nextData", () => engine.nextData(file, 0)],
    ["read", () => readOnce(engine, file, 0, filled(0))],
    ["write", () => writeOnce(engine, file, 0, filled(0))],
    ["datasync", () => engine.datasync(file)],
    ["sync", () => engine.sync(file)],
    ["truncate", () => engine.truncate(file, 0)],
    ["allocate", () => engine.allocate(file, 5 * block)],
    ["rename", () => engine.rename(path, "/b")],
    ["remove", () => engine.remove("/b")],
    ["makeDirectory", () => engine.makeDirectory("/c")],
    ["list", () => engine.list("/")],
    ["syncDirectory", () => engine.syncDirectory("/")],
    ["resolve", () => engine.resolve("/c")],
    ["lock", () => engine.lock("/")],
    ["support", () => engine.support("/", { write: true, readOnly: false })],
  ];
  const before = engine.disk.hash();
  for (const [operation, call] of calls) {
    faults.failNext(operation, "EIO");
    const error = await assertRejects(call, IoError, "EIO");
    assertEquals([error.code, error.path.length > 0], ["EIO", true], operation);
  }
  assertEquals(engine.disk.hash(), before);
  for (const [, call] of calls) await call();
  // A file is closed even if the system says that closing failed.
  const { openFiles } = engine;
  faults.failNext("close", "EIO");
  await assertRejects(() => engine.close(file), IoError, "EIO");
  assertEquals(engine.openFiles, openFiles - 1);
  await assertRejects(() => engine.close(file), Deno.errors.BadResource);
});

Deno.test("ListedFaults.failFrom() fails all that changes something from one operation on", async () => {
  const { engine, file, faults } = await fixture();
  faults.failFrom(faults.operations + 2, "ENOSPC");
  await writeOnce(engine, file, 0, filled(7));
  assertEquals(await codeOf(writeOnce(engine, file, 0, filled(8))), "ENOSPC");
  assertEquals(await codeOf(engine.datasync(file)), "ENOSPC");
  const bytes = filled(0);
  await readOnce(engine, file, 0, bytes);
  assertEquals(bytes[0], 7);
  faults.calm();
  await engine.datasync(file);
});

Deno.test("SimEngine does again what was interrupted", async () => {
  const { engine, file, faults, disk } = await fixture();
  for (const operation of ["write", "read", "datasync"] as const) faults.failNext(operation, "EINTR");
  await writeOnce(engine, file, 0, filled(7));
  await readOnce(engine, file, 0, filled(0));
  await engine.datasync(file);
  assertEquals(fillsOf(disk), [7, 2, 3, 4]);
  assertEquals([...disk.crashStates()].length, 1);
});

Deno.test("SimEngine leaves of a write that failed what arrived", async () => {
  const { engine, file, faults, disk } = await fixture();
  faults.set("write", 1, { kind: "error", code: "ENOSPC", arrived: block });
  const transfer: Transfer = { file, offset: block, bytes: filled(9, 2), done: -1, error: undefined };
  await engine.write([transfer]);
  assertInstanceOf(transfer.error, IoError);
  assertEquals([transfer.done, transfer.error.offset], [0, block]);
  assertEquals(fillsOf(disk), [1, 9, 3, 4]);
});

Deno.test("SimEngine goes on with transfers that come back short", async () => {
  for (const direct of [true, false]) {
    const { engine, file, faults, disk } = await fixture(direct);
    const states: number[][] = [];
    const watched = new SimEngine({
      disk,
      faults,
      schedule: {
        park: () => {
          states.push(fillsOf(disk));
          return Promise.resolve();
        },
      },
    });
    const other = await watched.open("/a", { access: "write", direct });
    faults.set("write", 1, { kind: "short", bytes: block + 1 });
    await writeOnce(watched, other, 0, filled(9, 3));
    assertEquals(fillsOf(disk), [9, 9, 9, 4]);
    assertEquals(states.slice(1), [[1, 2, 3, 4], direct ? [9, 2, 3, 4] : [9, 9, 3, 4]]);
    faults.set("read", 1, { kind: "short", bytes: 1 });
    const bytes = filled(0, 4);
    assertEquals(await readOnce(engine, file, 0, bytes), 4 * block);
    assertEquals(bytes, disk.contents("/a"));
  }
});

Deno.test("SimEngine reads what was not written when it is told to", async () => {
  assertEquals(await readWith({ kind: "zero" }), [0, 0, 0, 0]);
  assertEquals(await readWith({ kind: "rot", bit: 2 * block * 8 + 6 }), [1, 2, 3 ^ 64, 4]);
  assertEquals(await readWith({ kind: "rot", bit: 9 * block * 8 }), [1, 3, 3, 4], "it counts on at the end");
  assertEquals(await readWith({ kind: "misdirected", by: block }), [2, 3, 4, 0]);
  assertEquals(await readWith({ kind: "misdirected", by: -block }, 2 * block), [2, 3]);
  assertEquals(await readWith({ kind: "stale" }), [0, 0, 0, 0]);
  const { engine, file, faults, disk } = await fixture();
  await writeOnce(engine, file, block, filled(9));
  faults.set("read", 1, { kind: "stale" });
  const bytes = filled(0);
  await readOnce(engine, file, block, bytes);
  assertEquals(bytes[0], 2);
  assertEquals(fillsOf(disk), [1, 9, 3, 4], "the disk has what was written");
});

Deno.test("SimEngine loses for ever what a failed sync dropped, and shows it until the page cache forgets", async () => {
  const lost: Fault = { kind: "lost sync", code: "EIO" };
  for (const operation of ["datasync", "sync", "write"] as const) {
    const { engine, file, faults, disk } = await fixture(false);
    if (operation !== "write") await writeOnce(engine, file, 0, filled(9));
    faults.set(operation, 1, lost);
    const failed = operation === "write"
      ? writeOnce(engine, file, 0, filled(9), { durable: true })
      : engine[operation](file);
    assertEquals(await codeOf(failed), "EIO");
    await engine.datasync(file);
    const bytes = filled(0);
    await readOnce(engine, file, 0, bytes);
    assertEquals(bytes[0], 9, "readers see it");
    assertEquals([...disk.crashStates()].map((state) => fillsOf(state)[0]), [1]);
    assertEquals(fillsOf(disk.killed({ choose: () => 0 }))[0], 9);
    assertEquals(fillsOf(disk.killed({ choose: () => 1 }))[0], 1);
  }
});

Deno.test("SimEngine makes durable by a sync what was over before it began", async () => {
  const parked: (() => void)[] = [];
  const disk = new SimDisk([]);
  disk.put("/a", filled(1, 2));
  const engine = new SimEngine({
    disk,
    schedule: { park: () => new Promise((resolve) => parked.push(resolve)) },
  });
  const turn = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const opening = engine.open("/a", { access: "write", direct: true });
  parked[0]();
  const file = await opening;
  const first = writeOnce(engine, file, 0, filled(7));
  parked[1]();
  await first;
  const sync = engine.datasync(file);
  const second = writeOnce(engine, file, block, filled(8));
  parked[3]();
  await second;
  parked[2]();
  await sync;
  await turn();
  const states = new Set([...disk.crashStates()].map((state) => fillsOf(state).join()));
  assert(states.has("7,1") && states.has("7,8"), [...states].join(" "));
  assert(![...states].some((state) => state.startsWith("1")), [...states].join(" "));
});

Deno.test("SimEngine demands the alignment that it is told, of offset, length and memory", async () => {
  const disk = new SimDisk([]);
  disk.put("/a", filled(1, 2));
  const engine = new SimEngine({ disk, alignment: { memory: 4, offset: 512 } });
  const { alignment } = await engine.support("/", { write: true, readOnly: false });
  assertEquals(alignment, { memory: 4, offset: 512 });
  const file = await engine.open("/a", { access: "write", direct: true });
  const memory = new Uint8Array(block);
  await writeOnce(engine, file, 512, memory.subarray(4, 516));
  for (
    const [offset, bytes] of [
      [4, memory.subarray(0, 512)],
      [512, memory.subarray(0, 511)],
      [512, memory.subarray(2, 514)],
    ] as const
  ) {
    assertEquals(await codeOf(writeOnce(engine, file, offset, bytes)), "EINVAL");
  }
});

Deno.test("SimEngine locks out another engine on its disk until it is killed", async () => {
  const disk = new SimDisk();
  const first = new SimEngine({ disk }), second = new SimEngine({ disk });
  await first.lock("/store");
  await assertRejects(() => second.lock("/store"), LockedError);
  await new SimEngine({ disk: disk.clone() }).lock("/store");
  first.kill();
  const lock = await second.lock("/store");
  assertEquals(await lock.holds(), true);
  await second.remove("/store");
  await second.makeDirectory("/store");
  assertEquals(await lock.holds(), false, "another directory has the name");
});

Deno.test("SimEngine.kill() leaves what is in flight and every later call without an answer", async () => {
  const { engine, file, disk } = await fixture();
  const answered: string[] = [];
  const note = (name: string, work: Promise<unknown>) => {
    work.then(() => answered.push(name), () => answered.push(`${name} failed`));
  };
  note("write", writeOnce(engine, file, 0, filled(9)));
  note("rename", engine.rename("/a", "/b"));
  engine.hold = true;
  note("held", writeOnce(engine, file, block, filled(8)));
  engine.kill();
  await engine.held[0].finish();
  note("size", engine.size(file));
  note("read", readOnce(engine, file, 0, filled(0)));
  note("open", engine.open("/a", { access: "read", direct: true }));
  note("shutdown", engine.shutdown());
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assertEquals(answered, []);
  assertEquals([disk.paths(), fillsOf(disk), disk.underWay.size], [["/a"], [1, 8, 3, 4], 3]);
});

Deno.test("SimEngine holds writes, of which half is there when they have started", async () => {
  const { engine, file, disk } = await fixture();
  engine.hold = true;
  const memory = filled(9, 2);
  const writing = writeOnce(engine, file, 0, memory, { durable: true });
  const [write] = engine.held;
  assertEquals([write.offset, write.length, write.state], [0, 2 * block, "not started"]);
  await write.start();
  assertEquals(fillsOf(disk), [9, 2, 3, 4]);
  memory.fill(8);
  await write.finish();
  await writing;
  assertEquals(fillsOf(disk), [9, 8, 3, 4], "the second half is taken from memory when it finishes");
  assertEquals([...disk.crashStates()].map((state) => fillsOf(state)), [[9, 8, 3, 4]]);
  const failing = writeOnce(engine, file, 0, memory);
  await engine.held[1].fail("EIO");
  assertEquals(await codeOf(failing), "EIO");
});

Deno.test("SimEngine fails what its schedule refuses, and nothing of it happens or stays under way", async () => {
  const refusal = new IoError({ code: "EIO", operation: "wait", path: "/store" });
  let isRefused = false;
  const park = () => isRefused ? Promise.reject(refusal) : Promise.resolve();
  const engine = new SimEngine({ schedule: { park } });
  const file = await engine.open("/store/a", { access: "write", direct: false, create: true });
  isRefused = true;
  const asked = [() => engine.remove("/store/a"), () => writeOnce(engine, file, 0, new Uint8Array(1))];
  for (const ask of asked) assertEquals(await assertRejects(ask), refusal);
  assertEquals([engine.disk.contents("/store/a").length, engine.disk.underWay.size], [0, 0]);
  isRefused = false;
  await engine.close(file);
  await engine.shutdown();
});

Deno.test("SimEngine tells what was asked for, and when something is under way or over", async () => {
  const { engine, file } = await fixture();
  const seen: string[] = [];
  engine.observe = (operation) => seen.push(`${operation}: ${engine.disk.underWay.size}`);
  await writeOnce(engine, file, 0, filled(1), { durable: true });
  await engine.rename("/a", "/b");
  await engine.list("/");
  await engine.open("/c", { access: "write", direct: true, create: true });
  assertEquals(engine.openFiles, 2);
  await engine.close(file);
  assertEquals(engine.openFiles, 1);
  assertEquals(engine.log, ["open a", "write 0+4096 durable", "rename a b", "open c create", "close a"]);
  assertEquals(seen.slice(0, 6), [
    "write 0+4096 durable: 1",
    "write 0+4096 durable: 0",
    "rename a b: 1",
    "rename a b: 0",
    "list: 0",
    "list: 0",
  ]);
});

/** Writes and syncs while things go wrong; returns what was seen. */
async function faulty(seed: number): Promise<{ words: string[]; calm: number }> {
  const { disk } = await fixture();
  const plan = new ChosenFaults(new SeededChoices(seed), { errorOneIn: 8, shortOneIn: 4, damageOneIn: 6 });
  const engine = new SimEngine({ disk, faults: plan });
  const words: string[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    words.push(await work().then((found) => `${found}`, (error) => (error as IoError).code ?? "bug"));
  };
  plan.isCalm = true;
  const file: IoFile = await engine.open("/a", { access: "write", direct: true });
  plan.isCalm = false;
  for (let i = 0; i < 100; i++) {
    const bytes = filled(i, 1 + i % 3);
    await attempt(() => writeOnce(engine, file, i % 4 * block, bytes));
    await attempt(() => readOnce(engine, file, 0, bytes).then(() => bytes[0]));
    await attempt(() => engine.datasync(file));
  }
  plan.isCalm = true;
  const calm = await readOnce(engine, file, 0, filled(0, 4));
  return { words: [...words, `${disk.hash()}`], calm };
}

Deno.test("ChosenFaults brings every kind of error, and the same from the same seed", async () => {
  const { words, calm } = await faulty(5);
  assertEquals((await faulty(5)).words, words);
  assert((await faulty(6)).words.join() !== words.join());
  for (const code of ["EIO", "ENOSPC", "EDQUOT", "EMFILE"]) assert(words.includes(code), code);
  assert(!words.includes("EINTR") && !words.includes("bug"));
  assert(calm >= 4 * block);
});

Deno.test("ChosenFaults loses nothing by a sync that was interrupted, or for which there was no descriptor", async () => {
  for (const operation of ["datasync", "sync"] as const) {
    for (const code of ["EINTR", "EMFILE", "ENFILE"]) {
      for (let seed = 1; seed <= 8; seed++) {
        const { engine, file, disk } = await fixture(false);
        await writeOnce(engine, file, 0, filled(9));
        const plan = new ChosenFaults(new SeededChoices(seed), { errorOneIn: 1, codes: [code] });
        engine.faults = plan;
        const synced = engine[operation](file);
        if (code === "EINTR") await synced;
        else assertEquals(await codeOf(synced), code);
        plan.isCalm = true;
        await engine[operation](file);
        assertEquals([...disk.crashStates()].map((state) => fillsOf(state)[0]), [9], `${operation} ${code}`);
      }
    }
  }
});

Deno.test("SimEngine loses nothing by what was interrupted, whatever it was to lose", async () => {
  for (const operation of ["datasync", "sync", "write"] as const) {
    const { engine, file, faults, disk } = await fixture(false);
    await writeOnce(engine, file, 0, filled(9));
    const next = operation === "write" ? 2 : 1;
    faults.set(operation, next, { kind: "lost sync", code: "EINTR" });
    await (operation === "write" ? writeOnce(engine, file, block, filled(9)) : engine[operation](file));
    await engine.datasync(file);
    assertEquals([...disk.crashStates()].map((state) => fillsOf(state)[0]), [9], operation);
  }
});
