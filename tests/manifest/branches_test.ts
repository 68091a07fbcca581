/** Timelines that go on from others, as the manifest has them. */

import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../src/base/mod.ts";
import { apply, type Edit, leastBranchOf, type StoreState } from "../../src/manifest/mod.ts";
import { deepFreeze, first, timeline } from "./manifest_fixture.ts";

/** main ─ 40 ─► b ─ 30 ─► c, main ─ 60 ─► d */
const state: StoreState = deepFreeze({
  ...first,
  timelines: [
    timeline(1, { name: "main", horizon: 20 }),
    timeline(2, { name: "b", ancestor: { id: 1, lsn: 40 }, horizon: 25 }),
    timeline(3, { name: "c", ancestor: { id: 2, lsn: 30 } }),
    timeline(4, { name: "d", ancestor: { id: 1, lsn: 60 } }),
  ],
  dropped: [7],
});

const branch = (id: number, lsn: number): Edit => ({
  type: "addTimeline",
  timeline: timeline(9, { ancestor: { id, lsn } }),
});

Deno.test("leastBranchOf() finds the lowest LSN that anything goes on from, also by way of others", () => {
  const least = [1, 2, 3, 4].map((id) => leastBranchOf(state, id));
  const c = { timeline: "c", lsn: 30 };
  assertEquals(least, [c, c, undefined, undefined]);
  assertEquals(leastBranchOf(apply(state, { type: "dropTimeline", id: 3 }), 1), { timeline: "b", lsn: 40 });
});

const fits: [string, Edit | Edit[]][] = [
  ["a branch at the horizon", branch(1, 20)],
  ["a branch of a branch, as far as both horizons let it", branch(2, 25)],
  ["a horizon as far as the lowest branch", { type: "horizon", id: 1, lsn: 30 }],
  ["a horizon further, once that branch is gone", [
    { type: "dropTimeline", id: 3 },
    { type: "horizon", id: 1, lsn: 40 },
  ]],
  ["a horizon of a branch that nothing goes on from", { type: "horizon", id: 4, lsn: 1000 }],
  ["the end of a timeline, and before it of all that goes on from it", [
    { type: "dropTimeline", id: 3 },
    { type: "dropTimeline", id: 2 },
  ]],
];

for (const [name, edits] of fits) {
  Deno.test(`apply() takes ${name}`, () => {
    apply(state, edits);
  });
}

const misfits: [string, Edit | Edit[]][] = [
  ["a branch of what is not there", branch(8, 40)],
  ["a branch of what was dropped", branch(7, 40)],
  ["a branch of itself", branch(9, 0)],
  ["a branch below the horizon", branch(1, 19)],
  ["a branch below the horizon of what its ancestor goes on from", branch(3, 19)],
  ["a branch at no LSN", branch(1, 30.5)],
  ["a horizon beyond a branch", { type: "horizon", id: 2, lsn: 31 }],
  ["a horizon beyond a branch of a branch", { type: "horizon", id: 1, lsn: 31 }],
  ["the end of what others go on from", { type: "dropTimeline", id: 2 }],
  ["the end of what was dropped", { type: "dropTimeline", id: 7 }],
  ["to forget what is there", { type: "forgetTimeline", id: 4 }],
  ["to forget twice", [{ type: "forgetTimeline", id: 7 }, { type: "forgetTimeline", id: 7 }]],
];

for (const [name, edits] of misfits) {
  Deno.test(`apply() refuses what does not fit: ${name}`, () => {
    assertThrows(() => apply(state, edits), AssertionError);
  });
}

Deno.test("apply() remembers what was dropped until it is forgotten, or its id is taken again", () => {
  const dropped = (...edits: Edit[]) => apply(state, edits).dropped;
  assertEquals(dropped({ type: "dropTimeline", id: 3 }), [7, 3]);
  assertEquals(dropped({ type: "dropTimeline", id: 3 }, { type: "forgetTimeline", id: 7 }), [3]);
  assertEquals(dropped({ type: "addTimeline", timeline: timeline(7) }), []);
  assertEquals(apply(state, { type: "horizon", id: 1, lsn: 21 }).dropped === state.dropped, true);
});
