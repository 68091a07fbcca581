import { assertEquals } from "@std/assert";
import { Places, settledAt } from "../../../../src/timeline/read/records/places.ts";
import { listOf, testFile, versions } from "../layers.ts";

const cases: [added: string, list: string, settledAt: number][] = [
  ["", "absent", 0],
  ["a@5", "5", 5],
  ["a@5x", "5x", 5],
  ["a@5 a@3", "5", 5],
  ["a@3 a@5", "5", 5],
  ["a@3 a@5x a@9 a@2", "9", 9],
  ["a@8~ a@5~ a@2", "8~ 5~ 2", 2],
  ["a@2 a@5~ a@8~", "8~ 5~ 2", 2],
  ["a@5~ a@2 a@8~ a@1 a@7~", "8~ 7~ 5~ 2", 2],
  ["a@8~ a@5~", "8~ 5~", 0],
  ["a@8~ a@5~ a@2 a@6x", "8~ 6x", 6],
  ["a@8~ a@8~", "8~", 0],
  ["a@5 a@5x", "5", 5],
  ["a@5~ a@5", "5", 5],
  ["a@5 a@5~", "5", 5],
  ["a@9~ a@5~ a@2~ a@5", "9~ 5", 5],
];

for (const [added, list, settled] of cases) {
  Deno.test(`Places keeps ${list} when ${added || "nothing"} is added`, () => {
    const places = new Places(2);
    const file = testFile(1);
    for (const { lsn, flags } of versions(added)) places.add(1, file, lsn, lsn * 10, lsn * 100, flags);
    assertEquals([listOf(places, 0), listOf(places, 1)], ["absent", list]);
    assertEquals(settledAt(places, 1), settled);
    for (let place = places.newestOf(1); place >= 0; place = places.olderThan(place)) {
      const lsn = places.lsnOf(place);
      assertEquals([places.offsetOf(place), places.lengthOf(place)], [lsn * 10, lsn * 100]);
      assertEquals([places.objectOf(place), places.seedOf(place)], [file.object, file.seed]);
    }
  });
}

Deno.test("Places forgets the places of one key", () => {
  const places = new Places(2);
  for (const key of [0, 1]) places.add(key, testFile(1), 3, 0, 0, 1);
  places.clear(0);
  assertEquals([listOf(places, 0), listOf(places, 1)], ["absent", "3"]);
});

Deno.test("Places stays as large as what is needed when a key has many versions", () => {
  const places = new Places(1);
  const file = testFile(1);
  for (let lsn = 1; lsn <= 10_000; lsn++) places.add(0, file, lsn, 0, 0, 1);
  assertEquals([listOf(places, 0), places.newestOf(0)], ["10000", 0]);
});
