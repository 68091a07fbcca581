/** What is found again: after a clean close, after a crash, and after damage to files that were not sealed. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, Store, type StoreOptions } from "../../mod.ts";
import { Random, seeds } from "../random.ts";
import { Gate, HookedEngine } from "./hooked_engine.ts";
import { patterned } from "./bytes.ts";
import { Place, test, testEach } from "./matrix.ts";

const options: StoreOptions = { segmentBytes: 64 * 1024, ioEngine: "node", ioMode: "buffered" };
const block = 4096;

/** A group of batches that was synced. */
interface Group {
  /** The LSN that the sync made durable. */
  readonly lsn: number;
  /** Where it ends in the segment. */
  readonly end: number;
}

/** Writes groups of three batches into one segment, each synced. */
async function writeGroups(place: Place, store: Store, count: number): Promise<Group[]> {
  const groups: Group[] = [];
  const timeline = store.timeline();
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < 3; j++) {
      await timeline.append([{ key: `k${i}/${j}`, value: patterned(700, i * 3 + j) }]);
    }
    const lsn = await timeline.sync();
    groups.push({ lsn, end: contentEnd(place.files(/\.seg$/)[0]) });
  }
  return groups;
}

/** The end of the last block of a file that holds something. */
function contentEnd(path: string): number {
  const bytes = Deno.readFileSync(path);
  return Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / block) * block;
}

/** A place in which a store was left open when it was copied, and the groups of its one segment. */
async function crashed(count: number): Promise<{ place: Place; groups: Group[] }> {
  await using original = await Place.make(options);
  const store = await original.open();
  const groups = await writeGroups(original, store, count);
  return { place: await original.copy(), groups };
}

/** Opens the store and returns its last LSN, or why it would not open. */
async function tryOpen(place: Place): Promise<number | Error> {
  try {
    await using store = await Store.open(place.path, options);
    return store.timeline().lastLsn;
  } catch (error) {
    return error as Error;
  }
}

function contents(place: Place): Map<string, string> {
  return new Map(place.files(/(?<!\/lock)$/).map((path) => [path, Deno.readFileSync(path).toBase64()]));
}

function flip(path: string, offset: number, mask = 1): void {
  const bytes = Deno.readFileSync(path);
  bytes[offset] ^= mask;
  Deno.writeFileSync(path, bytes);
}

testEach("Store.open() finds everything when the store was closed", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  for (let i = 0; i < 30; i++) await timeline.append([{ key: `k${i}`, value: patterned(9000, i) }]);
  await place.close(store);
  const again = (await place.open()).timeline();
  assertEquals([again.lastLsn, again.durableLsn], [30, 30]);
  for (let i = 0; i < 30; i++) assertEquals(await again.get(`k${i}`), patterned(9000, i));
}, { segmentBytes: 64 * 1024 });

test("Store.close() leaves a small segment to go on and seals a large one", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }]);
  await place.close(store);
  const again = await place.open();
  assertEquals(again.timeline().layers().map(({ kind, firstLsn }) => [kind, firstLsn]), [["open", 1]]);
  await again.timeline().append([{ key: "b", value: patterned(2 ** 20, 1) }]);
  await place.close(again);
  const last = await place.open();
  assertEquals(last.timeline().layers().map(({ kind, firstLsn, lastLsn }) => [kind, firstLsn, lastLsn]), [
    ["L0", 1, 2],
  ]);
});

testEach(
  "Store.open() finds a prefix at or above the last sync in a copy of an open store",
  async (place) => {
    const store = await place.open();
    const timeline = store.timeline();
    for (let i = 0; i < 40; i++) {
      await timeline.append([{ key: `k${i}`, value: patterned(5000, i) }]);
      if (i % 4 !== 0) continue;
      const durable = await timeline.sync();
      await using copy = await place.copy();
      const found = (await copy.open()).timeline();
      assert(found.lastLsn >= durable && found.lastLsn <= i + 1);
      for (let j = 0; j < found.lastLsn; j++) assertEquals(await found.get(`k${j}`), patterned(5000, j));
    }
  },
  { segmentBytes: 64 * 1024 },
);

test("Store.open() changes nothing when it is done again", async (original) => {
  const store = await original.open();
  for (let i = 0; i < 30; i++) await store.timeline().append([{ key: `k${i}`, value: patterned(3000, i) }]);
  await store.timeline().sync();
  await using place = await original.copy();
  await place.close(await place.open());
  // The manifest counts how often the store was opened.
  const data = () => new Map([...contents(place)].filter(([path]) => !path.includes("/manifest-")));
  const once = data();
  for (let i = 0; i < 2; i++) await place.close(await place.open());
  assertEquals([...data().keys()], [...once.keys()]);
  for (const [path, bytes] of data()) assert(once.get(path) === bytes, `${path} changed`);
}, options);

test("Store.open() finds what was synced before the cut when an unsealed segment is cut anywhere", async () => {
  for (const seed of seeds("store recovery", 1)) await cutAnywhere(new Random(seed));
});

async function cutAnywhere(random: Random): Promise<void> {
  const { place: original, groups } = await crashed(4);
  await using _ = original;
  const lengths: number[] = [];
  for (const { end } of groups) lengths.push(end - 1, end, end + 1);
  for (let length = 0; length < groups[3].end + block; length += 200) {
    lengths.push(length + random.below(200));
  }
  for (const length of lengths) {
    await using copy = await original.copy();
    Deno.truncateSync(copy.files(/\.seg$/)[0], length);
    const found = await tryOpen(copy);
    const whole = groups.findLast(({ end }) => end <= length)?.lsn ?? 0;
    assert(typeof found === "number" && found >= whole && found <= whole + 3, `cut at ${length}: ${found}`);
    assertEquals(await tryOpen(copy), found, `cut at ${length}, opened again`);
  }
}

test("Store.open() takes a flipped bit for damage where a later sync proves it, else for a torn tail", async () => {
  for (const seed of seeds("store recovery", 1)) await flipAnywhere(new Random(seed));
});

async function flipAnywhere(random: Random): Promise<void> {
  const { place: original, groups } = await crashed(3);
  await using _ = original;
  const last = groups[2];
  for (let offset = random.below(150); offset < last.end + block; offset += 1 + random.below(150)) {
    await using copy = await original.copy();
    const segment = copy.files(/\.seg$/)[0];
    flip(segment, offset, 1 << random.below(8));
    const found = await tryOpen(copy);
    if (offset < groups[1].end) {
      assertInstanceOf(found, CorruptionError, `flipped at ${offset}`);
      assertEquals(found.path, segment);
      assert(found.offset <= offset, `flipped at ${offset}, found at ${found.offset}`);
    } else {
      assert(typeof found === "number" && found >= groups[1].lsn && found <= last.lsn, `${offset}: ${found}`);
    }
  }
}

test(
  "Store.open() refuses a segment that was cut or changed when it was closed cleanly",
  async (original) => {
    const store = await original.open();
    const [, { end }] = await writeGroups(original, store, 2);
    await original.close(store);
    for (const seed of seeds("store recovery", 1)) {
      const random = new Random(seed);
      for (let offset = random.below(100); offset < end; offset += 1 + random.below(800)) {
        await using cut = await original.copy();
        Deno.truncateSync(cut.files(/\.seg$/)[0], offset);
        const [cutFound, segment] = [await tryOpen(cut), cut.files(/\.seg$/)[0]];
        assertInstanceOf(cutFound, CorruptionError, `cut at ${offset}`);
        assertEquals(cutFound.path, segment);
        await using changed = await original.copy();
        flip(changed.files(/\.seg$/)[0], offset);
        assertInstanceOf(await tryOpen(changed), CorruptionError, `flipped at ${offset}`);
      }
    }
  },
  options,
);

/** A copy of a store whose first segment is frozen and not sealed, and whose second one was synced twice. */
async function twoSegments(): Promise<{ place: Place; first: string; second: string; lastLsn: number }> {
  await using engine = new HookedEngine();
  await using original = await Place.make({ ...options, ioEngine: engine });
  const gate = new Gate();
  engine.hook = (operation, path) =>
    operation === "truncate" && path.endsWith(".seg") ? gate.wait() : undefined;
  const store = await original.open();
  const timeline = store.timeline();
  while (timeline.layers().length < 2) {
    await timeline.append([{ key: `k${timeline.lastLsn}`, value: patterned(9000, timeline.lastLsn) }]);
  }
  await timeline.sync();
  await timeline.append([{ key: "last", value: "1" }], { sync: true });
  const place = new Place((await original.copy()).path, options);
  gate.open();
  const [first, second] = place.files(/\.seg$/);
  return { place, first, second, lastLsn: timeline.lastLsn };
}

test("Store.open() finds both segments when sealing the first was not finished", async () => {
  const { place, lastLsn } = await twoSegments();
  await using _ = place;
  assertEquals(await tryOpen(place), lastLsn);
  assertEquals(await tryOpen(place), lastLsn);
});

test("Store.open() refuses damage to a segment when a later segment says that it was durable", async () => {
  const { place: original } = await twoSegments();
  await using _ = original;
  for (const offset of [0, 100, block, block + 50, 5 * block, 9 * block + 7]) {
    await using copy = await original.copy();
    const [first] = copy.files(/\.seg$/);
    flip(first, offset);
    const found = await tryOpen(copy);
    assertInstanceOf(found, CorruptionError, `flipped at ${offset}`);
    assertEquals(found.path, first);
    assert(found.offset <= offset);
  }
});

test("Store.open() loses no batch when only the pad that ends a segment is damaged", async () => {
  const { place, first, lastLsn } = await twoSegments();
  await using _ = place;
  const header = Deno.readFileSync(first);
  // Six batches of one record each stand behind the header, with time marks between them, then the pad.
  const view = new DataView(header.buffer);
  let pad = block;
  while (header[pad + 4] !== 4) pad += 20 + view.getUint16(pad + 6, true) + view.getUint32(pad + 8, true);
  assert(pad >= block + 6 * (20 + 2 + 9000));
  assertEquals(header[pad + 4], 4, "a pad stands there");
  flip(first, pad + 30);
  assertEquals(await tryOpen(place), lastLsn);
});

test("Store.open() drops what stands behind a torn segment when nothing proves that it was durable", async () => {
  const { place, first, second } = await twoSegments();
  await using _ = place;
  // Without its pads the second segment proves nothing: a machine that went down may have left it so.
  Deno.truncateSync(second, block + 20 + 2 + 9000);
  Deno.truncateSync(first, 5 * block);
  assertEquals(await tryOpen(place), 1);
  assertEquals(await tryOpen(place), 1);
  assertEquals(place.files(/\.seg$/), [first]);
});

test("Store.open() refuses when a file is missing that the manifest names", async () => {
  const { place: original } = await twoSegments();
  await using _ = original;
  for (const nth of [0, 1]) {
    await using copy = await original.copy();
    const segment = copy.files(/\.seg$/)[nth];
    Deno.removeSync(segment);
    const found = await tryOpen(copy);
    assertInstanceOf(found, CorruptionError);
    assertEquals([found.path, found.found], [segment, "no file"]);
  }
});

test("Timeline names the file of a layer that is missing, and reads the others", async (place) => {
  const store = await place.open();
  for (const key of ["a", "b"]) {
    await store.timeline().append([{ key, value: key }]);
    await store.timeline().freeze();
  }
  await place.close(store);
  const [first] = place.files(/\.seg$/);
  Deno.removeSync(first);
  const timeline = (await place.open()).timeline();
  const error = await assertRejects(() => timeline.get("a"), CorruptionError);
  assertEquals([error.path, error.found], [first, "no file"]);
  assertEquals(await timeline.get("b"), new Uint8Array([0x62]));
});

test("Store.open() refuses a store whose manifests are missing, and touches nothing", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }]);
  await place.close(store);
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  const before = contents(place);
  await assertRejects(() => place.open(), CorruptionError, "expected a manifest");
  assertEquals(contents(place), before);
});

test("Store.open() loses nothing silently when the manifest is damaged or cut anywhere", async (original) => {
  const store = await original.open();
  for (const key of ["a", "b"]) await store.timeline().append([{ key, value: key }], { sync: true });
  await original.close(store);
  const [{ length }] = original.files(/manifest-/).map((path) => Deno.readFileSync(path));
  for (const seed of seeds("store damaged manifest", 1)) {
    const random = new Random(seed);
    let refused = 0;
    for (let i = 0; i < 60; i++) {
      await using copy = await original.copy();
      const path = copy.files(/manifest-/).at(-1) as string;
      if (i % 2 === 0) flip(path, random.below(length), 1 << random.below(8));
      else Deno.truncateSync(path, random.below(length));
      const found = await tryOpen(copy);
      // What an edit that is torn would have said, the segment itself tells.
      if (found !== 2) assertInstanceOf(found, CorruptionError);
      if (found instanceof CorruptionError) refused++;
    }
    assert(refused > 10, `${refused} were refused`);
  }
}, options);

test("Store.open() removes leftovers that are its own and leaves every other file", async (place) => {
  const store = await place.open();
  await store.timeline().append([{ key: "a", value: "1" }]);
  await place.close(store);
  const directory = place.files(/\.seg$/)[0].replace(/\/[^/]+$/, "");
  const leftovers = [0xfd, 0xfe, 0xff].map((n) =>
    `${directory}/00000000000007-000000${n.toString(16)}-00000001.seg`
  );
  const foreign = [
    `${directory}/notes.txt`,
    `${directory}/1-2.seg`,
    `${place.path}/README`,
    `${leftovers[0]}.bak`,
  ];
  for (const path of foreign) Deno.writeTextFileSync(path, "something");
  // What is made, what has its room reserved, and what has a header and nothing else.
  Deno.writeFileSync(leftovers[0], new Uint8Array(0));
  Deno.writeFileSync(leftovers[1], new Uint8Array(64 * 1024));
  Deno.writeFileSync(leftovers[2], Deno.readFileSync(place.files(/\.seg$/)[0]).subarray(0, block));
  const timeline = (await place.open()).timeline();
  assertEquals(await timeline.get("a"), new Uint8Array([0x31]));
  assertEquals(place.files(/README|notes|1-2|000f[def]/), foreign.sort());
});

test("Store.open() refuses to remove a segment that was durable once", async (place) => {
  const store = await place.open();
  for (const key of ["a", "b"]) await store.timeline().append([{ key, value: key }], { sync: true });
  await place.close(store);
  const [segment] = place.files(/\.seg$/);
  const other = segment.replace(/[0-9a-f]{8}-[0-9a-f]{8}\.seg$/, "000000ff-00000001.seg");
  Deno.copyFileSync(segment, other);
  await assertRejects(() => place.open(), CorruptionError, other);
  assert(place.files().includes(other));
});
