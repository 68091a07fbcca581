/** Versions of a history in the order in which they are handed on: those that are no patches cost nothing. */

import { assertEquals } from "@std/assert";
import type { DamagedEntry, Entry } from "../../../src/timeline/mod.ts";
import type { PatchedEntry } from "../../../src/timeline/read/records/chains.ts";
import { RedoneVersions } from "../../../src/timeline/read/redone_versions.ts";
import { bytesOf } from "./layers.ts";
import { ObjectsFixture } from "./objects_fixture.ts";

const key = bytesOf("k");

function put(lsn: number): Entry {
  return { key, lsn, value: bytesOf(`${lsn}`) };
}

function patch(lsn: number): PatchedEntry {
  return {
    key,
    lsn,
    value: undefined,
    patches: { isWhole: false, base: undefined, patches: [bytesOf("p")] },
  };
}

/** What is handed on at once of versions that were read: how many, by their LSNs. */
async function takenOf(read: readonly Entry[], reverse: boolean): Promise<number[][]> {
  await using fixture = await ObjectsFixture.make();
  const redone = new RedoneVersions(fixture.objects, fixture.view(), key, reverse), left = [...read];
  const taken: (Entry | DamagedEntry)[][] = [];
  while (left.length > 0) taken.push(await redone.take(left));
  return taken.map((some) => some.map(({ lsn }) => lsn as number));
}

Deno.test("RedoneVersions hands versions that are no patches on at once, whichever way they come", async () => {
  const puts = Array.from({ length: 1000 }, (_, i) => put(i + 1)),
    lsns = puts.map(({ lsn }) => lsn as number);
  assertEquals(await takenOf(puts, false), [lsns]);
  assertEquals(await takenOf(puts.toReversed(), true), [lsns.toReversed()]);
});

Deno.test("RedoneVersions hands patches on with what they stand on, in groups from new to old", async () => {
  const read = [put(1), put(2), patch(3), patch(4), put(5), patch(6)];
  assertEquals(await takenOf(read, false), [[1, 2], [3, 4], [5], [6]]);
  assertEquals(await takenOf(read.toReversed(), true), [[6, 5], [4, 3, 2], [1]]);
});
