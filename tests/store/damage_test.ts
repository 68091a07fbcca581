/** Damage to sealed files: named, with its place, where it is met, and nowhere else. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, type Entry, type LayerInfo, type Timeline } from "../../mod.ts";
import { decodeFooter, type LayerDescription } from "../../src/layer/mod.ts";
import { collect, patterned, sameBytes } from "./bytes.ts";
import { type Place, test } from "./matrix.ts";
import { Random, seeds } from "../random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const count = 1500;
const pageBytes = 8192;
const options = { cacheBytes: 64 * 1024 };

function keyOf(i: number): string {
  // Long enough for an index of some leaves.
  return `${String(i * 7919 % count).padStart(5, "0")}/${"k".repeat(40)}/${i}`;
}

function valueOf(i: number): Uint8Array {
  return patterned(200 + i % 50, i);
}

/** The sealed file of a store with one layer, and what its footer says. */
class Sealed {
  readonly place: Place;
  readonly path: string;
  readonly footer: LayerDescription;
  readonly #bytes: Uint8Array;

  constructor(place: Place) {
    this.place = place;
    [this.path] = place.files(/\.seg$/);
    this.#bytes = Deno.readFileSync(this.path);
    this.footer = decodeFooter(this.#bytes.slice(-4096)) as LayerDescription;
  }

  static async make(place: Place): Promise<Sealed> {
    const store = await place.open();
    const changes = Array.from({ length: count }, (_, i) => ({ key: keyOf(i), value: valueOf(i) }));
    await store.timeline().append(changes);
    await store.timeline().freeze();
    await place.close(store);
    return new Sealed(place);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Where the record of a key stands. */
  recordOf(i: number): number {
    const key = encoder.encode(keyOf(i));
    return this.#bytes.findIndex((_, at) => key.every((byte, j) => this.#bytes[at + j] === byte)) - 20;
  }

  /** Opens the store with one bit flipped. */
  async flipped(offset: number, mask: number, body: (timeline: Timeline) => Promise<void>): Promise<void> {
    const bytes = this.#bytes.slice();
    bytes[offset] ^= mask;
    Deno.writeFileSync(this.path, bytes);
    const store = await this.place.open();
    await body(store.timeline());
    await this.place.close(store);
  }
}

const keys = Array.from({ length: count }, (_, i) => keyOf(i));

/** Reads every key, and returns the errors of those that could not be read; every other value must be right. */
async function failures(timeline: Timeline): Promise<Map<number, CorruptionError>> {
  const failed = new Map<number, CorruptionError>();
  const entries = await collect(timeline.getVectored(keys, { damage: "report" }));
  assertEquals(entries.length, count);
  entries.forEach((entry, i) => {
    assertEquals(entry.key, encoder.encode(keyOf(i)));
    if ("error" in entry) {
      assertInstanceOf(entry.error, CorruptionError);
      failed.set(i, entry.error);
    } else assert(sameBytes(entry.value, valueOf(i)), `value of ${keyOf(i)}`);
  });
  return failed;
}

/** Reads a stream until it fails; returns what came before, and why it failed. */
async function untilDamage<T>(stream: ReadableStream<T>): Promise<{ items: T[]; error: CorruptionError }> {
  const items: T[] = [];
  const error = await assertRejects(async () => {
    for await (const item of stream) items.push(item);
  }, CorruptionError);
  return { items, error };
}

test("Timeline fails the one key whose record is damaged, and names file and offset", async (place) => {
  const sealed = await Sealed.make(place);
  for (const [key, at, mask] of [[0, 0, 1], [17, 25, 128], [450, 100, 4], [count - 1, 260, 2]]) {
    const record = sealed.recordOf(key);
    await sealed.flipped(record + at, mask, async (timeline) => {
      const failed = await failures(timeline);
      assertEquals([...failed.keys()], [key]);
      assertEquals([failed.get(key)?.path, failed.get(key)?.offset], [sealed.path, record]);
      for (const read of [() => timeline.get(keyOf(key)), () => timeline.getMany([keyOf(0), keyOf(key)])]) {
        const error = await assertRejects(read, CorruptionError);
        assertEquals([error.path, error.offset], [sealed.path, record]);
      }
      const report = { damage: "report" } as const;
      const [version] = await collect(timeline.history(keyOf(key), report));
      const [entry] = await collect(timeline.scan({ start: keyOf(key), limit: 1 }, report));
      for (const found of [version, entry]) {
        assert("error" in found && !("value" in found));
        assertInstanceOf(found.error, CorruptionError);
        assertEquals(found.lsn, 1);
      }
      const other = (key + 1) % count;
      assert(sameBytes(await timeline.get(keyOf(other)), valueOf(other)));
    });
  }
}, options);

test(
  "Streams of a timeline end with the damage that they come to, after all that stands before it",
  async (place) => {
    const sealed = await Sealed.make(place);
    const damaged = 450, record = sealed.recordOf(damaged);
    await sealed.flipped(record + 100, 4, async (timeline) => {
      const check = (error: CorruptionError) =>
        assertEquals([error.path, error.offset], [sealed.path, record]);
      const got = await untilDamage(timeline.getVectored(keys));
      assertEquals(got.items.map(({ lsn }) => lsn), Array.from({ length: damaged }, () => 1));
      assert(got.items.every(({ value }, i) => sameBytes(value, valueOf(i))));
      check(got.error);
      const scanned = await untilDamage(timeline.scan());
      assertEquals(
        scanned.items.map(({ key }) => decoder.decode(key)),
        keys.filter((key) => key < keyOf(damaged)).sort(),
      );
      check(scanned.error);
      const versions = await untilDamage(timeline.history(keyOf(damaged)));
      assertEquals(versions.items, []);
      check(versions.error);
      check(await assertRejects(() => timeline.snapshot().get(keyOf(damaged)), CorruptionError));
    });
  },
  options,
);

test("Entries are plain, so that damage is not lost when they are spread or cloned", async (place) => {
  const sealed = await Sealed.make(place);
  await sealed.flipped(sealed.recordOf(3) + 100, 4, async (timeline) => {
    const entries = await collect(timeline.getVectored([keyOf(2), keyOf(3), "absent"], { damage: "report" }));
    const shown = (entry: object) => ({ ...entry, ...("error" in entry ? { error: `${entry.error}` } : {}) });
    for (
      const copy of [
        entries.map((entry) => ({ ...entry })),
        entries.map((entry) => structuredClone(entry)),
      ]
    ) {
      assertEquals(copy.map((entry) => "error" in entry), [false, true, false]);
      assertEquals((copy[0] as Entry).value, (entries[0] as Entry).value);
      assertEquals(shown(copy[2]), shown(entries[2]));
    }
  });
}, options);

test("Timeline fails the keys of an index page that is damaged, and names file and offset", async (place) => {
  const sealed = await Sealed.make(place);
  const { valuesEnd, leafPages, indexPages } = sealed.footer;
  assert(leafPages > 2 && indexPages > leafPages, "there are leaves, and a page above them");
  const offset = valuesEnd + pageBytes;
  await sealed.flipped(offset + 4000, 1, async (timeline) => {
    const failed = await failures(timeline);
    assert(failed.size > 10 && failed.size < count / 2, `${failed.size} keys failed`);
    const names = [...failed.keys()].map(keyOf).sort();
    const all = keys.toSorted();
    assertEquals(names, all.slice(all.indexOf(names[0]), all.indexOf(names[0]) + names.length));
    for (const error of failed.values()) assertEquals([error.path, error.offset], [sealed.path, offset]);
    assertEquals(await timeline.get("absent"), undefined);
  });
  const root = valuesEnd + (indexPages - 1) * pageBytes;
  await sealed.flipped(root + 40, 1, async (timeline) => {
    const failed = await failures(timeline);
    assertEquals(failed.size, count);
    assertEquals(failed.get(0)?.offset, root);
    const error = await assertRejects(() => collect(timeline.scan({ start: keyOf(3) })), CorruptionError);
    assertEquals([error.path, error.offset], [sealed.path, root]);
  });
}, options);

test(
  "Timeline fails the keys of a filter page or a footer that is damaged",
  async (place) => {
    const sealed = await Sealed.make(place);
    const { valuesEnd, indexPages } = sealed.footer;
    for (const [offset, at] of [[valuesEnd + indexPages * pageBytes, 900], [sealed.length - 4096, 30]]) {
      await sealed.flipped(offset + at, 8, async (timeline) => {
        const failed = await failures(timeline);
        assertEquals(failed.size, count);
        assertEquals([failed.get(5)?.path, failed.get(5)?.offset], [sealed.path, offset]);
      });
    }
  },
  options,
);

test("Timeline never gives a wrong value when any bit of a sealed file is flipped", async (place) => {
  const sealed = await Sealed.make(place);
  for (const seed of seeds("store damage", 1)) {
    const random = new Random(seed);
    for (let i = 0; i < 100; i++) {
      await sealed.flipped(random.below(sealed.length), 1 << random.below(8), async (timeline) => {
        for (const error of (await failures(timeline)).values()) assertEquals(error.path, sealed.path);
        const described = timeline.layers().map(({ kind }: LayerInfo) => kind);
        assertEquals(described, ["L0"]);
      });
    }
  }
}, options);

test("Timeline fails a key whose file was cut, and reads those before the cut", async (place) => {
  const sealed = await Sealed.make(place);
  const store = await place.open();
  const timeline = store.timeline();
  assertEquals((await failures(timeline)).size, 0);
  Deno.truncateSync(sealed.path, sealed.recordOf(500) + 10);
  // Pages that are in memory still tell where records lie, but not all of them are; records that are in memory read.
  const failed = await failures(timeline), mostCached = options.cacheBytes / 250;
  assert(failed.size >= count - 500 - mostCached, `${failed.size} failed`);
  for (const error of failed.values()) assertEquals(error.path, sealed.path);
}, options);
