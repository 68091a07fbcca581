/** What is planned can be told forwards and backwards. */

import { assert, assertEquals } from "@std/assert";
import { compareKeys } from "../../../src/base/mod.ts";
import { sameBytes } from "../../store/bytes.ts";
import { type PlannedKey, PlannedTimeline, type PlannedVersion } from "./planned_timeline.ts";
import { shortShape } from "./shape.ts";

const batches = 500, seed = 5;

/** Every version of every key, as batches bring them. */
function versionsOf(planned: PlannedTimeline): Map<string, PlannedVersion[]> {
  const all = new Map<string, PlannedVersion[]>();
  for (let batch = 1; batch <= batches; batch++) {
    for (const key of planned.keysOf(batch)) {
      const name = `${key.set} ${key.index}`, lsn = planned.lsnOf(batch);
      const version = planned.versionAt(key, lsn)!;
      assertEquals(version.lsn, lsn, `${name} is of the batch that has it`);
      all.set(name, [...all.get(name) ?? [], version]);
    }
  }
  return all;
}

function* keysOf({ plan: { sets } }: PlannedTimeline): Generator<PlannedKey> {
  for (const [set, { bits }] of sets.entries()) {
    for (let index = 0; index < 2 ** bits; index++) yield { set, index };
  }
}

for (const plan of shortShape.lines) {
  Deno.test(`PlannedTimeline "${plan.name}" finds the versions that its batches bring, as of any LSN`, () => {
    const planned = new PlannedTimeline(seed, plan), all = versionsOf(planned), last = planned.lsnOf(batches);
    let deletions = 0;
    for (const key of keysOf(planned)) {
      const expected = all.get(`${key.set} ${key.index}`) ?? [];
      assertEquals(planned.versionsBetween(key, 1, last), expected);
      deletions += expected.filter(({ value }) => value === undefined).length;
      for (const lsn of [0, 1, planned.lsnOf(33), planned.lsnOf(250) + plan.stride - 1, last]) {
        const at = expected.findLast((version) => version.lsn <= lsn);
        assertEquals(planned.versionAt(key, lsn), at);
      }
      const [from, to] = [planned.lsnOf(100), planned.lsnOf(300)];
      assertEquals(
        planned.versionsBetween(key, from, to),
        expected.filter(({ lsn }) => lsn >= from && lsn <= to),
      );
    }
    const versions = [...all.values()].flat().length;
    assert(
      deletions > versions / 32 && deletions < versions / 8,
      `${deletions} of ${versions} are deletions`,
    );
    const values = [...all.values()].flat().flatMap(({ value }) => value === undefined ? [] : [value]);
    assertEquals(new Set(values.map((value) => value.toHex())).size, values.length, "no two are the same");
  });

  Deno.test(`PlannedTimeline "${plan.name}" tells how much can be read from a horizon on`, () => {
    const planned = new PlannedTimeline(seed, plan), all = versionsOf(planned), last = planned.lsnOf(batches);
    const sizeOf = (key: PlannedKey, { value }: PlannedVersion) =>
      24 + planned.key(key).length + (value?.length ?? 0);
    for (const horizon of [0, planned.lsnOf(200), last, planned.lsnOf(100)]) {
      let bytes = 0;
      for (const key of keysOf(planned)) {
        const versions = all.get(`${key.set} ${key.index}`) ?? [];
        for (const version of versions) if (version.lsn > horizon) bytes += sizeOf(key, version);
        const kept = versions.findLast(({ lsn }) => lsn <= horizon);
        if (kept?.value !== undefined) bytes += sizeOf(key, kept);
      }
      assertEquals(planned.readableBytes(horizon, last), bytes, `horizon ${horizon}`);
    }
  });
}

Deno.test("PlannedTimeline is another one for another seed, and has its keys in order", () => {
  const [main] = shortShape.lines, [a, b] = [1, 2].map((seed) => new PlannedTimeline(seed, main));
  const [first] = a.keysOf(1);
  assert(!sameBytes(a.versionAt(first, a.lsnOf(9))?.value, b.versionAt(first, b.lsnOf(9))?.value));
  const keys = [...keysOf(a)].map((key) => a.key(key));
  assertEquals(keys, keys.toSorted(compareKeys));
});
