/** Every way to damage a manifest: it is reported, or taken for a torn end of which nobody was told. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AssertionError, CorruptionError, LimitError, VarveError } from "../../src/base/mod.ts";
import { Manifest, type StoreState } from "../../src/manifest/mod.ts";
import { codeState } from "../../src/manifest/codec.ts";
import { Coder } from "../../src/manifest/coder.ts";
import { firstPlace, frameBytes, type FrameKind, putFrame, putHeader } from "../../src/manifest/frame.ts";
import { manifestName } from "../../src/manifest/names.ts";
import { readManifest } from "../../src/manifest/read_manifest.ts";
import { cpuMilliseconds } from "../cpu_time.ts";
import { Random } from "../random.ts";
import { anyEdit, anyState, first, layer, timeline } from "./manifest_fixture.ts";
import { MemoryRoot, noTurns } from "./memory_root.ts";

const name = manifestName(1);

/** A manifest of a snapshot and five edits of a block each, and the states after the snapshot and each of them. */
async function sample(isClosed: boolean): Promise<{ bytes: Uint8Array<ArrayBuffer>; states: StoreState[] }> {
  const random = new Random(5);
  const root = new MemoryRoot();
  const start = { ...anyState(random, 40), version: 1 };
  const manifest = await Manifest.create(root.home, start);
  const states = [manifest.state];
  for (let i = 0; i < 5; i++) {
    // A generation apart, so that no two states are alike.
    states.push(
      await manifest.commit([anyEdit(random, manifest.state), {
        type: "generation",
        generation: 100 + 10 * i,
      }]),
    );
  }
  if (isClosed) await manifest.close();
  return { bytes: root.files.get(name)!, states };
}

/** What a file says: which of the states it is, or that it is damaged. */
async function judge(bytes: Uint8Array<ArrayBuffer>, known: readonly string[]): Promise<number | "damaged"> {
  try {
    const { state } = await readManifest(name, bytes, 1, noTurns);
    const found = known.indexOf(textOf(state));
    assert(found >= 0, "never a state that was not there");
    return found;
  } catch (error) {
    if (error instanceof CorruptionError) return "damaged";
    throw error;
  }
}

/** A state in words: fields in the order of their names. */
function textOf(state: StoreState): string {
  return JSON.stringify(state, (_, value) => {
    if (value instanceof Uint8Array) return value.toHex();
    if (typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

/** Where the frames end. */
async function endOf(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  return (await readManifest(name, bytes, 1, noTurns)).end.offset;
}

for (const isClosed of [false, true]) {
  const words = isClosed ? "that was closed" : "that nobody closed";

  Deno.test(`readManifest() notices every byte that is missing of a file ${words}`, async () => {
    const { bytes, states } = await sample(isClosed);
    const known = states.map(textOf);
    assertEquals(await judge(bytes, known), 5);
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(await judge(bytes.slice(0, length), known), "damaged", `${length} bytes`);
    }
    assertEquals(await judge(new Uint8Array([...bytes, 1, 2, 3]), known), 5, "more is no damage");
  });

  Deno.test(`readManifest() notices every bit that is flipped in a file ${words}`, async () => {
    const { bytes, states } = await sample(isClosed);
    const known = states.map(textOf);
    const end = await endOf(bytes);
    // What nobody was told of looks torn: the last edits without a closing frame behind them, or that itself.
    const lastStart = end - 4096;
    const counts = { damaged: 0, torn: 0, harmless: 0 };
    for (let at = 0; at < bytes.length; at += at < end ? 1 : 97) {
      const bits = at < end && (bytes[at] !== 0 || at % 4096 < 64)
        ? [1, 2, 4, 8, 16, 32, 64, 128]
        : [1 << at % 8];
      for (const bit of bits) {
        bytes[at] ^= bit;
        const found = await judge(bytes, known);
        bytes[at] ^= bit;
        const place = `bit ${bit} of byte ${at}`;
        if (at >= end) assertEquals(found, 5, place);
        else if (at < lastStart) assertEquals(found, "damaged", place);
        else assert(found === "damaged" || found === (isClosed ? 5 : 4), place);
        if (at >= end) counts.harmless++;
        else counts[found === "damaged" ? "damaged" : "torn"]++;
      }
    }
    assert(counts.damaged > 25_000 && counts.torn > 4_000 && counts.harmless > 100, JSON.stringify(counts));
  });

  Deno.test(`readManifest() notices every block that stands in another's place in a file ${words}`, async () => {
    const { bytes, states } = await sample(isClosed);
    const known = states.map(textOf);
    const end = await endOf(bytes);
    for (let to = 0; to <= end; to += 4096) {
      for (let from = 0; from <= end; from += 4096) {
        const damaged = bytes.slice();
        damaged.copyWithin(to, from, from + 4096);
        const found = await judge(damaged, known);
        const isLast = to === end - 4096;
        if (from === to || to === end) assertEquals(found, 5);
        else assert(found === "damaged" || isLast && found === (isClosed ? 5 : 4), `${from} at ${to}`);
      }
    }
  });
}

Deno.test("readManifest() tells a torn frame from a damaged one by what stands behind it", async () => {
  const { bytes, states } = await sample(false);
  const known = states.map(textOf);
  const end = await endOf(bytes);
  const frame = (i: number) => end - (5 - i) * 4096;
  for (let i = 0; i < 5; i++) {
    const damaged = bytes.slice().fill(0, frame(i), frame(i) + 4096);
    assertEquals(await judge(damaged, known), i < 4 ? "damaged" : 4);
    // The head of a frame proves as much as the whole: it was begun when the one before was durable.
    damaged.fill(0, frame(i) + 4096 + 40, end);
    assertEquals(await judge(damaged, known), i < 4 ? "damaged" : 4);
  }
  for (let i = 0; i < 5; i++) assertEquals(await judge(bytes.slice().fill(0, frame(i), end), known), i);
});

Deno.test("readManifest() refuses a block of an earlier time, and one of another store or version", async () => {
  const { bytes, states } = await sample(false);
  const known = states.map(textOf);
  const end = await endOf(bytes);
  const others: MemoryRoot[] = [];
  for (const start of [{ ...states[0], storeId: "cd".repeat(16) }, { ...states[0], version: 2 }, states[0]]) {
    const root = new MemoryRoot();
    const manifest = await Manifest.create(root.home, start);
    // They fit whatever comes before and behind them.
    for (let i = 1; i <= 8; i++) {
      await manifest.commit({ type: "addTimeline", timeline: timeline(2 ** 50 + i) });
    }
    others.push(root);
  }
  const first = end - 5 * 4096;
  for (const [i, root] of others.entries()) {
    const [other] = root.files.values();
    for (const at of [first, first + 4096]) {
      const damaged = bytes.slice();
      damaged.set(other.subarray(at, at + 4096), at);
      assertEquals(await judge(damaged, known), "damaged", `other ${i}`);
    }
    const tail = bytes.slice();
    tail.set(other.subarray(first, first + 4096), end);
    assertEquals(await judge(tail, known), 5, "it is no frame of this place");
    // A later frame proves something only if it is one of this file: blocks of the disk are used again.
    const later = bytes.slice();
    later.set(other.subarray(end + 4096, end + 8192), end + 4096);
    assertEquals(await judge(later, known), i === 2 ? "damaged" : 5, `later frame of other ${i}`);
  }
});

/** A file that holds any bodies, with the right checksums. */
function stamped(
  bodies: readonly (Uint8Array | number[])[],
  more: { room?: number; firstRoom?: number; kinds?: readonly FrameKind[] } = {},
) {
  const identity = { storeId: first.storeId, version: 1 };
  const sizes = bodies.map(({ length }) => frameBytes(length));
  const length = 4096 + sizes.reduce((sum, size) => sum + size, 0) + 8192;
  const bytes = new Uint8Array(length);
  putHeader(bytes, identity);
  let place = firstPlace;
  for (const [ordinal, body] of bodies.entries()) {
    const frame = bytes.subarray(place.offset, place.offset + sizes[ordinal]);
    const kind = more.kinds?.[ordinal] ?? (ordinal === 0 ? "snapshot" : "edits");
    const room = (ordinal === 0 ? more.firstRoom : more.room) ?? length;
    place = putFrame(frame, identity, place, { kind, body: Uint8Array.from(body), room });
  }
  return bytes;
}

const noTimelines = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

Deno.test("readManifest() says of a file without a whole header how long it is", async () => {
  for (const [length, found] of [[0, "an empty file"], [100, "a file of 100 bytes"]] as const) {
    const error = await assertRejects(
      () => readManifest(name, new Uint8Array(length), 1, noTurns),
      CorruptionError,
    );
    assertEquals([error.offset, error.expected, error.found], [0, "the header of a manifest", found]);
  }
});

Deno.test("readManifest() reports hostile contents whose checksums are right", async () => {
  assertEquals((await readManifest(name, stamped([noTimelines]), 1, noTurns)).state, first);
  const hostile: [string, Uint8Array<ArrayBuffer>][] = [
    ["nothing", stamped([[]])],
    ["more behind the state", stamped([[...noTimelines, 0]])],
    ["2^32 dropped timelines", stamped([[1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]])],
    ["no dropped timeline to forget", stamped([noTimelines, [12, 1, 0, 0, 0, 0, 0, 0, 0]])],
    ["2^32 timelines", stamped([[1, 0, 0, 0, 255, 255, 255, 255]])],
    ["an edit of no type", stamped([noTimelines, [0]])],
    ["an edit of an unknown type", stamped([noTimelines, [77]])],
    ["a generation that stays", stamped([noTimelines, [9, 1, 0, 0, 0]])],
    ["no timeline to drop", stamped([noTimelines, [2, 1, 0, 0, 0, 0, 0, 0, 0]])],
    ["a number over 2^53", stamped([noTimelines, [2, 1, 0, 0, 0, 0, 0, 0, 1]])],
    ["edits in place of a snapshot", stamped([noTimelines], { kinds: ["edits"] })],
    ["a second snapshot", stamped([noTimelines, noTimelines], { kinds: ["snapshot", "snapshot"] })],
    ["a file that was superseded", stamped([noTimelines, []], { kinds: ["snapshot", "superseded"] })],
    ["less room than frames", stamped([noTimelines, []], { room: 12288 })],
    ["a frame behind the room", stamped([noTimelines, []], { firstRoom: 12288 - 1 })],
    ["no block left behind the snapshot", stamped([noTimelines], { firstRoom: 8192 })],
    ["more room than bytes", stamped([noTimelines, []], { room: 1 << 20 })],
  ];
  for (const [words, bytes] of hostile) {
    await assertRejects(() => readManifest(name, bytes, 1, noTurns), CorruptionError, undefined, words);
  }
});

Deno.test("readManifest() reports states that cannot be", async () => {
  const states: StoreState["timelines"][] = [
    [timeline(1), timeline(1, { name: "other" })],
    [timeline(1), timeline(2, { name: "t1" })],
    [timeline(0)],
    [timeline(1, { layers: [layer(2), layer(1)], nextSequence: 9 })],
    [timeline(1, { layers: [layer(2, { tombstones: 101 })], nextSequence: 9 })],
    [timeline(1, { ancestor: { id: 1, lsn: 0 } })],
    [timeline(1, { ancestor: { id: 2, lsn: 0 } })],
    [timeline(2, { ancestor: { id: 1, lsn: 0 } }), timeline(1)],
    [timeline(1, { horizon: 9 }), timeline(2, { ancestor: { id: 1, lsn: 8 } })],
  ];
  for (const timelines of states) {
    const writer = Coder.writer();
    await codeState(writer, noTurns, { ...first, timelines });
    await assertRejects(() => readManifest(name, stamped([writer.written]), 1, noTurns), CorruptionError);
    if (timelines.length === 1) {
      await assertRejects(
        () => Manifest.create(new MemoryRoot().home, { ...first, timelines }),
        AssertionError,
      );
    }
  }
});

Deno.test("readManifest() takes little time for a large file full of heads", async () => {
  const bytes = stamped([noTimelines]);
  const large = new Uint8Array(64 << 20);
  large.set(bytes);
  const identity = { storeId: first.storeId, version: 1 };
  for (let at = bytes.length; at < large.length; at += 4096) {
    // They claim the rest of the file, and are of the frames before, which prove nothing.
    const frame = new Uint8Array(4096);
    const body = new Uint8Array(0);
    putFrame(frame, identity, { ...firstPlace, offset: at }, { kind: "edits", body, room: 0 });
    large.set(frame, at);
  }
  const start = cpuMilliseconds();
  assertEquals((await readManifest(name, large, 1, noTurns)).state, first);
  assert(cpuMilliseconds() - start < 2000);
});

Deno.test("Manifest.open() takes no memory for a file that is larger than a manifest may be", async () => {
  const root = new MemoryRoot();
  root.files.set(name, new Uint8Array(0));
  root.read = (_name, maxBytes) => {
    assert(maxBytes <= 1 << 30);
    return Promise.reject(new LimitError("", { limit: 1, found: 2 ** 40 }));
  };
  await assertRejects(() => root.open(), VarveError);
});
