/** Verification: a whole store has no finding; damage of any kind is named with its file, its range and what it costs. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Batch,
  CorruptionError,
  IoError,
  salvage,
  type Store,
  type VerifyFinding,
  verifyStore,
} from "../../mod.ts";
import { crc32, hasCode } from "../../src/base/mod.ts";
import { decodeFooter, encodeFooter, type LayerDescription } from "../../src/layer/mod.ts";
import type { Transfer } from "../../src/io/engine.ts";
import { EncodedBatch } from "../../src/segment/mod.ts";
import { makePipe } from "../io/engine_contract.ts";
import { patterned, seedOf } from "./bytes.ts";
import { errno, HookedEngine } from "./hooked_engine.ts";
import { type Place, test, testEach } from "./matrix.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const block = 4096, page = 8192;
const count = 1500;

function keyOf(i: number): string {
  // Long enough for an index of some leaves.
  return `${String(i * 7919 % count).padStart(5, "0")}/${"k".repeat(40)}/${i}`;
}

/** Fifteen batches of a hundred keys, sealed; then three that are synced one by one. */
async function fill(store: Store): Promise<void> {
  const timeline = store.timeline();
  for (let i = 0; i < count;) {
    const batch = new Batch();
    for (const end = i + 100; i < end; i++) batch.put(keyOf(i), patterned(200 + i % 50, i));
    await timeline.append(batch);
  }
  await timeline.freeze();
  for (const key of ["x", "y", "z"]) {
    await timeline.append([{ key, value: patterned(300, key.charCodeAt(0)) }], { sync: true });
  }
}

/** The files of such a store, after it was closed. */
class Filled {
  readonly place: Place;
  readonly layer: string;
  readonly segment: string;
  readonly manifest: string;
  readonly footer: LayerDescription;

  constructor(place: Place) {
    this.place = place;
    [this.layer, this.segment] = place.files(/\.seg$/);
    this.manifest = place.files(/manifest-/).at(-1) as string;
    this.footer = decodeFooter(Deno.readFileSync(this.layer).slice(-block)) as LayerDescription;
  }

  static async make(place: Place): Promise<Filled> {
    // Where something stands is told to the byte.
    const store = await place.openInOneSecond();
    await fill(store);
    await place.close(store);
    return new Filled(place);
  }

  /** Where in the layer the record of a key stands. */
  recordOf(i: number): number {
    const key = encoder.encode(keyOf(i)), bytes = Deno.readFileSync(this.layer);
    return bytes.findIndex((_, at) => key.every((byte, j) => bytes[at + j] === byte)) - 20;
  }

  /** What is found of a file after some of it was changed, with the store open to read, and not open. */
  async after(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => void): Promise<VerifyFinding[]> {
    const bytes = Deno.readFileSync(path), changed = bytes.slice();
    change(changed);
    Deno.writeFileSync(path, changed);
    try {
      return await Array.fromAsync(verifyStore(this.place.path));
    } finally {
      Deno.writeFileSync(path, bytes);
    }
  }

  async flipped(path: string, offset: number, mask = 1): Promise<VerifyFinding[]> {
    return await this.after(path, (bytes) => bytes[offset] ^= mask);
  }
}

/** A finding in short. */
function shown({ severity, path, offset, length, keys, lsns, timeline }: VerifyFinding): object {
  const { first, last, versions } = keys ?? {};
  return {
    severity,
    file: path.replace(/.*\//, ""),
    offset,
    length,
    keys: keys && [decoder.decode(first), decoder.decode(last), versions],
    lsns: lsns && [lsns.first, lsns.last],
    timeline,
  };
}

function expected(
  path: string,
  offset: number | undefined,
  length: number | undefined,
  rest: object = {},
): object {
  const file = path.replace(/.*\//, "");
  return {
    severity: "damage",
    file,
    offset,
    length,
    keys: undefined,
    lsns: undefined,
    timeline: "main",
    ...rest,
  };
}

function isDamage({ severity }: VerifyFinding): boolean {
  return severity === "damage";
}

async function findings(store: Store): Promise<VerifyFinding[]> {
  return await Array.fromAsync(store.verify());
}

testEach("Store.verify() finds nothing in a store that is whole, open or not", async (place) => {
  const store = await place.open();
  await fill(store);
  await store.timeline().append([{ key: "unsynced", value: "1" }]);
  assertEquals(await findings(store), []);
  await place.close(store);
  const reader = await place.open({ readOnly: true });
  assertEquals(await findings(reader), []);
  assertEquals(await Array.fromAsync(verifyStore(place.path)), []);
});

test("Store.verify() names the record that is damaged, its range, its key and its LSN", async (place) => {
  const filled = await Filled.make(place), { layer } = filled;
  for (const [key, at] of [[0, 0], [17, 8], [450, 30], [count - 1, 260]]) {
    const offset = filled.recordOf(key), length = 20 + keyOf(key).length + 200 + key % 50;
    const lsn = Math.floor(key / 100) + 1;
    const found = await filled.flipped(layer, offset + at);
    const keys = [keyOf(key), keyOf(key), 1], lsns = [lsn, lsn];
    assertEquals(found.map(shown), [expected(layer, offset, length, { keys, lsns })], `byte ${at}`);
    assertInstanceOf(found[0].error, CorruptionError);
  }
});

test("Store.verify() joins what is damaged in one piece, and counts what it costs", async (place) => {
  const filled = await Filled.make(place), { layer } = filled;
  const from = filled.recordOf(200), to = filled.recordOf(310);
  const found = await filled.after(layer, (bytes) => bytes.fill(0, from + 5, to - 5));
  const lost = Array.from({ length: 110 }, (_, i) => keyOf(200 + i)).sort();
  const keys = [lost[0], lost[109], 110], lsns = [3, 4];
  assertEquals(found.map(shown), [expected(layer, from, to - from, { keys, lsns })]);
});

test("Store.verify() names the pages of an index that are damaged, and the keys under them", async (place) => {
  const filled = await Filled.make(place), { layer, footer } = filled;
  const { valuesEnd, leafPages, indexPages } = footer;
  assert(leafPages > 4 && indexPages === leafPages + 1, "there are leaves, and a root");
  const leaves = await filled.after(layer, (bytes) => {
    bytes[valuesEnd + page + 100] ^= 1;
    bytes[valuesEnd + 2 * page + 4000] ^= 1;
  });
  const [{ keys, lsns, ...rest }] = leaves.map((finding) => shown(finding) as Record<string, unknown>);
  assertEquals({ ...rest, keys: undefined, lsns: undefined }, expected(layer, valuesEnd + page, 2 * page));
  const all = Array.from({ length: count }, (_, i) => keyOf(i)).sort();
  const [first, last, versions] = keys as [string, string, number];
  assertEquals(versions, all.indexOf(last) - all.indexOf(first) + 1);
  assert(versions > count / leafPages && versions < 3 * count / leafPages, `${versions} versions`);
  assertEquals(lsns, [1, 15]);
  const root = valuesEnd + (indexPages - 1) * page;
  const whole = { keys: [all[0], all[count - 1], count], lsns: [1, 15] };
  assertEquals((await filled.flipped(layer, root + 40)).map(shown), [expected(layer, root, page, whole)]);
});

test("Store.verify() names a filter, a footer, a header and a pad that are damaged", async (place) => {
  const filled = await Filled.make(place), { layer, footer } = filled;
  const { valuesEnd, indexPages, byteLength } = footer;
  const all = Array.from({ length: count }, (_, i) => keyOf(i)).sort();
  const filter = valuesEnd + indexPages * page;
  const keys = [all[0], all[count - 1], count], lsns = [1, 15];
  assertEquals((await filled.flipped(layer, filter + 900)).map(shown), [
    expected(layer, filter, page, { keys, lsns }),
  ]);
  const end = byteLength - block;
  assertEquals((await filled.flipped(layer, end + 3000)).map(shown), [
    expected(layer, end, block, { keys, lsns }),
  ]);
  assertEquals((await filled.flipped(layer, 3000)).map(shown), [expected(layer, 0, block)]);
  // The pad in front of the index; a crash may leave bytes in its place, but none that are nearly a pad.
  const padEnd = Deno.readFileSync(layer).findLastIndex((byte, at) => at < valuesEnd && byte !== 0);
  for (const at of [padEnd, padEnd + 5, valuesEnd - 1]) {
    const [{ severity, path, keys, ...range }] = await filled.flipped(layer, at);
    assertEquals([severity, path, keys], ["warning", layer, undefined]);
    assertEquals((range.offset ?? 0) + (range.length ?? 0), valuesEnd);
  }
});

/** Changes what a page holds and makes its checksum right again. */
function forge(bytes: Uint8Array<ArrayBuffer>, at: number, change: (page: Uint8Array) => void): void {
  const forged = bytes.subarray(at, at + page), view = new DataView(forged.buffer, forged.byteOffset);
  // The checksum is seeded: what takes the old bytes to the old sum takes the new ones to the new sum.
  const seedless = crc32(forged.subarray(4)), stored = view.getUint32(0, true);
  change(forged);
  view.setUint32(0, (stored ^ seedless ^ crc32(forged.subarray(4))) >>> 0, true);
}

test("Store.verify() finds what checks and lies: a filter, a footer, a slot", async (place) => {
  const filled = await Filled.make(place), { layer, footer } = filled;
  const { valuesEnd, indexPages, byteLength } = footer, filter = valuesEnd + indexPages * page;
  const all = Array.from({ length: count }, (_, i) => keyOf(i)).sort();
  const whole = { keys: [all[0], all[count - 1], count], lsns: [1, 15] };
  const emptied = await filled.after(
    layer,
    (bytes) => forge(bytes, filter, (page) => page.fill(0, 32, 8160)),
  );
  assertEquals(emptied.map(shown), [expected(layer, filter, page, whole)]);
  const counted = await filled.after(layer, (bytes) => {
    bytes.set(encodeFooter({ ...footer, keys: count - 1 }), byteLength - block);
  });
  assertEquals(counted.map(shown), [expected(layer, byteLength - block, block)]);
  const slotted = await filled.after(layer, (bytes) =>
    forge(bytes, valuesEnd, (page) => {
      // The first slot leads to where the second record should stand.
      const slots = page[6] | page[7] << 8, prefix = page[8] | page[9] << 8;
      const offsets = 24 + prefix + (slots + 1) * 2 + slots * page[10], width = page[11];
      page.copyWithin(offsets, offsets + width, offsets + 2 * width);
    }));
  assert(slotted.length >= 1 && slotted.length <= 3, `${slotted.length} findings`);
  assert(slotted.some(({ keys }) => decoder.decode(keys?.first) === all[0]));
});

test("Store.verify() finds slots that are out of order, and pages under the wrong slots", async (place) => {
  const filled = await Filled.make(place), { layer, footer: { valuesEnd, indexPages } } = filled;
  const unordered = await filled.after(layer, (bytes) =>
    forge(bytes, valuesEnd + page, (page) => {
      // Two suffixes of the same length change their places.
      const slots = page[6] | page[7] << 8, starts = 24 + (page[8] | page[9] << 8);
      const at = (slot: number) => page[starts + slot * 2] | page[starts + slot * 2 + 1] << 8;
      const slot = Array.from({ length: slots - 1 }, (_, i) => i)
        .find((i) => at(i + 1) - at(i) === at(i + 2) - at(i + 1)) as number;
      const one = page.slice(at(slot), at(slot + 1)), other = page.slice(at(slot + 1), at(slot + 2));
      page.set(other, at(slot));
      page.set(one, at(slot + 1));
    }));
  assertEquals(unordered.map(({ path, offset, length }) => [path, offset, length]), [
    [layer, valuesEnd + page, page],
  ]);
  assertStringIncludes(unordered[0].error.message, "slots in the order of their keys");
  const root = valuesEnd + (indexPages - 1) * page;
  const misplaced = await filled.after(layer, (bytes) =>
    forge(bytes, root, (page) => {
      const slots = page[6] | page[7] << 8, prefix = page[8] | page[9] << 8;
      const offsets = 24 + prefix + (slots + 1) * 2 + slots * page[10];
      assertEquals([page[11], page[offsets + 1], page[offsets + 2]], [1, 1, 2]);
      page.set([2, 1], offsets + 1);
    }));
  assertEquals(misplaced.map(({ path, offset, length }) => [path, offset, length]), [[layer, root, page]]);
});

test("Store.verify() finds a file that is cut, one that is longer, and one that is gone", async (place) => {
  const filled = await Filled.make(place), { layer, footer } = filled;
  const { byteLength } = footer, bytes = Deno.readFileSync(layer);
  const offset = filled.recordOf(500);
  Deno.truncateSync(layer, offset + 10);
  const cut = (await Array.fromAsync(verifyStore(place.path))).map((finding) => shown(finding));
  const all = Array.from({ length: count }, (_, i) => keyOf(i)).sort();
  const whole = { keys: [all[0], all[count - 1], count], lsns: [1, 15] };
  // It is told once that it is cut, and then that the record before the end is.
  assertEquals(cut, [
    expected(layer, offset + 10, byteLength - offset - 10, whole),
    expected(layer, offset, 10),
  ]);
  Deno.writeFileSync(layer, new Uint8Array([...bytes, ...new Uint8Array(block)]));
  assertEquals((await Array.fromAsync(verifyStore(place.path))).map(shown), [
    expected(layer, byteLength, block),
  ]);
  Deno.removeSync(layer);
  assertEquals((await Array.fromAsync(verifyStore(place.path))).map(shown), [
    expected(layer, undefined, undefined, whole),
  ]);
});

test("Store.verify() tells once that a segment is gone or no file, and every LSN that it had", async (place) => {
  const { segment } = await Filled.make(place), lost = { lsns: [16, 18] };
  Deno.removeSync(segment);
  const gone = async () => (await Array.fromAsync(verifyStore(place.path))).filter(isDamage).map(shown);
  assertEquals(await gone(), [expected(segment, undefined, undefined, lost)]);
  Deno.mkdirSync(segment);
  assertEquals(await gone(), [expected(segment, undefined, undefined, lost)]);
});

test("Store.verify() tells of bytes that the system cannot read, and reads on behind them", async (place) => {
  const filled = await Filled.make(place), { layer, footer } = filled, bad = filled.recordOf(700);
  await using engine = new class extends HookedEngine {
    override async read(batch: readonly Transfer[]): Promise<void> {
      await super.read(batch);
      for (const transfer of batch) {
        const { file: { path }, offset, done } = transfer;
        if (path === layer && offset <= bad && offset + done > bad) {
          transfer.error = errno("EIO", "read", path);
        }
      }
    }
  }();
  const found = await Array.fromAsync(verifyStore(place.path, { ioEngine: engine, ioMode: "buffered" }));
  // What lies in two pages is lost with either; the pages were tried one by one.
  const from = bad - bad % page - block, keys = found[0].keys?.versions ?? 0;
  assertEquals(found.length, 1);
  assert(found[0].offset as number <= bad && keys > 10 && keys < 2 * page / 200, `${keys} keys`);
  assert(
    (found[0].offset as number) + (found[0].length as number) < from + 3 * page && footer.keys === count,
  );
  assertInstanceOf(found[0].error, IoError);
  assertEquals(engine.files.size, 0);
});

test("Store.verify() names the LSNs that are damaged in a segment that is not sealed", async (place) => {
  const filled = await Filled.make(place), { segment } = filled;
  // Each batch was synced: a record and a pad in a block of their own.
  const found = await filled.flipped(segment, 2 * block + 30);
  assertEquals(found.map(shown), [expected(segment, 2 * block, 321, { lsns: [17, 18] })]);
  const header = await filled.flipped(segment, 100);
  assertEquals(header.map(shown), [expected(segment, 0, block, { lsns: [16, 16] })]);
});

test("Store.verify() finds damage under a store that writes, and hinders it in nothing", async (place) => {
  const store = await place.open();
  await fill(store);
  const filled = new Filled(place), offset = filled.recordOf(99), bytes = Deno.readFileSync(filled.layer);
  bytes[offset + 50] ^= 4;
  Deno.writeFileSync(filled.layer, bytes);
  const segment = Deno.openSync(filled.segment, { write: true });
  segment.seekSync(block + 40, Deno.SeekMode.Start);
  segment.writeSync(new Uint8Array([1, 2, 3]));
  segment.close();
  const found: VerifyFinding[] = [];
  for await (const finding of store.verify()) {
    found.push(finding);
    await store.timeline().append([{ key: `k${found.length}`, value: "1" }], { sync: true });
  }
  assertEquals(found.map((finding) => (shown(finding) as { lsns: unknown }).lsns), [[1, 1], [16, 17]]);
  assertEquals(found.map(({ path }) => path), [filled.layer, filled.segment]);
  assertEquals(await store.timeline().get("k2"), encoder.encode("1"));
});

test("Store.verify() misses edits of the manifest that were acknowledged", async (place) => {
  const store = await place.open();
  await fill(store);
  const [manifest] = place.files(/manifest-/), bytes = Deno.readFileSync(manifest);
  const last = bytes.findLastIndex((byte) => byte !== 0), frame = last - last % block;
  bytes.fill(0, frame);
  Deno.writeFileSync(manifest, bytes);
  assertEquals((await findings(store)).map(shown), [
    expected(manifest, frame, undefined, { timeline: undefined }),
  ]);
});

test("Store.verify() goes on while its store is written to, sealed and read", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  await fill(store);
  let isWriting = true;
  const writing = (async () => {
    for (let i = 0; isWriting; i++) {
      await timeline.append([{ key: `w${i % 50}`, value: patterned(2000, i) }], { sync: i % 7 === 0 });
      if (i % 40 === 0) await timeline.freeze();
      await timeline.get(keyOf(i % count));
    }
  })();
  const found: string[] = [];
  for (let round = 0; round < 6; round++) {
    // A reader goes on with what it saw when it was opened, whatever was sealed since.
    const reader = await place.open({ readOnly: true });
    found.push(...(await findings(store)).map(({ error }) => `${error}`));
    found.push(...(await findings(reader)).map(({ error }) => `${error}`));
    await place.close(reader);
  }
  isWriting = false;
  await writing;
  assertEquals(found, []);
  assert(timeline.layers().length > 2);
});

test("Store.verify() knows records that others of their batch have superseded, and marks", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  for (let lsn = 1; lsn <= 20; lsn++) {
    const batch = new Batch();
    for (let i = 0; i < 200; i++) batch.put(`k${i % 70}`, patterned(40, i + lsn));
    if (lsn % 5 === 0) batch.delete("k3");
    await timeline.append(batch);
    await timeline.append([]);
  }
  await timeline.freeze();
  assertEquals(await findings(store), []);
});

test("Store.verify() finds nothing where there is nothing, nor in values of no bytes in many layers", async (place) => {
  const store = await place.open(), timeline = store.timeline();
  const found = async () => [...await findings(store), ...await Array.fromAsync(verifyStore(place.path))];
  assertEquals(await found(), []);
  for (let i = 0; i < 40; i++) {
    await timeline.append([{ key: `k${i}`, value: "" }]);
    await timeline.freeze();
  }
  assertEquals(timeline.layers().length, 40);
  for (let i = 0; i < 300; i++) await timeline.append([{ key: `k${i}`, value: "" }]);
  await timeline.sync();
  assertEquals(await found(), []);
});

test("Store.verify() finds nothing in what a crash left and an opening has settled", async (place) => {
  const store = await place.open({ flushMilliseconds: 1, segmentBytes: 1024 * 1024 });
  await fill(store);
  for (let i = 0; i < 4; i++) await store.timeline().append([{ key: `t${i}`, value: patterned(300, i) }]);
  const [, segment] = place.files(/\.seg$/);
  const endOf = (bytes: Uint8Array) => bytes.findLastIndex((byte) => byte !== 0) + 1;
  // What nobody synced is written all the same, without a pad.
  while (endOf(Deno.readFileSync(segment)) < 4 * block + 1000) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (const torn of [10, 25, 330, 700]) {
    await using copy = await place.copy();
    const [, segment] = copy.files(/\.seg$/), bytes = Deno.readFileSync(segment), end = endOf(bytes);
    // A batch of two records that was written in part.
    const batch = new EncodedBatch();
    batch.put("torn", patterned(300, 1));
    batch.put("torn too", patterned(600, 2));
    batch.stamp(100, seedOf(bytes));
    bytes.set(batch.bytes.subarray(0, torn), end);
    Deno.writeFileSync(segment, bytes);
    const messages = (found: VerifyFinding[]) => found.map(({ error }) => error.message);
    assertEquals(messages(await Array.fromAsync(verifyStore(copy.path))), []);
    const opened = await copy.open();
    assertEquals(opened.timeline().lastLsn, 22);
    await opened.timeline().append([{ key: "after", value: "1" }], { sync: true });
    assertEquals(messages(await findings(opened)), []);
    await opened.timeline().freeze();
    assertEquals(messages(await findings(opened)), []);
    await copy.close(opened);
    assertEquals(messages(await Array.fromAsync(verifyStore(copy.path))), []);
  }
});

test("Store.verify() tells of files that nobody names and of what others may read", async (place) => {
  const filled = await Filled.make(place), { layer, manifest } = filled;
  const folder = layer.slice(0, layer.lastIndexOf("/"));
  Deno.writeTextFileSync(`${place.path}/note`, "", { mode: 0o600 });
  Deno.writeTextFileSync(`${folder}/note`, "", { mode: 0o600 });
  Deno.chmodSync(manifest, 0o644);
  Deno.chmodSync(folder, 0o750);
  const found = await Array.fromAsync(verifyStore(place.path)), stranger = "one that nobody names";
  assert(found.every(({ severity }) => severity === "warning"));
  assertEquals(
    found.map(({ path, error }) => [path, (error as CorruptionError).found]).sort(),
    [[manifest, "0644"], [`${place.path}/note`, stranger], [folder, "0750"], [`${folder}/note`, stranger]]
      .sort(),
  );
});

test("Store.verify() warns of what is called lock and is no file", async (place) => {
  await Filled.make(place);
  const lock = `${place.path}/lock`;
  const warnings = async () => {
    const found = await Array.fromAsync(verifyStore(place.path)), errors = found.map(({ error }) => error);
    assert(found.every(({ severity, path }) => severity === "warning" && path === lock));
    return errors.map((error) => error instanceof CorruptionError && error.found);
  };
  Deno.removeSync(lock);
  Deno.mkdirSync(lock, { mode: 0o600 });
  assertEquals(await warnings(), ["a directory"]);
  Deno.removeSync(lock);
  await makePipe(lock);
  Deno.chmodSync(lock, 0o600);
  assertEquals(await warnings(), ["neither a file nor a directory"]);
  // Whoever writes replaces a file that cannot be read.
  Deno.removeSync(lock);
  await using engine = new HookedEngine();
  engine.open = (path) => Promise.reject(errno("EACCES", "open", path));
  Deno.writeTextFileSync(lock, "", { mode: 0o600 });
  const found = await Array.fromAsync(verifyStore(place.path, { ioEngine: engine, ioMode: "buffered" }));
  assertEquals(found.filter(({ path }) => path === lock), []);
});

for (const code of ["EACCES", "EIO"]) {
  test(`verifyStore() and salvage() name a timeline's directory that fails with ${code}`, async (place) => {
    const { layer } = await Filled.make(place), folder = layer.slice(0, layer.lastIndexOf("/"));
    const unnamed = `${place.path}/0003456789abcdef`, to = `${place.path}_new`;
    Deno.mkdirSync(unnamed, { mode: 0o700 });
    await using engine = new HookedEngine();
    for (const failing of [folder, unnamed]) {
      engine.hook = (operation, path) => {
        if (operation === "list" && path === failing) throw errno(code, operation, path);
      };
      const options = { ioEngine: engine, ioMode: "buffered" } as const;
      const found = await Array.fromAsync(verifyStore(place.path, options));
      assertEquals(found.map(({ severity, path }) => [severity, path]), [["damage", failing]]);
      assert(hasCode(found[0].error, code));
      const { timelines } = await salvage(place.path, to, options).finally(() =>
        Deno.removeSync(to, { recursive: true })
      );
      const lost = timelines.flatMap(({ lost }) => lost);
      assertEquals(lost.map(({ path, error }) => [path, hasCode(error, code)]), [[failing, true]]);
    }
    assertEquals(engine.files.size, 0);
  });
}

test("Store.verify() finds a segment with data that the manifest cannot have named", async (place) => {
  const { segment } = await Filled.make(place);
  const lost = segment.replace(/-0000000(.)-/, "-00000009-");
  Deno.copyFileSync(segment, lost);
  const found = await Array.fromAsync(verifyStore(place.path));
  assertEquals(found.map(({ severity, path }) => [severity, path]), [["damage", lost]]);
});

test("verifyStore() says what it can of a store whose manifest is damaged or gone", async (place) => {
  const filled = await Filled.make(place), { manifest, layer } = filled, offset = filled.recordOf(17);
  const bytes = Deno.readFileSync(layer);
  bytes[offset + 30] ^= 1;
  Deno.writeFileSync(layer, bytes);
  const id = layer.split("/").at(-2);
  const record = { keys: [keyOf(17), keyOf(17), 1], lsns: [1, 1], timeline: id };
  const length = 20 + keyOf(17).length + 217;
  const found = await filled.flipped(manifest, block + 10);
  assertEquals(found.map(({ path }) => path), [manifest, layer]);
  assertEquals(shown(found[1]), expected(layer, offset, length, record));
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  await assertRejects(() => place.open(), CorruptionError);
  const without = await Array.fromAsync(verifyStore(place.path));
  assertEquals(without.map(({ path }) => path), [place.path, layer]);
});

test("Store.verify() stops at its signal and with its store, and tells how far it came", async (place) => {
  const store = await place.open();
  await fill(store);
  const steps: number[] = [];
  let last = { bytes: 0, totalBytes: 0, objects: 0, totalObjects: 0 };
  const progress = (now: typeof last) => void (steps.push(now.bytes), last = now);
  assertEquals(await Array.fromAsync(store.verify({ progress, timeline: "main" })), []);
  assertEquals([last.objects, last.totalObjects], [2, 2]);
  assert(steps.length > 5 && steps.every((bytes, i) => i === 0 || bytes >= steps[i - 1]));
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await assertRejects(() => Array.fromAsync(store.verify({ signal: controller.signal })), Error, "enough");
  Deno.writeTextFileSync(`${place.path}/note`, "", { mode: 0o600 });
  const paused = store.verify();
  assertEquals((await paused.next()).value.severity, "warning");
  await place.close(store);
  await assertRejects(() => paused.next(), Deno.errors.BadResource);
});

test("verifyStore() and its store's directory bear what is no file, and name it", async (place) => {
  const filled = await Filled.make(place), { layer, segment } = filled;
  Deno.removeSync(layer);
  Deno.mkdirSync(layer, { mode: 0o700 });
  const [named] = await Array.fromAsync(verifyStore(place.path));
  assertEquals([named.path, named.keys?.versions], [layer, count]);
  for (const path of place.files(/manifest-/)) Deno.removeSync(path);
  const paths = (await Array.fromAsync(verifyStore(place.path))).map((
    { path, severity },
  ) => [severity, path]);
  assertEquals(paths, [["damage", place.path], ["damage", layer], ["warning", layer]]);
  const { timelines: [{ lost, batches }] } = await salvage(place.path, `${place.path}_new`).finally(() =>
    Deno.removeSync(`${place.path}_new`, { recursive: true })
  );
  assertEquals([lost.map(({ path }) => path), batches, segment > layer], [[layer], 3, true]);
});
