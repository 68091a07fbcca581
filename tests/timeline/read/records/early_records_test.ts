/** Records that are read before the places of all keys are known: which, and what is left to others. */

import { assert, assertEquals } from "@std/assert";
import { decodePatches, RecordKind } from "../../../../src/layer/mod.ts";
import { isPatchedEntry } from "../../../../src/timeline/read/records/chains.ts";
import { apart } from "../../../../src/timeline/read/records/copies.ts";
import { ListedKeys } from "../../../../src/timeline/read/records/columns.ts";
import { EarlyRecords } from "../../../../src/timeline/read/records/early_records.ts";
import { EntryRead } from "../../../../src/timeline/read/records/entry_read.ts";
import { Content } from "../../../../src/timeline/read/records/held_contents.ts";
import { Places } from "../../../../src/timeline/read/records/places.ts";
import { complete, type PlanState } from "../../../../src/timeline/read/read.ts";
import { patterned } from "../../../store/bytes.ts";
import { bytesOf, noTurns, TestLayers } from "../layers.ts";
import { addPlace, ObjectsFixture, type WrittenRecord } from "../objects_fixture.ts";

function test(name: string, body: (fixture: ObjectsFixture) => Promise<void>): void {
  Deno.test(name, async () => {
    await using fixture = await ObjectsFixture.make();
    await body(fixture);
  });
}

function earlyOf({ objects }: ObjectsFixture, records: readonly WrittenRecord[]) {
  const places = new Places(records.length), keys = new ListedKeys(records.map(({ key }) => bytesOf(key)));
  const held = (key: number) => places.heldIn(key)?.slice(places.heldStart(key), places.heldEnd(key));
  return { places, held, early: new EarlyRecords(objects, keys, places, apart) };
}

const value = patterned(300, 1), other = patterned(4000, 2), large = patterned(4100, 3);

test("EarlyRecords holds small records of places that are known, each read once", async (fixture) => {
  const written = await fixture.write([
    { key: "a", lsn: 1, value },
    { key: "b", lsn: 2, value: other },
    { key: "c", lsn: 3, value: large },
    { key: "d", lsn: 4 },
    { key: "e", lsn: 5, value },
  ]);
  const { places, held, early } = earlyOf(fixture, written);
  await early.read();
  assertEquals(fixture.objects.metrics().valueReads, 0, "nothing is known");
  for (const key of [0, 2, 3]) addPlace(places, key, written[key]);
  await early.read();
  assertEquals([0, 1, 2, 3, 4].map(held), [value, undefined, undefined, undefined, undefined]);
  for (const key of [1, 4]) addPlace(places, key, written[key]);
  await early.read();
  assertEquals([0, 1, 2, 3, 4].map(held), [value, other, undefined, undefined, value]);
  assertEquals(fixture.objects.metrics().valueReads, 2);
  places.letGo(0);
  await early.read();
  assertEquals([held(0), fixture.objects.metrics().valueReads], [undefined, 2]);
  // The next one finds them in the cache.
  const again = earlyOf(fixture, written);
  written.forEach((record, key) => addPlace(again.places, key, record));
  await again.early.read();
  assertEquals([0, 1, 2, 3, 4].map(again.held), [value, other, undefined, undefined, value]);
  assertEquals(fixture.objects.metrics().valueReads, 2);
});

test("EarlyRecords holds what a writer has in memory, and what became the newest is not what it held", async (fixture) => {
  const { written, finish } = fixture.append([{ key: "a", lsn: 1, value }, {
    key: "a",
    lsn: 2,
    value: other,
  }]);
  const { places, held, early } = earlyOf(fixture, [written[0]]);
  addPlace(places, 0, written[0]);
  await early.read();
  assertEquals([held(0), fixture.objects.metrics().valueReads], [value, 0]);
  addPlace(places, 0, written[1]);
  assertEquals(held(0), undefined);
  await finish();
});

test("EarlyRecords holds patches that came with what they stand on, which are read once", async (fixture) => {
  const written = await fixture.write([{ key: "a", lsn: 1, value, patch: "p" }]);
  const keys = new ListedKeys([bytesOf("a")]);
  const { places, held, early } = earlyOf(fixture, written);
  addPlace(places, 0, written[0]);
  await early.read();
  const bytes = held(0);
  assert(bytes !== undefined && places.contentOf(0) === Content.PATCHES);
  const expected = { isWhole: true, base: value, patches: [bytesOf("p")] };
  assertEquals(decodePatches(RecordKind.PATCHED, bytes, 0, bytes.length), expected);
  const patchesOf = async (given: Places) => {
    const read = new EntryRead(fixture.objects, fixture.view(), keys, given, { keepPatches: true });
    const [entry] = await read.next() ?? [];
    return isPatchedEntry(entry) ? entry.patches : undefined;
  };
  assertEquals(await patchesOf(places), expected);
  // The next one leaves those in the cache to whoever reads the rest.
  const again = earlyOf(fixture, written);
  addPlace(again.places, 0, written[0]);
  await again.early.read();
  assertEquals(fixture.objects.metrics().valueReads, 1);
});

test("EarlyRecords leaves a record that does not check, or is another one", async (fixture) => {
  const written = await fixture.write([
    { key: "a", lsn: 1, value },
    { key: "b", lsn: 2, value },
    { key: "c", lsn: 3, value },
  ]);
  const { places, held, early } = earlyOf(fixture, written);
  addPlace(places, 0, { ...written[0], lsn: 7 });
  addPlace(places, 1, written[1]);
  addPlace(places, 2, written[2]);
  fixture.flip(written[1].object, written[1].offset + written[1].length - 1);
  await early.read();
  assertEquals([0, 1, 2].map(held), [undefined, undefined, value]);
});

Deno.test("complete() reads beside what it fetches, at once, and waits for both", async () => {
  await using fixture = await ObjectsFixture.make();
  const states: PlanState[] = ["needs pages", "needs pages", "done"], said: string[] = [];
  const pages = new TestLayers();
  pages.fetch = async () => {
    said.push("fetch");
    await new Promise<void>((resolve) => setTimeout(resolve));
    said.push("fetched");
  };
  const beside = async () => {
    said.push("beside");
    await new Promise<void>((resolve) => setTimeout(resolve));
    await new Promise<void>((resolve) => setTimeout(resolve));
    said.push("read");
  };
  await complete({ advance: () => states.shift() ?? "done" }, pages, noTurns, fixture.view(), beside);
  const round = ["fetch", "beside", "fetched", "read"];
  assertEquals(said, [...round, ...round]);
  assert(states.length === 0);
});
