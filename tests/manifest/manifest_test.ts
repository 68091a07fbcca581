import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, IoError, PoisonedError } from "../../src/base/mod.ts";
import { manifestName } from "../../src/manifest/format.ts";
import { Manifest, type ManifestState } from "../../src/manifest/mod.ts";
import { GatedEngine, turn } from "../io/gated_engine.ts";
import { MemoryEngine } from "../io/memory_engine.ts";

const first: ManifestState = { version: 0, storeId: "ab".repeat(16), timelines: [] };

/** Adds a timeline, whose name is a number. */
function add(state: ManifestState, name: number): void {
  const id = name.toString(16).padStart(16, "0");
  state.timelines.push({ name: `${name}`, id, created: 0, nextSequence: 1, segments: [], layers: [] });
}

/** A manifest over files in memory. */
class Fixture {
  readonly memory: MemoryEngine;
  readonly engine: GatedEngine;

  constructor(memory: MemoryEngine = new MemoryEngine()) {
    this.memory = memory;
    this.engine = new GatedEngine(memory);
  }

  create(): Promise<Manifest> {
    return Manifest.create(this.engine, "/store", structuredClone(first));
  }

  async load(): Promise<Manifest> {
    const manifest = await Manifest.load(this.engine, "/store");
    assert(manifest !== undefined, "there is a manifest");
    return manifest;
  }

  get names(): string[] {
    return this.memory.paths().map((path) => path.slice("/store/".length));
  }
}

function namesIn(manifest: Manifest): string[] {
  return manifest.state.timelines.map(({ name }) => name);
}

Deno.test("Manifest.edit() is durable in this order: aside, sync, rename, directory, old one removed", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  await manifest.edit((state) => add(state, 1));
  t.engine.takeLog();
  await manifest.edit((state) => add(state, 2));
  assertEquals(t.engine.log.map((words) => words.replace(/\d+\+\d+/, "…")), [
    "remove manifest-pending",
    "open manifest-pending create",
    "write …",
    "sync manifest-pending",
    "close manifest-pending",
    "rename manifest-pending manifest-000000000003",
    "syncDirectory",
    "remove manifest-000000000001",
  ]);
  assertEquals(t.names, [manifestName(2), manifestName(3)]);
  assertEquals(namesIn(await t.load()), ["1", "2"]);
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("Manifest.load() finds nothing in a folder without one", async () => {
  const t = new Fixture();
  t.memory.put("/store/other", new Uint8Array(3));
  t.memory.put("/store/manifest-pending", new Uint8Array(3));
  assertEquals(await Manifest.load(t.engine, "/store"), undefined);
});

Deno.test("Manifest.edit() writes edits that come together in one manifest", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  await Promise.all([1, 2, 3].map((name) => manifest.edit((state) => add(state, name))));
  assertEquals(manifest.state.version, 2);
  t.engine.hold = true;
  const done: number[] = [];
  const edits = [4, 5, 6].map((name) => {
    const edit = manifest.edit((state) => add(state, name)).then(() => done.push(name));
    return name === 4 ? turn().then(() => edit) : edit;
  });
  await turn();
  const late = manifest.edit((state) => add(state, 7)).then(() => done.push(7));
  await t.engine.inFlight[0].finish();
  await turn();
  assertEquals(done, [4, 5, 6], "an edit during a write is in the next one");
  assertEquals(namesIn(await t.load()), ["1", "2", "3", "4", "5", "6"]);
  await t.engine.finishAll();
  await Promise.all([...edits, late]);
  assertEquals(manifest.state.version, 4);
  assertEquals(namesIn(await t.load()), ["1", "2", "3", "4", "5", "6", "7"]);
});

Deno.test("Manifest.load() refuses a newest manifest that is damaged or of another version", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  await manifest.edit((state) => add(state, 1));
  const path = `/store/${manifestName(2)}`;
  const whole = t.memory.contents(path);
  for (
    const damaged of [
      whole.subarray(0, 40),
      new Uint8Array(0),
      whole.with(60, whole[60] ^ 1),
      t.memory.contents(`/store/${manifestName(1)}`),
    ]
  ) {
    t.memory.put(path, damaged);
    const error = await assertRejects(() => t.load(), CorruptionError);
    assertEquals(error.path, path);
  }
  t.memory.put(path, whole);
  assertEquals(namesIn(await t.load()), ["1"]);
  assertEquals(t.memory.openFiles, 0);
});

Deno.test("Manifest.edit() removes what crashes left behind", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  for (let i = 0; i < 4; i++) await manifest.edit((state) => add(state, i));
  const old = t.memory.contents(`/store/${manifestName(4)}`);
  for (const version of [1, 2, 3]) t.memory.put(`/store/${manifestName(version)}`, old);
  t.memory.put("/store/manifest-pending", new Uint8Array(100));
  t.memory.put("/store/lock", new Uint8Array(0));
  const again = await t.load();
  await again.edit((state) => add(state, 9));
  assertEquals(t.names, ["lock", manifestName(5), manifestName(6)]);
});

Deno.test("Manifest.edit() leaves the old or the new state wherever the machine goes down", async () => {
  let points = 0;
  for (let nth = 1;; nth++) {
    const t = new Fixture();
    const manifest = await t.create();
    await manifest.edit((state) => add(state, 1));
    t.engine.failFrom(t.engine.operations + nth, "EIO");
    const failed = await manifest.edit((state) => add(state, 2)).then(() => false, () => true);
    const found = namesIn(await new Fixture(t.memory).load());
    if (!failed) {
      assertEquals(found, ["1", "2"]);
      break;
    }
    points++;
    assert(found.length === 1 || found.length === 2, `the old or the new state: ${found}`);
    await assertRejects(() => manifest.edit(() => {}), PoisonedError);
    // The next process goes on from there, whatever was left behind.
    const next = new Fixture(t.memory.clone());
    const again = await next.load();
    await again.settle();
    await again.edit((state) => add(state, 3));
    assertEquals(namesIn(await next.load()), [...found, "3"]);
    assert(next.names.length <= 2, `leftovers: ${next.names}`);
  }
  assert(points >= 7, `${points} points were tried`);
});

Deno.test("Manifest.edit() torn in the middle of a write leaves the old state", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  for (let i = 0; i < 200; i++) await manifest.edit((state) => add(state, i));
  t.engine.hold = true;
  const edit = manifest.edit((state) => add(state, 1000));
  await turn();
  await t.engine.inFlight[0].start();
  const crashed = new Fixture(t.memory.clone());
  assertEquals((await crashed.load()).state.timelines.length, 200);
  await t.engine.finishAll();
  await edit;
  assertEquals((await t.load()).state.timelines.length, 201);
});

Deno.test("Manifest.edit() survives a full disk at any step, and the next edit writes both", async () => {
  for (const operation of ["open", "write", "sync", "rename", "syncDirectory"] as const) {
    const t = new Fixture();
    const manifest = await t.create();
    t.engine.failNext(operation, "ENOSPC");
    const error = await assertRejects(() => manifest.edit((state) => add(state, 1)), IoError);
    assertEquals(error.code, "ENOSPC");
    assertEquals(namesIn(manifest), ["1"]);
    await manifest.edit((state) => add(state, 2));
    assertEquals(namesIn(await t.load()), ["1", "2"], operation);
    assertEquals(t.memory.openFiles, 0);
  }
});

Deno.test("Manifest.edit() rejects for good after any other failure, with its cause", async () => {
  for (const operation of ["open", "write", "sync", "close", "rename", "syncDirectory"] as const) {
    const t = new Fixture();
    const manifest = await t.create();
    t.engine.failNext(operation, "EIO");
    const edits = [1, 2].map((name) => manifest.edit((state) => add(state, name)));
    for (const edit of edits) assertEquals((await assertRejects(() => edit, IoError)).code, "EIO");
    const error = await assertRejects(() => manifest.edit((state) => add(state, 3)), PoisonedError);
    assertEquals((error.cause as IoError).code, "EIO");
    assert(!namesIn(manifest).includes("3"), "a refused edit is not applied");
  }
});

Deno.test("Manifest.settle() syncs the newest manifest and its directory", async () => {
  const t = new Fixture();
  const manifest = await t.create();
  t.engine.takeLog();
  await manifest.settle();
  const name = manifestName(1);
  assertEquals(t.engine.log, [`open ${name}`, `sync ${name}`, `close ${name}`, "syncDirectory"]);
});
