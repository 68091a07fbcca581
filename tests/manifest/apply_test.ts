import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, noTimes } from "../../src/base/mod.ts";
import { apply, type Edit, type StoreState, type TimelineState } from "../../src/manifest/mod.ts";
import { Random, seeds } from "../random.ts";
import { anyEdit, anyState, deepFreeze, first, layer, segment, timeline } from "./manifest_fixture.ts";

/** Layers 1, 2 and 5, segments 3, 4 and 6. */
const full = timeline(7, {
  horizon: 50,
  nextSequence: 7,
  layers: [layer(1), layer(2), layer(5, { kind: "delta", firstLsn: 250, lastLsn: 260 })],
  segments: [segment(3), segment(4, { witness: { offset: 8192, lsn: 450, isEnd: false } }), segment(6)],
});
const state: StoreState = deepFreeze({
  ...first,
  generation: 3,
  timelines: [timeline(1), full, timeline(9)],
});

/** What timeline 7 is after an edit, next to what it was. */
function changed(edits: Edit | Edit[]): Partial<TimelineState> {
  const next = apply(state, deepFreeze(edits));
  assertEquals(next.timelines.map(({ id }) => id), [1, 7, 9]);
  assert(
    next.timelines[0] === state.timelines[0] && next.timelines[2] === state.timelines[2],
    "others are shared",
  );
  assertEquals([next.version, next.storeId, next.generation], [
    state.version,
    state.storeId,
    state.generation,
  ]);
  const entries = Object.entries(next.timelines[1]).filter(([name, value]) =>
    value !== full[name as keyof TimelineState]
  );
  return Object.fromEntries(entries);
}

const [layer1, layer2, layer5] = full.layers;
const [segment3, segment4, segment6] = full.segments;
const witness = { offset: 4096, lsn: 349, isEnd: true };
const delta = (sequence: number, firstLsn: number) =>
  layer(sequence, { kind: "delta", firstLsn, lastLsn: 999 });

const cases: [string, Edit | Edit[], Partial<TimelineState>][] = [
  ["addSegment", { type: "addSegment", id: 7, segment: segment(8) }, {
    segments: [...full.segments, segment(8)],
    nextSequence: 9,
  }],
  ["dropSegments", { type: "dropSegments", id: 7, sequences: [6, 3] }, { segments: [segment4] }],
  ["dropSegments of none", { type: "dropSegments", id: 7, sequences: [] }, {}],
  ["seal, by its LSN", { type: "seal", id: 7, layer: layer(3), times: noTimes }, {
    segments: [segment4, segment6],
    layers: [layer1, layer2, layer5, layer(3)],
  }],
  ["seal, out of order", { type: "seal", id: 7, layer: layer(6), times: noTimes }, {
    segments: [segment3, segment4],
    layers: [...full.layers, layer(6)],
  }],
  [
    "several seals",
    [4, 3].map((sequence) => ({ type: "seal", id: 7, layer: layer(sequence), times: noTimes })),
    {
      segments: [segment6],
      layers: [...full.layers, layer(3), layer(4)],
    },
  ],
  ["replaceLayers", { type: "replaceLayers", id: 7, remove: [5, 1], add: [delta(8, 300), delta(7, 1)] }, {
    layers: [delta(7, 1), layer2, delta(8, 300)],
    nextSequence: 9,
  }],
  ["replaceLayers by none", { type: "replaceLayers", id: 7, remove: [2], add: [] }, {
    layers: [layer1, layer5],
  }],
  ["replaceLayers of all", { type: "replaceLayers", id: 7, remove: [1, 2, 5], add: [] }, { layers: [] }],
  ["replaceLayers by one of the same sequence", [
    { type: "replaceLayers", id: 7, remove: [2], add: [delta(2, 1)] },
    { type: "replaceLayers", id: 7, remove: [2], add: [] },
    { type: "replaceLayers", id: 7, remove: [1], add: [delta(2, 270)] },
  ], { layers: [layer5, delta(2, 270)] }],
  ["moveLayers", { type: "moveLayers", id: 7, sequences: [5, 1], level: 7 }, {
    layers: [{ ...layer1, level: 7 }, layer2, { ...layer5, level: 7 }],
  }],
  ["moveLayers of none", { type: "moveLayers", id: 7, sequences: [], level: 7 }, {}],
  ["seal, then moveLayers, then again, then the end of one", [
    { type: "seal", id: 7, layer: layer(3), times: noTimes },
    { type: "moveLayers", id: 7, sequences: [3, 2], level: 4 },
    { type: "moveLayers", id: 7, sequences: [2, 3], level: 8 },
    { type: "replaceLayers", id: 7, remove: [2], add: [] },
  ], { segments: [segment4, segment6], layers: [layer1, layer5, { ...layer(3), level: 8 }] }],
  ["seal, whatever level is said", { type: "seal", id: 7, layer: layer(3, { level: 5 }), times: noTimes }, {
    segments: [segment4, segment6],
    layers: [layer1, layer2, layer5, layer(3)],
  }],
  ["replaceLayers of none", { type: "replaceLayers", id: 7, remove: [], add: [delta(7, 200)] }, {
    layers: [layer1, layer2, delta(7, 200), layer5],
    nextSequence: 8,
  }],
  ["seal, then replaceLayers", [
    { type: "seal", id: 7, layer: layer(3), times: noTimes },
    { type: "replaceLayers", id: 7, remove: [3, 5], add: [delta(7, 250)] },
  ], { segments: [segment4, segment6], layers: [layer1, layer2, delta(7, 250)], nextSequence: 8 }],
  ["witness", { type: "witness", id: 7, sequence: 3, witness }, {
    segments: [{ ...segment3, witness }, segment4, segment6],
  }],
  ["witness again", { type: "witness", id: 7, sequence: 4, witness }, {
    segments: [segment3, { ...segment4, witness }, segment6],
  }],
  ["horizon", { type: "horizon", id: 7, lsn: 51 }, { horizon: 51 }],
  ["horizon as it is", { type: "horizon", id: 7, lsn: 50 }, {}],
  ["horizon that is behind", { type: "horizon", id: 7, lsn: 49 }, {}],
  ["sequences that are taken", { type: "reserve", id: 7, nextSequence: 12 }, { nextSequence: 12 }],
  ["sequences that were taken by others meanwhile", { type: "reserve", id: 7, nextSequence: 2 }, {}],
];

for (const [name, edits, expected] of cases) {
  Deno.test(`apply() changes a timeline: ${name}`, () => assertEquals(changed(edits), expected));
}

Deno.test("apply() shares what an edit leaves alone", () => {
  const next = apply(state, { type: "horizon", id: 7, lsn: 90 }).timelines[1];
  assert(next.layers === full.layers && next.segments === full.segments);
  assert(apply(state, []).timelines === state.timelines);
});

Deno.test("apply() adds and drops timelines, and raises the generation", () => {
  const ids = (edits: Edit[]) => apply(state, edits).timelines.map(({ id }) => id);
  const add = (id: number, name = `t${id}`): Edit => ({
    type: "addTimeline",
    timeline: timeline(id, { name }),
  });
  const drop = (id: number): Edit => ({ type: "dropTimeline", id });
  assertEquals(ids([add(4)]), [1, 7, 9, 4]);
  assertEquals(ids([drop(7)]), [1, 9]);
  assertEquals(ids([drop(7), add(5, "t7")]), [1, 9, 5], "a name is free again");
  assertEquals(ids([add(5), drop(5), add(6, "t5")]), [1, 7, 9, 6]);
  assertEquals(ids([drop(7), add(7), drop(1), drop(7), add(7)]), [9, 7], "and so is an id");
  assertEquals(ids([add(5), { type: "addSegment", id: 5, segment: segment(1) }, drop(1)]), [7, 9, 5]);
  assertEquals(apply(state, { type: "generation", generation: 9 }).generation, 9);
  const many = Array.from({ length: 20 }, (_, i) => add(100 + i));
  assertEquals(ids([...many, ...many.map((_, i) => drop(100 + i))]), [1, 7, 9]);
});

Deno.test("apply() judges what edits come to, and not what lies between", () => {
  const [drop, add]: Edit[] = [
    { type: "dropTimeline", id: 9 },
    { type: "addTimeline", timeline: timeline(2, { name: "t9" }) },
  ];
  assertEquals(apply(state, [add, drop]).timelines.map(({ name }) => name), ["t1", "t7", "t9"]);
  const wrong: Edit = { type: "addSegment", id: 7, segment: segment(8, { firstLsn: 600 }) };
  assertEquals(changed([wrong, { type: "dropSegments", id: 7, sequences: [8] }]), { nextSequence: 9 });
});

const misfits: [string, Edit | Edit[]][] = [
  ["a timeline that is not there", { type: "dropTimeline", id: 2 }],
  ["an edit of one that is not there", { type: "horizon", id: 2, lsn: 1 }],
  ["an edit of one that is gone", [{ type: "dropTimeline", id: 7 }, { type: "horizon", id: 7, lsn: 60 }]],
  ["the same id", { type: "addTimeline", timeline: timeline(7, { name: "other" }) }],
  ["the same name", { type: "addTimeline", timeline: timeline(2, { name: "t9" }) }],
  ["no name", { type: "addTimeline", timeline: timeline(2, { name: "" }) }],
  ["half a character", { type: "addTimeline", timeline: timeline(2, { name: "\ud800" }) }],
  ["a name too long", { type: "addTimeline", timeline: timeline(2, { name: "x".repeat(129) }) }],
  ["a sequence that was there", { type: "addSegment", id: 7, segment: segment(6, { firstLsn: 900 }) }],
  ["a segment before others", { type: "addSegment", id: 7, segment: segment(8, { firstLsn: 600 }) }],
  ["a segment of LSN 0", { type: "addSegment", id: 1, segment: segment(8, { firstLsn: 0 }) }],
  ["a sequence of 33 bits", { type: "addSegment", id: 7, segment: segment(2 ** 32) }],
  ["a fraction", { type: "addSegment", id: 7, segment: segment(8, { fileId: 1.5 }) }],
  ["the end of a layer as a segment", { type: "dropSegments", id: 7, sequences: [1] }],
  ["the same segment twice", { type: "dropSegments", id: 7, sequences: [3, 3] }],
  ["a seal of no segment", { type: "seal", id: 7, layer: layer(2), times: noTimes }],
  ["a seal of another file", { type: "seal", id: 7, layer: layer(3, { fileId: 1 }), times: noTimes }],
  ["a seal of another LSN", { type: "seal", id: 7, layer: layer(3, { firstLsn: 299 }), times: noTimes }],
  ["a seal of another generation", {
    type: "seal",
    id: 7,
    layer: layer(3, { generation: 2 }),
    times: noTimes,
  }],
  ["a seal into an image", { type: "seal", id: 7, layer: layer(3, { kind: "image" }), times: noTimes }],
  ["a layer that ends before it starts", {
    type: "seal",
    id: 7,
    layer: layer(3, { lastLsn: 299 }),
    times: noTimes,
  }],
  ["the end of a layer that is none", { type: "replaceLayers", id: 7, remove: [3], add: [] }],
  ["the end of a layer twice", { type: "replaceLayers", id: 7, remove: [1, 1], add: [] }],
  ["a layer that is there", { type: "replaceLayers", id: 7, remove: [], add: [delta(2, 1)] }],
  ["a layer where a segment is", { type: "replaceLayers", id: 7, remove: [], add: [delta(4, 1)] }],
  ["two layers alike", { type: "replaceLayers", id: 7, remove: [], add: [delta(7, 1), delta(7, 2)] }],
  ["a layer in place of itself, but for its keys", {
    type: "replaceLayers",
    id: 7,
    remove: [2],
    add: [layer(2, { firstKey: Uint8Array.of(9) })],
  }],
  ["a move of a layer that is none", { type: "moveLayers", id: 7, sequences: [1, 3], level: 1 }],
  ["a move of a layer twice", { type: "moveLayers", id: 7, sequences: [1, 1], level: 1 }],
  ["a move of a layer that is gone", [
    { type: "replaceLayers", id: 7, remove: [1], add: [] },
    { type: "moveLayers", id: 7, sequences: [1], level: 1 },
  ]],
  ["a move beyond all levels", { type: "moveLayers", id: 7, sequences: [1], level: 9 }],
  ["a layer beyond all levels", { type: "replaceLayers", id: 7, remove: [], add: [layer(8, { level: 9 })] }],
  ["more layers than there are", { type: "replaceLayers", id: 7, remove: [1, 2, 5, 6], add: [] }],
  ["a layer whose sequence leaves none for the next", {
    type: "replaceLayers",
    id: 7,
    remove: [],
    add: [delta(2 ** 32 - 1, 1)],
  }],
  ["a witness of a layer", { type: "witness", id: 7, sequence: 1, witness }],
  ["a witness below zero", { type: "witness", id: 7, sequence: 3, witness: { ...witness, offset: -1 } }],
  ["a horizon that is none", { type: "horizon", id: 7, lsn: 50.5 }],
  ["a next sequence of 33 bits", { type: "reserve", id: 7, nextSequence: 2 ** 32 }],
  ["a generation that stays", { type: "generation", generation: 3 }],
  ["a generation of 33 bits", { type: "generation", generation: 2 ** 32 }],
  ["a timeline whose layers stand in no order", {
    type: "addTimeline",
    timeline: timeline(2, { nextSequence: 9, layers: [layer(2), layer(1)] }),
  }],
  ["a timeline with two layers alike", {
    type: "addTimeline",
    timeline: timeline(2, { nextSequence: 9, layers: [layer(2), delta(2, 900)] }),
  }],
  ["a timeline with a layer like a segment", {
    type: "addTimeline",
    timeline: timeline(2, { nextSequence: 9, layers: [layer(2)], segments: [segment(2)] }),
  }],
  ["a timeline whose next sequence is taken", {
    type: "addTimeline",
    timeline: timeline(2, { nextSequence: 2, layers: [layer(2)] }),
  }],
];

for (const [name, edits] of misfits) {
  Deno.test(`apply() refuses what does not fit: ${name}`, () => {
    assertThrows(() => apply(state, edits), AssertionError);
  });
}

Deno.test("apply() puts any number of layers where they belong", () => {
  const count = 150_000;
  const layers = Array.from({ length: count }, (_, i) => layer(i + 1));
  const full = timeline(1, { layers: layers.filter((_, i) => i % 3 > 0), nextSequence: count + 1 });
  const add = layers.filter((_, i) => i % 3 === 0).reverse();
  const remove = layers.filter((_, i) => i % 3 === 1).map(({ sequence }) => sequence);
  const next = apply({ ...first, timelines: [full] }, { type: "replaceLayers", id: 1, remove, add });
  const sequences = next.timelines[0].layers.map(({ sequence }) => sequence);
  assertEquals(sequences.length, count / 3 * 2);
  assert(sequences.every((sequence, i) => sequence === Math.floor(i / 2) * 3 + (i % 2 === 0 ? 1 : 3)));
});

Deno.test("apply() of many edits at once does as of one after the other", () => {
  for (const seed of seeds("manifest apply", 10)) {
    const random = new Random(seed);
    const start = deepFreeze(anyState(random, 30));
    const edits: Edit[] = [];
    let state = start;
    for (let i = 0; i < 60; i++) {
      const edit = anyEdit(random, state);
      edits.push(edit);
      state = deepFreeze(apply(state, edit));
    }
    assertEquals(apply(start, edits), state);
  }
});
