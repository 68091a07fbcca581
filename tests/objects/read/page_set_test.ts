import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { blockBytes, CorruptionError, crc32, IoError, pageBytes } from "../../../src/base/mod.ts";
import { PageSet, type StoredObject } from "../../../src/objects/mod.ts";
import { Random, seeds } from "../../random.ts";
import { block, ObjectsFixture, pageOf } from "../objects_fixture.ts";
import { drain, lose } from "../../../src/sim/mod.ts";

const pages = 40;
const footerOffset = block + pages * pageBytes;

/** Expects pages to be there; that each is whole was checked when it was read. */
function has(set: PageSet, object: StoredObject, sequence: number, ...numbers: number[]): void {
  for (const number of numbers) {
    assertEquals([number, set.get(object, number)?.[0]], [number, pageOf(sequence, number)[0]]);
  }
}

function needs(set: PageSet, object: StoredObject, ...numbers: number[]): void {
  for (const number of numbers) assertEquals([number, set.get(object, number)?.[0]], [number, undefined]);
}

Deno.test("PageSet reads what it needs in one batch, neighbours in one transfer, the footer with the first pages", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  needs(set, object, 20, 3, 4, 3, 6);
  assertEquals(set.needs, 4);
  await set.fetch();
  assertEquals(set.needs, 0);
  assertEquals(t.engine.takeReads(), [
    `1 ${block + 3 * pageBytes}+${4 * pageBytes}`,
    `1 ${block + 20 * pageBytes}+${pageBytes}`,
    `1 ${footerOffset}+${blockBytes}`,
  ]);
  has(set, object, 1, 3, 4, 6, 20);
  needs(set, object, 5, 39);
  await set.fetch();
  assertEquals(t.engine.takeReads(), [
    `1 ${block + 5 * pageBytes}+${pageBytes}`,
    `1 ${block + 39 * pageBytes}+${pageBytes}`,
  ]);
  assertEquals(t.objects.metrics().pageReads, 5);
  await t.close();
});

Deno.test("PageSet finds in the cache what another one read, and nothing that was not to be kept", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  for (const [keep, page] of [[true, 7], [false, 8]] as const) {
    const set = new PageSet(t.objects, { keep });
    needs(set, object, page);
    await set.fetch();
    has(set, object, 1, page);
  }
  const other = new PageSet(t.objects);
  has(other, object, 1, 7);
  needs(other, object, 8);
  const { cacheHits, cacheMisses, cacheBytes } = t.objects.metrics();
  assertEquals([cacheHits, cacheMisses, cacheBytes], [1, 2, pageBytes], "what it brought itself is no hit");
  await t.close();
});

Deno.test("PageSet keeps the pages of its question when the cache has no room for them", async () => {
  const t = new ObjectsFixture({ cacheBytes: pageBytes });
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  needs(set, object, 1, 2, 3);
  await set.fetch();
  for (let i = 0; i < 2; i++) has(set, object, 1, 1, 2, 3);
  assertEquals(t.objects.metrics().cacheBytes, pageBytes);
  await t.close();
});

Deno.test("PageSet.take() lets go of a page", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects, { keep: false });
  assertEquals(set.take(object, 2), undefined);
  await set.fetch();
  assertEquals(set.take(object, 2), pageOf(1, 2));
  assertEquals([set.take(object, 2), set.needs], [undefined, 1]);
  await set.fetch();
  has(set, object, 1, 2);
  await t.close();
});

Deno.test("PageSet.want() is fetched with the others, and nobody waits for it alone", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  set.want(object, 5);
  set.want(object, 5);
  set.want(object, 6);
  assertEquals(set.needs, 0);
  needs(set, object, 6, 4);
  assertEquals(set.needs, 2);
  await set.fetch();
  assertEquals(t.engine.takeReads()[0], `1 ${block + 4 * pageBytes}+${3 * pageBytes}`);
  has(set, object, 1, 4, 5, 6);
  set.want(object, 5);
  await set.fetch();
  assertEquals(t.engine.takeReads(), [], "what is there is not read again");
  await t.close();
});

Deno.test("PageSet.get() of a page in the cache gives back that very page", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  needs(set, object, 1);
  await set.fetch();
  assertStrictEquals(new PageSet(t.objects).get(object, 1), set.get(object, 1));
  await t.close();
});

Deno.test("PageSet reads a page once that two sets want at the same time, and its footer too", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages), other = t.putPages(2, pages);
  const first = new PageSet(t.objects, { keep: false }), second = new PageSet(t.objects);
  t.engine.reading.close();
  needs(first, object, 1, 2);
  needs(first, other, 9);
  needs(second, object, 2, 20);
  needs(second, other, 9);
  let done = 0;
  const fetches = [first, second].map((set) => set.fetch().then(() => done++));
  await drain();
  assertEquals(t.engine.takeReads().sort(), [
    `1 ${block + pageBytes}+${2 * pageBytes}`,
    `1 ${block + 20 * pageBytes}+${pageBytes}`,
    `1 ${footerOffset}+${blockBytes}`,
    `2 ${footerOffset}+${blockBytes}`,
    `2 ${block + 9 * pageBytes}+${pageBytes}`,
  ]);
  assertEquals(done, 0);
  t.engine.reading.open();
  await Promise.all(fetches);
  has(first, object, 1, 1, 2);
  has(second, object, 1, 2, 20);
  has(first, other, 2, 9);
  has(second, other, 2, 9);
  const third = new PageSet(t.objects);
  has(third, object, 1, 2, 20);
  needs(third, object, 1);
  await t.close();
});

Deno.test("PageSet that waits for another one's read goes on when it ends, and learns why it failed", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  for (const fails of [true, false]) {
    const sets = Array.from({ length: 4 }, () => new PageSet(t.objects, { keep: false }));
    t.engine.reading.close();
    if (fails) t.faults.failNext("read", "EIO", 2);
    for (const set of sets) set.get(object, 1);
    const fetches = sets.map((set) => set.fetch());
    await drain();
    assertEquals(t.engine.takeReads().length, 2, "only the first one reads: the page and the footer");
    t.engine.reading.open();
    await Promise.all(fetches);
    for (const set of sets) {
      if (fails) assertThrows(() => set.get(object, 1), IoError, "EIO");
      else has(set, object, 1, 1);
    }
    assertEquals([t.engine.takeReads(), t.objects.context.flights.size], [[], 0]);
  }
  await t.close();
});

Deno.test("PageSet finds a page that came between the question and the fetch", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const late = new PageSet(t.objects), early = new PageSet(t.objects);
  needs(late, object, 1);
  needs(early, object, 1);
  await early.fetch();
  t.engine.takeReads();
  await late.fetch();
  has(late, object, 1, 1);
  assertEquals(t.engine.takeReads(), []);
  await t.close();
});

Deno.test("PageSet.get() throws why a page could not be read; another set tries anew", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  needs(set, object, 1);
  t.faults.failNext("read", "EIO");
  await set.fetch();
  for (let i = 0; i < 2; i++) assertEquals(assertThrows(() => set.get(object, 1), IoError).code, "EIO");
  assertEquals(set.needs, 0);
  const other = new PageSet(t.objects);
  needs(other, object, 1);
  await other.fetch();
  has(other, object, 1, 1);
  await t.close();
});

Deno.test("PageSet gives out no page that does not check, and its neighbours all the same", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const bytes = t.contents(object.id);
  bytes[block + 5 * pageBytes + 77] ^= 1;
  t.disk.put(object.path, bytes);
  const set = new PageSet(t.objects);
  needs(set, object, 4, 5, 6);
  await set.fetch();
  has(set, object, 1, 4, 6);
  assertThrows(() => set.get(object, 5), CorruptionError, "another page");
  assertEquals(t.objects.metrics().cacheBytes, 2 * pageBytes, "damage is not cached");
  await t.close();
});

Deno.test("PageSet gives out no page of an object whose footer does not check, until it does", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages), sound = t.putPages(2, pages);
  const bytes = t.contents(object.id);
  bytes[footerOffset] ^= 1;
  t.disk.put(object.path, bytes);
  const first = new PageSet(t.objects), second = new PageSet(t.objects);
  needs(first, object, 4);
  needs(second, object, 4, 5);
  needs(first, sound, 1);
  await Promise.all([first.fetch(), second.fetch()]);
  for (const set of [first, second]) {
    assertThrows(() => set.get(object, 4), CorruptionError, "another footer");
  }
  has(first, sound, 2, 1);
  assertEquals(t.objects.metrics().cacheBytes, pageBytes);
  bytes[footerOffset] ^= 1;
  t.disk.put(object.path, bytes);
  await t.objects.context.files.close();
  await t.close();
});

Deno.test("PageSet reads the footer again after it could not be read", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const first = new PageSet(t.objects);
  needs(first, object, 4);
  t.faults.failNext("read", "EIO", 2);
  await first.fetch();
  assertThrows(() => first.get(object, 4), IoError);
  const second = new PageSet(t.objects);
  needs(second, object, 4);
  await second.fetch();
  has(second, object, 1, 4);
  assertEquals(t.engine.takeReads().filter((read) => read.includes(`${footerOffset}+`)).length, 2);
  await t.close();
});

Deno.test("PageSet finds out that an object is shorter than it should be", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  t.disk.put(object.path, t.contents(object.id).slice(0, block + 5 * pageBytes + 100));
  const set = new PageSet(t.objects);
  needs(set, object, 4, 5);
  await set.fetch();
  for (const page of [4, 5]) {
    assertThrows(
      () => set.get(object, page),
      CorruptionError,
      page === 4 ? `expected the ${blockBytes} bytes at ${footerOffset}` : "the end of the file",
    );
  }
  await t.close();
});

Deno.test("PageSet says of every page of a file that is missing that it is damaged", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages), sound = t.putPages(2, pages);
  lose(t.disk, object.path);
  const set = new PageSet(t.objects);
  needs(set, object, 1, 30);
  needs(set, sound, 1);
  await set.fetch();
  for (const page of [1, 30]) assertThrows(() => set.get(object, page), CorruptionError, "no file");
  has(set, sound, 2, 1);
  await t.close();
});

Deno.test("PageSet reads on with few descriptors, and fails only without any", async () => {
  const t = new ObjectsFixture();
  const objects = Array.from({ length: 20 }, (_, i) => t.putPages(i, 4));
  t.engine.mostFiles = 3;
  const sets = [new PageSet(t.objects), new PageSet(t.objects, { keep: false })];
  for (const set of sets) for (const object of objects) needs(set, object, 1, 3);
  await Promise.all(sets.map((set) => set.fetch()));
  for (const set of sets) objects.forEach((object, i) => has(set, object, i, 1, 3));
  assertEquals(t.engine.peakFiles <= 3, true);
  t.engine.mostFiles = 0;
  const closed = objects.filter(({ own }) => own.file === undefined);
  const last = new PageSet(t.objects);
  for (const object of objects) needs(last, object, 0);
  await last.fetch();
  objects.forEach((object, i) => {
    if (!closed.includes(object)) has(last, object, i, 0);
    else assertEquals(assertThrows(() => last.get(object, 0), IoError).code, "EMFILE");
  });
  assertEquals(closed.length >= 17, true);
  t.engine.mostFiles = Infinity;
  await t.close();
});

Deno.test("PageSet.fetch() reads more pages than buffers hold at once", async () => {
  const t = new ObjectsFixture({ cacheBytes: 0 });
  const object = t.putPages(1, 700);
  const set = new PageSet(t.objects);
  for (let page = 0; page < 700; page += page % 3 === 0 ? 1 : 4) needs(set, object, page);
  await set.fetch();
  for (let page = 0; page < 700; page += page % 3 === 0 ? 1 : 4) has(set, object, 1, page);
  assertEquals(t.objects.metrics().bufferBytes <= 4 << 20, true);
  await t.close();
});

Deno.test("PageSet fetches nothing once the objects are closed, and says so", async () => {
  const t = new ObjectsFixture();
  const object = t.putPages(1, pages);
  const set = new PageSet(t.objects);
  needs(set, object, 1);
  await t.objects.close();
  await set.fetch();
  assertThrows(() => set.get(object, 1), Deno.errors.BadResource);
  await t.close();
});

Deno.test("PageSet tells that somebody waits, as long as it does", async () => {
  const t = new ObjectsFixture();
  const waits: number[] = [];
  let waiting = 0;
  const { turns } = t.objects.host;
  turns.awaiting = () => void waits.push(++waiting);
  turns.answered = () => void waits.push(--waiting);
  const object = t.putPages(1, pages);
  const sets = [new PageSet(t.objects), new PageSet(t.objects)];
  for (const set of sets) needs(set, object, 1);
  await Promise.all(sets.map((set) => set.fetch()));
  assertEquals([Math.max(...waits), waiting], [2, 0]);
  await t.close();
});

Deno.test("PageSet gives out the right pages, whatever many questions want at the same time", async () => {
  for (const seed of seeds("page sets", 5)) {
    const random = new Random(seed);
    const t = new ObjectsFixture({ cacheBytes: random.from(1, 30) * pageBytes, openFiles: 3 });
    const objects = Array.from({ length: 6 }, (_, i) => t.putPages(i, pages));
    t.engine.mostFiles = random.pick([2, 5, Infinity]);
    const ask = async (): Promise<void> => {
      const set = new PageSet(t.objects, { keep: random.once(2) });
      for (let round = 0; round < 4; round++) {
        const wanted = Array.from(
          { length: random.from(1, 12) },
          () => [random.below(6), random.below(pages)],
        );
        for (const [i, page] of wanted) {
          if (random.once(4)) set.want(objects[i], page);
          else set.get(objects[i], page);
        }
        if (random.once(3)) await drain();
        do {
          await set.fetch();
          for (const [i, page] of wanted) {
            const bytes = set.get(objects[i], page);
            if (bytes !== undefined) assertEquals(bytes[0], pageOf(i, page)[0]);
          }
          // What the cache had at first it may have given up for others meanwhile.
        } while (set.needs > 0);
      }
    };
    await Promise.all(Array.from({ length: 8 }, ask));
    assertEquals(t.objects.metrics().cacheBytes <= 30 * pageBytes, true);
    await t.close();
  }
});

Deno.test("PageSet reads ranges beside pages, and keeps those that have their checksum", async () => {
  const t = new ObjectsFixture(), object = t.putPages(1, pages), set = new PageSet(t.objects);
  const bytes = t.disk.contents(object.path), at = block + 10 * pageBytes;
  const sum = (offset: number, length: number) => crc32(bytes.subarray(offset, offset + length));
  needs(set, object, 3);
  assertEquals(set.getRange(object, at + 5, 4000, sum(at + 5, 4000)), undefined);
  assertEquals(set.getRange(object, at + 5, 4000, sum(at + 5, 4000)), undefined);
  assertEquals(set.getRange(object, at + 9000, 100, 1), undefined);
  set.wantRange(object, at + 20_000, 5000);
  assertEquals([set.listed, set.needs], [5, 3]);
  await set.fetch();
  assertEquals(t.objects.metrics().valueReads, 1, "neighbours are read at once");
  // They lie in one memory, each in its place.
  for (const [offset, length, isIntact] of [[at + 5, 4000, true], [at + 9000, 100, false]] as const) {
    const lent = set.getRange(object, offset, length, 0);
    assertEquals(lent?.isIntact, isIntact);
    assertEquals(lent?.bytes.length, 4100);
    assertEquals(lent?.bytes.slice(lent.at, lent.at + length), bytes.slice(offset, offset + length));
  }
  const taken = set.takeRange(object, at + 9000, 100);
  assertEquals(taken, bytes.slice(at + 9000, at + 9100));
  assertEquals(taken?.buffer.byteLength, 100, "what is taken has memory of its own");
  assertEquals(set.takeRange(object, at + 20_000, 5000), bytes.slice(at + 20_000, at + 25_000));
  assertEquals(set.takeRange(object, at + 20_000, 5000), undefined, "it let go of it");
  const other = new PageSet(t.objects), lent = other.getRange(object, at + 5, 4000, 0);
  assertEquals(lent?.bytes.slice(lent.at, lent.at + 4000), bytes.slice(at + 5, at + 4005));
  assertEquals(other.getRange(object, at + 9000, 100, 1), undefined, "what does not check is not kept");
  assertEquals(other.getRange(object, at + 5, 3999, 0), undefined, "another one starts there");
  await t.close();
});

Deno.test("PageSet throws why a range could not be read, and another set tries anew", async () => {
  const t = new ObjectsFixture(), object = t.putPages(1, pages), set = new PageSet(t.objects);
  const beyond = block + pages * pageBytes + block;
  set.wantRange(object, beyond - 10, 100);
  await set.fetch();
  for (let i = 0; i < 2; i++) {
    assertThrows(() => set.takeRange(object, beyond - 10, 100), CorruptionError, "end");
  }
  assertEquals(new PageSet(t.objects).takeRange(object, beyond - 10, 100), undefined);
  await t.close();
});

Deno.test("PageSet brings two ranges that start at one place and end elsewhere, both at once", async () => {
  for (const fleeting of [true, false]) {
    const t = new ObjectsFixture(), object = t.putPages(1, pages), set = new PageSet(t.objects, { fleeting });
    const bytes = t.disk.contents(object.path), at = block + 10 * pageBytes, lengths = [4000, 100, 3000];
    const sum = (length: number) => crc32(bytes.subarray(at, at + length));
    needs(set, object, 3);
    for (const length of lengths) assertEquals(set.getRange(object, at, length, sum(length)), undefined);
    await set.fetch();
    assertEquals(set.count, 2 + lengths.length);
    for (const length of lengths) {
      const lent = set.getRange(object, at, length, sum(length));
      assertEquals(lent?.bytes.slice(lent.at, lent.at + length), bytes.slice(at, at + length));
    }
    for (const length of [100, 3000, 4000]) {
      assertEquals(set.takeRange(object, at, length), bytes.slice(at, at + length));
    }
    assertEquals(set.count, 2, "it let go of them");
    await t.close();
  }
});
