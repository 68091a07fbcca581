/** Windows of values: how large they are, what is read ahead of whom, and what becomes of it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { terminalFlag } from "../../../../src/layer/mod.ts";
import { VersionBlock } from "../../../../src/layer/version_cursor.ts";
import { KeyColumn } from "../../../../src/timeline/read/records/columns.ts";
import { Places } from "../../../../src/timeline/read/records/places.ts";
import {
  type FoundKeys,
  type KeySource,
  type ValueWindow,
  ValueWindows,
  type WindowSizes,
} from "../../../../src/timeline/read/records/value_windows.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";
import { bytesOf } from "../layers.ts";
import { addPlace, ObjectsFixture, type WrittenRecord } from "../objects_fixture.ts";

const sizes: WindowSizes = { denseKeys: 8, mostKeys: 64, mostBytes: 2 ** 20, mostColumnBytes: 2048 };

/** Finds the keys of records that were written, `each` at a time, and fails behind the last if it is to. */
class WrittenKeys implements KeySource {
  mostWindowKeys = 0;
  mostHeldBytes = 0;
  asked = 0;
  failure: Error | undefined;
  readonly #records: WrittenRecord[];
  readonly #each: number;

  constructor(records: readonly WrittenRecord[], each: number) {
    this.#records = [...records];
    this.#each = each;
  }

  next(): Promise<FoundKeys> {
    this.asked++;
    const records = this.#records.splice(0, this.#each);
    if (records.length === 0 && this.failure !== undefined) return Promise.reject(this.failure);
    const keys = new KeyColumn(records.length), places = new Places(records.length);
    records.forEach((record, i) => {
      const block = new VersionBlock(1);
      block.bytes = bytesOf(record.key);
      block.keyLength[0] = block.bytes.length;
      keys.add(block, 0);
      addPlace(places, i, record);
    });
    return Promise.resolve({ keys, places });
  }

  cancel(): Promise<void> {
    return Promise.resolve();
  }
}

/** Writes records in the order of their keys, with values of some lengths. */
async function written(fixture: ObjectsFixture, lengths: readonly number[]): Promise<WrittenRecord[]> {
  return await fixture.write(
    lengths.map((length, i) => ({ key: `k${1000 + i}`, lsn: i + 1, value: patterned(length, i) })),
  );
}

function test(name: string, body: (fixture: ObjectsFixture) => Promise<void>): void {
  Deno.test(name, async () => {
    await using fixture = await ObjectsFixture.make();
    await body(fixture);
  });
}

/** Reads a window to its end, and takes its values. */
async function valuesOf({ values, from, to }: ValueWindow): Promise<(Uint8Array | Error)[]> {
  while (!values.allReady) await values.step();
  return values.takeReady(from, to).map((entry) =>
    "error" in entry ? entry.error : entry.value as Uint8Array
  );
}

/** Waits until what was begun has come as far as it comes alone. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("ValueWindows gives every value as memory of its own, whatever its length, while the next are read", async (fixture) => {
  const lengths = Array.from({ length: 60 }, (_, i) => [1, 100, 2000, 3000, 400_000][i % 5]);
  const records = await written(fixture, lengths);
  const windows = new ValueWindows(fixture.objects, fixture.view(), new WrittenKeys(records, 7), sizes);
  const all: Uint8Array[] = [];
  for (let window = await windows.next(); window !== undefined; window = await windows.next()) {
    const values = await valuesOf(window) as Uint8Array[];
    windows.readAhead();
    await settled();
    all.push(...values);
  }
  assertEquals(all.length, lengths.length);
  all.forEach((value, i) => {
    assert(sameBytes(value, patterned(lengths[i], i)), `value ${i}`);
    assert(value.buffer.byteLength < value.length + 64, "it is memory of its own");
  });
  assertEquals(new Set(all.map(({ buffer }) => buffer)).size, all.length);
});

test("F1: ValueWindows reads ahead for who took a second window, and one window at the most", async (fixture) => {
  const source = new WrittenKeys(await written(fixture, Array<number>(400).fill(3000)), 100);
  const windows = new ValueWindows(fixture.objects, fixture.view(), source, sizes);
  const asked: number[] = [], reads: number[] = [];
  for (let i = 0; i < 3; i++) {
    await valuesOf(await windows.next() as ValueWindow);
    for (let again = 0; again < 3; again++) windows.readAhead();
    await settled();
    asked.push(source.asked);
    reads.push(Math.round(fixture.objects.metrics().valueReadBytes / 300_000));
  }
  assertEquals([asked, reads], [[1, 3, 4], [1, 3, 4]]);
  await windows.cancel();
});

test("F2: ValueWindows has windows grow where records lie apart, and not where they lie together", async (fixture) => {
  const records = await written(fixture, Array<number>(4000).fill(60));
  const apart = records.filter((_, i) => i % 80 === 0);
  for (const [some, most] of [[records, sizes.denseKeys], [apart, sizes.mostKeys]] as const) {
    const source = new WrittenKeys(some, 50);
    const windows = new ValueWindows(fixture.objects, fixture.view(), source, sizes);
    assertEquals(source.mostWindowKeys, sizes.denseKeys);
    await windows.next();
    assertEquals(source.mostWindowKeys, most);
    await windows.cancel();
  }
});

for (const mostColumnBytes of [2048, Infinity]) {
  const what = mostColumnBytes === Infinity
    ? "lends values that are held"
    : "leaves values that are held where they are";
  test(`ValueWindows ${what}, reads none of them, and counts their bytes`, async (fixture) => {
    const records = await written(fixture, Array<number>(6).fill(1000));
    const places = new Places(6), met = patterned(6000, 9);
    const { keys } = await new WrittenKeys(records, 6).next();
    records.forEach(({ object, lsn, offset, length }, i) => {
      const file = { object, seed: 0 };
      if (i === 2) return addPlace(places, i, records[i]);
      places.addHeld(i, file, lsn, offset, length, terminalFlag, met, i * 1000, i * 1000 + 1000);
    });
    const next = () => Promise.resolve({ keys, places }), cancel = () => Promise.resolve();
    const source = { mostWindowKeys: 0, mostHeldBytes: 0, next, cancel };
    const some = { ...sizes, mostBytes: records[0].length * 4, mostColumnBytes };
    const windows = new ValueWindows(fixture.objects, fixture.view(), source, some);
    const window = await windows.next() as ValueWindow;
    assertEquals([window.from, window.to, source.mostHeldBytes], [0, 4, some.mostBytes]);
    assertEquals(window.values.wantedBytes, records[2].length);
    while (!window.values.done) await window.values.step();
    const isLent = mostColumnBytes === Infinity;
    assertEquals(
      window.column.lengths.slice(0, 4),
      new Uint32Array([0, 1, 2, 3].map((i) => isLent || i === 2 ? 1000 : 0)),
    );
    assertEquals(window.column.bytes.length, records[2].length * (isLent ? 4 : 1));
    assertEquals(places.heldIn(1) === undefined, isLent);
    window.values.takeReady(0, 4).forEach((entry, i) => {
      const value = i === 2 ? patterned(1000, i) : met.slice(i * 1000, i * 1000 + 1000);
      assert("value" in entry && entry.value !== undefined);
      assert(sameBytes(entry.value, value), `value ${i}`);
      assertEquals(entry.value.buffer.byteLength, 1000, "it is memory of its own");
      assertEquals(places.heldIn(i), undefined, "it is let go when it is taken");
    });
    await windows.cancel();
  });
}

test("ValueWindows tells why a window that was read ahead failed when it is asked for", async (fixture) => {
  const source = new WrittenKeys(await written(fixture, [10, 10]), 1);
  source.failure = new Error("gone");
  const windows = new ValueWindows(fixture.objects, fixture.view(), source, sizes);
  for (let i = 0; i < 2; i++) {
    const window = await windows.next() as ValueWindow;
    windows.readAhead();
    await settled();
    assertEquals(await valuesOf(window), [patterned(10, i)]);
  }
  await assertRejects(() => windows.next(), Error, "gone");
  await windows.cancel();
});

test("ValueWindows waits, when it is cancelled, for what was read ahead", async (fixture) => {
  const records = await written(fixture, Array<number>(3).fill(300_000));
  const windows = new ValueWindows(fixture.objects, fixture.view(), new WrittenKeys(records, 1), sizes);
  for (let i = 0; i < 2; i++) await valuesOf(await windows.next() as ValueWindow);
  windows.readAhead();
  await windows.cancel();
  const { valueReadBytes } = fixture.objects.metrics();
  await settled();
  assertEquals(fixture.objects.metrics().valueReadBytes, valueReadBytes, "something was still in flight");
  assertEquals(fixture.objects.context.readPool.takenBytes, 0);
});
