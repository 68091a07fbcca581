import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  AssertionError,
  CorruptionError,
  IoError,
  LimitError,
  PoisonedError,
  ReadOnlyError,
  VarveError,
} from "../../src/base/mod.ts";
import { type Edit, Manifest } from "../../src/manifest/mod.ts";
import { manifestName } from "../../src/manifest/names.ts";
import { first, largeTimeline, segment, timeline } from "./manifest_fixture.ts";
import { MemoryRoot } from "./memory_root.ts";

/** Adds a timeline of this id. */
function add(id: number): Edit {
  return { type: "addTimeline", timeline: timeline(id) };
}

function idsIn(manifest: Manifest): number[] {
  return manifest.state.timelines.map(({ id }) => id);
}

/** A manifest that was just made, over files whose log is empty. */
async function fresh(): Promise<{ root: MemoryRoot; manifest: Manifest }> {
  const root = new MemoryRoot();
  const manifest = await Manifest.create(root.home, first);
  root.log = [];
  return { root, manifest };
}

/** Files that hold a manifest with timelines, closed cleanly. */
async function closed(...ids: number[]): Promise<MemoryRoot> {
  const { root, manifest } = await fresh();
  for (const id of ids) await manifest.commit(add(id));
  await manifest.close();
  root.log = [];
  return root;
}

/** Lets an operation wait until it is told to go on. */
function hold(root: MemoryRoot, operation: string): { reached: Promise<void>; goOn: () => void } {
  const reached = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
  root.before = (found) => {
    if (found !== operation) return;
    root.before = () => {};
    reached.resolve();
    return goOn.promise;
  };
  return { reached: reached.promise, goOn: goOn.resolve };
}

const name = manifestName(1);

Deno.test("Manifest.create() makes a file that Manifest.open() reads", async () => {
  const root = new MemoryRoot();
  assertEquals(await Manifest.open(root.home), undefined);
  const state = {
    ...first,
    generation: 4,
    timelines: [timeline(1, { segments: [segment(3)], nextSequence: 4 })],
  };
  const manifest = await Manifest.create(root.home, state);
  assertEquals(manifest.state, state);
  assertEquals((await root.open()).state, state);
  await assertRejects(() => Manifest.create(root.home, state), Deno.errors.AlreadyExists);
});

Deno.test("Manifest.commit() writes one block behind the last and publishes it", async () => {
  const { root, manifest } = await fresh();
  const before = manifest.state;
  const state = await manifest.commit([add(1), add(2), { type: "dropTimeline", id: 1 }]);
  assert(state === manifest.state);
  assertEquals(before.timelines, [], "what was published is never changed");
  await manifest.commit(add(3));
  assertEquals(root.log, [`append ${name} 8192+4096`, `append ${name} 12288+4096`]);
  assertEquals(idsIn(manifest), [2, 3]);
  assertEquals(idsIn(await root.open()), [2, 3]);
  assertEquals(await manifest.commit([]), manifest.state);
  assertEquals(root.log.length, 2 + 1, "nothing is written for no edits; opening settles");
});

Deno.test("Manifest.commit() writes commits of one turn in one frame, and those that come meanwhile in the next", async () => {
  const { root, manifest } = await fresh();
  const { reached, goOn } = hold(root, "append");
  const done: number[] = [];
  const commit = (id: number) => manifest.commit(add(id)).then(() => void done.push(id));
  const early = [commit(1), commit(2), commit(3)];
  await reached;
  const late = [commit(4), commit(5)];
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([done, idsIn(manifest)], [[], []], "durable first, published after");
  goOn();
  await Promise.all(early);
  assertEquals(idsIn(manifest), [1, 2, 3]);
  await Promise.all(late);
  assertEquals(done, [1, 2, 3, 4, 5]);
  assertEquals(root.log, [`append ${name} 8192+4096`, `append ${name} 12288+4096`]);
});

Deno.test("Manifest.commit() of edits that do not fit rejects alone", async () => {
  const { root, manifest } = await fresh();
  const unknown = { type: "nonsense", id: 1 } as unknown as Edit;
  const commits = [[add(1)], [add(2), add(1)], [add(2), unknown], [add(2)]].map((edits) =>
    manifest.commit(edits)
  );
  const results = await Promise.allSettled(commits);
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "rejected", "fulfilled"]);
  for (const commit of commits.slice(1, 3)) await assertRejects(() => commit, AssertionError);
  assertEquals(idsIn(await root.open()), [1, 2]);
});

Deno.test("Manifest.commit() after a full disk writes to the same place, and rejects those who waited", async () => {
  const { root, manifest } = await fresh();
  root.fail(1, "ENOSPC");
  const { reached, goOn } = hold(root, "append");
  const failing = manifest.commit(add(1));
  await reached;
  const waiting = manifest.commit(add(2));
  goOn();
  for (const commit of [failing, waiting]) {
    assertEquals((await assertRejects(() => commit, IoError)).code, "ENOSPC");
  }
  assertEquals(idsIn(manifest), []);
  await manifest.commit(add(3));
  assertEquals(root.log, [`append ${name} 8192+4096`, `append ${name} 8192+4096`]);
  assertEquals(idsIn(await root.open()), [3]);
});

Deno.test("Manifest.open() takes nothing of a longer frame that failed, behind a shorter one", async () => {
  for (const rest of [0, 1, 2, 17]) {
    const { root, manifest } = await fresh();
    root.fail(1, "ENOSPC", { done: true });
    await assertRejects(
      () => manifest.commit({ type: "addTimeline", timeline: largeTimeline(9, 50_000) }),
      IoError,
    );
    assertEquals(idsIn(await root.open()), [9], "it is whole: what nobody was told may be found");
    const ids = Array.from({ length: rest + 1 }, (_, i) => i + 1);
    for (const id of ids) await manifest.commit(add(id));
    assertEquals(idsIn(await root.open()), ids);
  }
});

Deno.test("Manifest.commit() asks for room before it is needed, and keeps a block of it", async () => {
  const { root, manifest } = await fresh();
  const length = () => root.files.get(name)!.length;
  assertEquals(length(), 8192 + 65536);
  for (let id = 1; id <= 15; id++) await manifest.commit(add(id));
  assertEquals(length(), 8192 + 65536);
  root.log = [];
  await manifest.commit(add(16));
  assertEquals(root.log, [`append ${name} 73728+69632`, `append ${name} 69632+4096`]);
  root.log = [];
  await manifest.commit({ type: "addTimeline", timeline: largeTimeline(99, 100_000) });
  assertEquals(root.log.length, 3, `more zeros, a frame that claims them, the large one: ${root.log}`);
  assertEquals((await root.open()).state, manifest.state);
});

Deno.test("Manifest.commit() rejects for good after any other failure, with its cause", async () => {
  const { root, manifest } = await fresh();
  root.fail(1, "EIO");
  const commits = [1, 2].map((id) => manifest.commit(add(id)));
  const late = Promise.resolve().then(() => Promise.resolve()).then(() => manifest.commit(add(3)));
  for (const commit of [...commits, late, manifest.commit(add(4))]) {
    const error = await assertRejects(() => commit, PoisonedError);
    assertEquals((error.cause as IoError).code, "EIO");
  }
  await assertRejects(() => manifest.commit(add(5)), PoisonedError);
  assertEquals([root.log.length, idsIn(manifest)], [1, []]);
  await manifest.close();
  assertEquals(root.log.length, 1);
});

Deno.test("Manifest.commit() refuses what is larger than a manifest may be, and goes on", async () => {
  const { root, manifest } = await fresh();
  const huge = largeTimeline(9, 68_000_000);
  await assertRejects(() => manifest.commit({ type: "addTimeline", timeline: huge }), LimitError);
  await manifest.commit(add(1));
  assertEquals(idsIn(await root.open()), [1]);
});

Deno.test("Manifest starts a new file when edits outweigh the snapshot, and keeps the one before", async () => {
  const { root, manifest } = await fresh();
  for (let version = 2; version <= 4; version++) {
    await manifest.commit({ type: "addTimeline", timeline: largeTimeline(9, 600_000 * 2 ** version) });
    const before = manifest.state;
    root.log = [];
    await assertRejects(() => manifest.commit({ type: "dropTimeline", id: 8 }), AssertionError);
    assertEquals(root.log, [], "what does not fit starts nothing");
    await manifest.commit({ type: "dropTimeline", id: 9 });
    assertEquals(root.log.map((words) => words.replace(/ \d+\+/, " …+")), [
      `putIfAbsent ${manifestName(version)}`,
      `append ${manifestName(version - 1)} …+4096`,
      ...version > 2 ? [`remove ${manifestName(version - 2)}`] : [],
      `append ${manifestName(version)} …+4096`,
    ]);
    assertEquals(root.names, [manifestName(version - 1), manifestName(version)]);
    assertEquals([manifest.state.version, before.version], [version, version - 1]);
    assertEquals((await root.open()).state, manifest.state);
  }
});

Deno.test("Manifest goes on in the old file while the disk has no room for a new one", async () => {
  const { root, manifest } = await fresh();
  const large: Edit = { type: "addTimeline", timeline: largeTimeline(9, 1_100_000) };
  await manifest.commit(large);
  root.before = (operation) => {
    if (operation === "putIfAbsent") throw new IoError({ code: "ENOSPC", operation, path: name });
  };
  await manifest.commit({ type: "dropTimeline", id: 9 });
  for (let id = 1; id <= 5; id++) await manifest.commit(add(id));
  assertEquals(manifest.state.version, 1);
  assertEquals(
    root.log.filter((words) => words.startsWith("putIfAbsent")).length,
    1,
    "one try, then it grows on",
  );
  root.before = () => {};
  await manifest.commit(large);
  await manifest.commit(add(6));
  assertEquals(manifest.state.version, 2);
  assertEquals(idsIn(await root.open()), [1, 2, 3, 4, 5, 9, 6]);
});

Deno.test("Manifest starts a new file although the disk has no room to say so in the old one", async () => {
  const { root, manifest } = await fresh();
  await manifest.commit({ type: "addTimeline", timeline: largeTimeline(9, 1_100_000) });
  root.fail(2, "ENOSPC");
  await manifest.commit({ type: "dropTimeline", id: 9 });
  assert(root.hasFailed && manifest.state.version === 2);
});

Deno.test("Manifest starts a new file when edits do not fit the old one, and no other helps from then on", async () => {
  const root = new MemoryRoot();
  const timelines = [largeTimeline(1, 36_000_000)];
  const manifest = await Manifest.create(root.home, { ...first, timelines });
  const more: Edit = { type: "addTimeline", timeline: largeTimeline(2, 25_000_000) };
  await manifest.commit([more, { type: "dropTimeline", id: 1 }]);
  root.log = [];
  root.fail(1, "ENOSPC", { done: true });
  await assertRejects(
    () => manifest.commit({ type: "addTimeline", timeline: largeTimeline(3, 9_000_000) }),
    IoError,
  );
  // It would fit the old file, but the newer one may be there.
  await manifest.commit(add(4));
  const [, , third] = [1, 2, 3].map((version) => manifestName(version));
  assertEquals(root.log.filter((words) => words.startsWith("putIfAbsent")).length, 2);
  assertEquals([root.names.at(-1), idsIn(await root.open())], [third, [2, 4]]);
});

Deno.test("Manifest does not go on in a file that a newer one may stand behind", async () => {
  const root = await closed(1);
  const unclean = await root.open();
  await unclean.commit(add(2));
  // A process that was killed: the next one starts anew, and its disk is full once the name is made.
  const manifest = await root.open();
  root.fail(1, "ENOSPC", { done: true });
  root.log = [];
  await assertRejects(() => manifest.commit(add(3)), IoError);
  root.fail(1, "ENOSPC");
  await assertRejects(() => manifest.commit(add(3)), IoError);
  assert(root.log.every((words) => !words.startsWith("append")), `${root.log}`);
  await manifest.commit(add(4));
  assertEquals(manifest.state.version, 3);
  assertEquals(root.names, [manifestName(1), manifestName(3)]);
  assertEquals(idsIn(await root.open()), [1, 2, 4]);
});

Deno.test("Manifest does not go on in a file when it cannot be seen whether a newer one is there", async () => {
  const root = await closed(1);
  await (await root.open()).commit(add(2));
  const manifest = await root.open();
  root.fail(1, "ENOSPC", { done: true });
  root.log = [];
  root.before = (operation) => {
    if (operation === "list") throw new IoError({ code: "EMFILE", operation, path: "/store" });
  };
  await assertRejects(() => manifest.commit(add(3)), IoError, "EMFILE");
  root.before = () => {};
  root.fail(1, "ENOSPC");
  await assertRejects(() => manifest.commit(add(3)), IoError, "ENOSPC");
  assert(root.log.every((words) => !words.startsWith("append")), `${root.log}`);
  await manifest.commit(add(4));
  assertEquals(root.names, [manifestName(1), manifestName(3)]);
  assertEquals(idsIn(await root.open()), [1, 2, 4]);
});

Deno.test("Manifest.close() writes nothing to a file that a newer one may stand behind", async () => {
  const { root, manifest } = await fresh();
  await manifest.commit({ type: "addTimeline", timeline: largeTimeline(9, 1_100_000) });
  root.fail(1, "ENOSPC", { done: true });
  await assertRejects(() => manifest.commit({ type: "dropTimeline", id: 9 }), IoError);
  root.log = [];
  await manifest.close();
  assertEquals(root.log, []);
  assertEquals(idsIn(await root.open()), [9]);
});

Deno.test("Manifest writes nothing more when somebody else made the next version", async () => {
  const root = await closed(1);
  await (await root.open()).commit(add(2));
  const manifest = await root.open(), other = await root.open();
  await other.commit(add(3));
  const error = await assertRejects(() => manifest.commit(add(4)), PoisonedError);
  assert(error.cause instanceof Deno.errors.AlreadyExists);
  assertEquals(idsIn(await root.open()), [1, 2, 3]);
});

Deno.test("Manifest.close() says that it was closed, once, and only if anything was written", async () => {
  const { root, manifest } = await fresh();
  const commit = manifest.commit(add(1));
  await Promise.all([manifest.close(), manifest.close()]);
  await commit;
  assertEquals(root.log, [`append ${name} 8192+4096`, `append ${name} 12288+4096`]);
  await assertRejects(() => manifest.commit(add(2)), Deno.errors.BadResource);
  const before = root.files.get(name);
  await (await root.open()).close();
  assertEquals(root.files.get(name), before);
  const again = await root.open();
  root.log = [];
  await again.commit(add(2));
  assertEquals(root.log, [`append ${name} 16384+4096`], "a file that was closed is gone on with");
});

Deno.test("Manifest.close() tells that it could not say so, and is closed nevertheless", async () => {
  const { root, manifest } = await fresh();
  await manifest.commit(add(1));
  root.fail(1, "ENOSPC");
  await assertRejects(() => manifest.close(), IoError);
  await assertRejects(() => manifest.commit(add(2)), Deno.errors.BadResource);
  assertEquals(idsIn(await root.open()), [1]);
});

Deno.test("Manifest.open() settles what it trusts, and removes what a kill left", async () => {
  const root = await closed(1);
  const bytes = root.files.get(name)!;
  root.files.delete(name);
  for (const other of [3, 4, 5]) root.files.set(manifestName(other), bytes);
  const last = await Manifest.create(root.home, { ...first, version: 9 });
  await last.close();
  root.log = [];
  await root.open();
  assertEquals(root.log, [
    `settle ${manifestName(9)}`,
    `remove ${manifestName(3)}`,
    `remove ${manifestName(4)}`,
  ]);
});

Deno.test("Manifest.commit() goes on in a new file when nobody closed the last one", async () => {
  const root = await closed(1);
  await (await root.open()).commit(add(2));
  assertEquals(root.names, [name]);
  const manifest = await root.open();
  await manifest.commit(add(3));
  assertEquals([root.names, idsIn(manifest)], [[name, manifestName(2)], [1, 2, 3]]);
  await manifest.commit(add(4));
  assertEquals(root.names, [name, manifestName(2)]);
});

Deno.test("Manifest.open() takes the newest of thousands of names, and no name but its own", async () => {
  const root = await closed(1, 2);
  const bytes = root.files.get(name)!;
  for (let i = 0; i < 200_000; i++) root.files.set(`manifest-${i}`, bytes);
  for (
    const other of [
      "manifest-pending",
      "manifest-0000000000002",
      "manifest-00000000000２",
      "Manifest-000000000002",
    ]
  ) {
    root.files.set(other, bytes);
  }
  assertEquals(idsIn(await root.open()), [1, 2]);
});

Deno.test("Manifest.open() reports that the newest file is gone", async () => {
  const root = await closed(1);
  await (await root.open()).commit(add(2));
  await (await root.open()).commit(add(3));
  assertEquals(root.names, [name, manifestName(2)]);
  root.files.delete(manifestName(2));
  for (const readOnly of [true, false]) {
    const error = await assertRejects(() => root.open(readOnly), CorruptionError);
    assertEquals(error.path, `/store/${name}`);
    assert(/later version/.test(error.message));
  }
});

Deno.test("Manifest.open() never takes an older file for a newest one that is damaged", async () => {
  const root = await closed(1);
  await (await root.open()).commit(add(2));
  await (await root.open()).commit(add(3));
  const newest = manifestName(2), whole = root.files.get(newest)!;
  for (
    const damaged of [
      new Uint8Array(0),
      whole.slice(0, 100),
      whole.slice(0, 8192),
      whole.with(60, 1),
      whole.with(4200, whole[4200] ^ 1),
      root.files.get(name)!,
    ]
  ) {
    root.files.set(newest, damaged);
    for (const readOnly of [true, false]) {
      let reads = 0;
      root.before = (operation) => void (operation === "read" && reads++);
      const error = await assertRejects(() => root.open(readOnly), CorruptionError);
      assertEquals(error.path, `/store/${newest}`);
      assertEquals(reads, readOnly ? 2 : 1, "where somebody may be writing, damage is what is found twice");
    }
  }
});

Deno.test("Manifest.open() says that a file is of another version of the format", async () => {
  const text = new TextEncoder().encode('varve-manifest 1 00000000\n{"version":1}\n');
  const root = new MemoryRoot(new Map([[name, text]]));
  const error = await assertRejects(() => root.open(), VarveError);
  assert(/its format is version 1/.test(error.message) && !(error instanceof CorruptionError), error.message);
});

Deno.test("Manifest refuses to write when it is read only", async () => {
  const root = await closed(1);
  const reader = await root.open(true);
  await assertRejects(() => reader.commit(add(2)), ReadOnlyError);
  await reader.close();
  assertEquals([root.log, idsIn(reader)], [[], [1]]);
});

Deno.test("Manifest.open() reads while somebody writes", async () => {
  const { root, manifest } = await fresh();
  let reads = 0, end = 8192;
  const read = root.read.bind(root);
  root.read = async (name, maxBytes) => {
    const old = await read(name, maxBytes);
    if (++reads > 3 || old === undefined) return old;
    // Of two frames that come meanwhile, the reader sees the second only.
    for (let i = 0; i < 2; i++) await manifest.commit(add(10 * reads + i));
    const bytes = root.files.get(name)!.slice();
    bytes.set(old.subarray(end, end + 4096), end);
    end += 8192;
    return bytes;
  };
  assertEquals(idsIn(await root.open(true)), [10, 11, 20, 21, 30, 31]);
  assertEquals(reads, 4);
});

Deno.test("Manifest.open() finds the next file when one goes while it is looked for", async () => {
  const root = await closed(1);
  const reader = new MemoryRoot();
  reader.list = () => root.list();
  reader.read = (name, maxBytes) => root.read(name, maxBytes);
  let id = 1;
  root.before = async (operation) => {
    if (operation !== "read" || id > 9) return;
    const { before } = root;
    root.before = () => {};
    // Nobody closes them, so that each starts a new file; the one that the reader saw is gone.
    for (let i = 0; i < 3; i++) await (await root.open()).commit(add(++id));
    root.before = before;
  };
  assertEquals(idsIn(await reader.open(true)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  reader.read = () => Promise.resolve(undefined);
  await assertRejects(() => reader.open(true), CorruptionError);
});

Deno.test("Manifest.open() gives the event loop its turns, and so does a new file", async () => {
  const { root, manifest } = await fresh();
  await manifest.commit({ type: "addTimeline", timeline: largeTimeline(9, 4_000_000) });
  let turns = 0;
  const counting = { ...root.home.host.turns, due: () => true, turn: () => Promise.resolve(void turns++) };
  const home = { ...root.home, root, host: { turns: counting } };
  const again = await Manifest.open(home);
  assertEquals(turns, 0, "the snapshot is empty yet");
  await again!.commit(add(1));
  assertNotEquals(turns, 0);
  turns = 0;
  assertEquals((await Manifest.open(home))!.state, again!.state);
  assert(turns >= 3);
});
