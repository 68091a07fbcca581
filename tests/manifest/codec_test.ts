import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError, CorruptionError, noTimes } from "../../src/base/mod.ts";
import { apply, type Edit, type StoreState } from "../../src/manifest/mod.ts";
import { codeEdit, codeState } from "../../src/manifest/codec.ts";
import { Coder, varint } from "../../src/manifest/coder.ts";
import { cpuMilliseconds } from "../cpu_time.ts";
import { Random, seeds } from "../random.ts";
import { anyEdit, anyState, first, layer, sealed, segment, timeline } from "./manifest_fixture.ts";
import { noTurns } from "./memory_root.ts";

/** Reads bytes that stand somewhere within others. */
function readerOf(bytes: Uint8Array): Coder {
  const around = new Uint8Array(bytes.length + 20).fill(0xee);
  around.set(bytes, 13);
  return Coder.reader("/store/manifest", around.subarray(3), 10, bytes.length);
}

function encoded(edit: Edit): Uint8Array {
  const writer = Coder.writer();
  codeEdit(writer, edit);
  return writer.written;
}

function decoded(bytes: Uint8Array): Edit {
  const reader = readerOf(bytes);
  const edit = codeEdit(reader);
  assert(reader.left === 0, "an edit is read to its end");
  return edit;
}

async function copyOf(state: StoreState): Promise<StoreState> {
  const writer = Coder.writer();
  await codeState(writer, noTurns, state);
  const reader = readerOf(writer.written);
  const { version, storeId } = state;
  const copy = { version, storeId, ...await codeState(reader, noTurns) };
  assert(reader.left === 0, "a state is read to its end");
  return copy;
}

Deno.test("codeState() and codeEdit() read what they wrote, whatever it is", async () => {
  for (const seed of seeds("manifest codec", 20)) {
    const random = new Random(seed);
    let state = anyState(random, random.below(100));
    assertEquals(await copyOf(state), state);
    for (let i = 0; i < 20; i++) {
      const edit = anyEdit(random, state);
      assertEquals(decoded(encoded(edit)), edit);
      state = apply(state, edit);
    }
    assertEquals(
      decoded(encoded({ type: "addTimeline", timeline: state.timelines[0] ?? timeline(1) })).type,
      "addTimeline",
    );
  }
});

const largest = Number.MAX_SAFE_INTEGER;
const witness = { offset: largest, lsn: largest, isEnd: true };
const edits: Edit[] = [
  {
    type: "addTimeline",
    timeline: timeline(largest, { name: "\ufeffé🦕", created: largest, horizon: largest }),
  },
  {
    type: "addTimeline",
    timeline: timeline(2, { segments: [segment(1, { witness })], layers: [layer(2), layer(3)] }),
  },
  {
    type: "addTimeline",
    timeline: timeline(2, { ancestor: { id: largest, lsn: largest }, segments: [segment(1)] }),
  },
  { type: "dropTimeline", id: 1 },
  { type: "forgetTimeline", id: largest },
  { type: "addSegment", id: 1, segment: segment(2 ** 32 - 2, { fileId: largest, firstLsn: largest }) },
  { type: "dropSegments", id: 1, sequences: [3, 1, 2] },
  {
    type: "seal",
    id: largest,
    layer: sealed(1, { firstKey: new Uint8Array(512), lastKey: new Uint8Array(0) }),
    times: noTimes,
  },
  {
    type: "replaceLayers",
    id: 1,
    remove: [1, 2],
    add: [
      layer(1, { kind: "image", level: 8, horizon: largest, imageLsn: largest - 1 }),
      layer(2, { kind: "delta", level: 0 }),
    ],
  },
  { type: "replaceLayers", id: 1, remove: [], add: [] },
  { type: "witness", id: 1, sequence: 1, witness },
  { type: "horizon", id: 1, lsn: largest },
  { type: "generation", generation: 2 ** 32 - 1 },
  { type: "reserve", id: 1, nextSequence: 2 ** 32 - 1 },
  { type: "moveLayers", id: 1, sequences: [2 ** 32 - 2, 1], level: 8 },
  { type: "moveLayers", id: 1, sequences: [], level: 0 },
];

Deno.test("codeEdit() reads every edit with its largest numbers", () => {
  for (const edit of edits) assertEquals(decoded(encoded(edit)), edit);
});

Deno.test("codeEdit() throws CorruptionError for an edit that is cut anywhere", () => {
  for (const edit of edits) {
    const bytes = encoded(edit);
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(() => decoded(bytes.subarray(0, length)), CorruptionError);
    }
  }
});

Deno.test("codeEdit() throws nothing but CorruptionError, whatever bytes there are", () => {
  for (const seed of seeds("manifest bytes", 20)) {
    const random = new Random(seed);
    for (const edit of edits) {
      const bytes = encoded(edit);
      for (let i = 0; i < 50; i++) {
        const hostile = bytes.slice();
        const at = random.below(hostile.length);
        hostile.set(random.bytes(Math.min(hostile.length - at, random.from(1, 9))), at);
        try {
          codeEdit(readerOf(hostile));
        } catch (error) {
          assert(error instanceof CorruptionError, `${error}`);
        }
      }
    }
  }
});

Deno.test("codeState() and codeEdit() take no memory for items that cannot be there", async () => {
  const count = [0xff, 0xff, 0xff, 0xff];
  const head = encoded({ type: "addTimeline", timeline: timeline(1) }).slice(1, -8);
  const id = [1, 0, 0, 0, 0, 0, 0, 0];
  const hostile: number[][] = [
    [1, ...head, ...count, ...new Uint8Array(4096)],
    [1, ...head, 0, 0, 0, 0, ...count, ...new Uint8Array(4096)],
    [4, ...id, ...count, ...new Uint8Array(4096)],
    [6, ...id, 0, 0, 0, 0, ...count, ...new Uint8Array(4096)],
  ];
  const start = cpuMilliseconds();
  for (const bytes of hostile) assertThrows(() => decoded(Uint8Array.from(bytes)), CorruptionError, "items");
  const states = [[0, 0, 0, 0, ...count], [0, 0, 0, 0, 1, 0, 0, 0, ...head, ...count], [
    ...[0, 0, 0, 0, 1, 0, 0, 0, ...head, 0, 0, 0, 0, ...count],
  ]];
  for (const bytes of states) {
    const error = await codeState(readerOf(Uint8Array.from([...bytes, ...new Uint8Array(4096)])), noTurns)
      .catch((e) => e);
    assert(error instanceof CorruptionError && /items/.test(error.message), `${error}`);
  }
  assert(cpuMilliseconds() - start < 500);
});

Deno.test("varint() reads numbers in as few bytes as they need, and in no more", () => {
  const read = (...bytes: number[]) => {
    const reader = readerOf(new Uint8Array(bytes)), number = varint(reader);
    assertEquals(reader.left, 0);
    return number;
  };
  for (const number of [0, 1, 127, 128, 300, 16_383, 16_384, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
    const writer = Coder.writer();
    varint(writer, number);
    const bytes = [...writer.written], last = bytes.length - 1;
    assertEquals(read(...bytes), number);
    // The same number with zeros in front of its highest digits.
    const longer = [...bytes.with(last, bytes[last] + 0x80), 0];
    assertThrows(() => read(...longer), CorruptionError);
    assertThrows(() => read(...bytes.slice(0, -1)), CorruptionError);
  }
  assertThrows(() => read(0x80, 0), CorruptionError, "a number in as few bytes as it needs");
  assertThrows(() => read(...Array(8).fill(0xff), 1), CorruptionError, "a number of 53 bits");
});

Deno.test("codeEdit() writes no number that does not fit", () => {
  const wrong: Edit[] = [
    { type: "dropTimeline", id: -1 },
    { type: "dropTimeline", id: 2 ** 53 },
    { type: "horizon", id: 1, lsn: 1.5 },
    { type: "generation", generation: 2 ** 32 },
    { type: "generation", generation: NaN },
    { type: "addTimeline", timeline: timeline(1, { name: "x".repeat(65536) }) },
    { type: "seal", id: 1, layer: layer(1, { height: 256 }), times: noTimes },
    { type: "seal", id: 1, layer: layer(1, { versions: 2 ** 32 }), times: noTimes },
    { type: "seal", id: 1, layer: layer(1, { firstKey: new Uint8Array(65536) }), times: noTimes },
    // deno-lint-ignore no-explicit-any
    { type: "horizon", id: 1 } as any,
    // deno-lint-ignore no-explicit-any
    { type: "seal", id: 1, layer: layer(1, { kind: "other" as any }), times: noTimes },
    // deno-lint-ignore no-explicit-any
    { type: "nonsense" } as any,
  ];
  for (const edit of wrong) assertThrows(() => encoded(edit), AssertionError);
  assertEquals(first.timelines, []);
});
