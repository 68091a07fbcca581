/**
 * The format on disk, proven by an annotated dump: `tests/data/manifest.txt` is all of a small manifest.
 * Run with `-- --update` to write it anew after the format was changed on purpose.
 */

import { assert, assertEquals } from "@std/assert";
import { Manifest } from "../../src/manifest/mod.ts";
import { first, layer, segment, timeline } from "./manifest_fixture.ts";
import { MemoryRoot } from "./memory_root.ts";

const dump = new URL("../data/manifest.txt", import.meta.url);

/** A few bytes of the file, and what they are. */
type Field = readonly [length: number, words: string];

function frame(kind: string, ordinal: number): Field[] {
  return [
    [4, "crc32 of the rest of the head, seeded with store, version and offset"],
    [4, "crc32 of the body and the zeros behind it"],
    [4, ordinal === 0 ? "no frame before it" : "crc32 of the head of the frame before it"],
    [4, `frame ${ordinal}`],
    [4, `kind ${kind}`],
    [4, "length of the body"],
    [8, "room: length of the file"],
  ];
}

function list(count: number, what: string): Field {
  return [4, count === 1 ? `1 ${what}` : `${count} ${what}s`];
}

const segmentFields: Field[] = [[4, "sequence"], [4, "generation"], [8, "file id"], [8, "first LSN"]];
const witnessFields: Field[] = [[8, "durable up to this offset"], [8, "and this LSN"], [1, "is the end"]];
const timelineFields: Field[] = [
  [8, "id"],
  [8, "created"],
  [8, "horizon"],
  [4, "next sequence"],
  [2, "length of the name"],
];
const layerFields: Field[] = [
  [1, "kind 0: L0"],
  [1, "height"],
  [2, "level"],
  ...segmentFields,
  [8, "last LSN"],
  [8, "values end, index starts"],
  [8, "length of the object"],
  [4, "versions"],
  [4, "tombstones"],
  [4, "keys"],
  [4, "index pages"],
  [4, "leaf pages"],
  [4, "filter pages"],
  [8, "horizon under which it was merged"],
  [8, "image LSN"],
  [4, "patches"],
  [2, "length of the first key"],
  [2, "length of the last key"],
  [1, "first key"],
  [2, "last key"],
];

const parts: readonly [title: string, offset: number, fields: Field[]][] = [
  ["header block", 0, [
    [4, "crc32 of the rest of the block"],
    [8, "VARVEMF1"],
    [2, "version 8 of the format"],
    [2, "zeros"],
    [16, "store id"],
    [8, "version 1 of the manifest"],
  ]],
  ["snapshot: a timeline of two segments, and a branch", 4096, [
    ...frame("0: snapshot", 0),
    [4, "generation"],
    list(2, "timeline"),
    ...timelineFields,
    [4, 'name "main"'],
    [1, "no branch"],
    list(2, "segment"),
    ...segmentFields,
    [1, "a witness"],
    ...witnessFields,
    ...segmentFields,
    [1, "no witness"],
    list(0, "time"),
    list(0, "layer"),
    ...timelineFields,
    [4, 'name "side"'],
    [1, "a branch"],
    [8, "id of the ancestor"],
    [8, "branch LSN"],
    list(0, "segment"),
    list(0, "time"),
    list(0, "layer"),
    list(1, "dropped timeline"),
    [8, "id"],
  ]],
  ["edits: the first segment becomes a layer", 8192, [
    ...frame("1: edits", 1),
    [1, "type 5: seal"],
    [8, "id of the timeline"],
    ...layerFields,
    list(2, "time"),
    [1, "LSN 140"],
    [5, "second 1700000001"],
    [1, "59 LSNs on"],
    [2, "3600 seconds on"],
    [1, "type 8: horizon"],
    [8, "id of the timeline"],
    [8, "LSN"],
    [1, "type 10: reserve"],
    [8, "id of the timeline"],
    [4, "next sequence"],
    [1, "type 11: move layers"],
    [8, "id of the timeline"],
    [2, "level"],
    [4, "how many"],
    [4, "sequence"],
    [1, "type 12: forget timeline"],
    [8, "id of the timeline"],
    [1, "type 2: drop timeline"],
    [8, "id of the timeline"],
  ]],
  ["closed", 12288, frame("2: closed", 2)],
];

/** Describes the file: every field; there are no other bytes but zeros. */
function describe(contents: Uint8Array): string {
  const lines = [
    "# A manifest that was closed. Bytes that are not shown are zeros.",
    `length ${contents.length}`,
  ];
  const rest = contents.slice();
  for (const [title, offset, fields] of parts) {
    lines.push("", `# ${title}`);
    let at = offset;
    for (const [length, words] of fields) {
      const hex = contents.subarray(at, at + length).toHex();
      lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(32)}  ${words}`);
      rest.fill(0, at, at += length);
    }
  }
  assertEquals(rest.findIndex((byte) => byte !== 0), -1, "every byte is described");
  return lines.join("\n") + "\n";
}

/** Reads a dump back into the bytes of the file. */
function parse(text: string): Uint8Array<ArrayBuffer> {
  const contents = new Uint8Array(Number(/^length (\d+)$/m.exec(text)?.[1]));
  for (const [, offset, hex] of text.matchAll(/^([0-9a-f]{4,}) {2}([0-9a-f]+)/gm)) {
    contents.set(Uint8Array.fromHex(hex), parseInt(offset, 16));
  }
  return contents;
}

const segments = [segment(1, { witness: { offset: 8192, lsn: 150, isEnd: true } }), segment(2)];
const main = timeline(7, { name: "main", created: 1_700_000_000_000, nextSequence: 3, segments });

const side = timeline(9, { name: "side", ancestor: { id: 7, lsn: 190 } });

const times = { lsns: Float64Array.of(140, 199), seconds: Float64Array.of(1_700_000_001, 1_700_003_601) };

async function write(): Promise<MemoryRoot> {
  const root = new MemoryRoot();
  const manifest = await Manifest.create(root.home, { ...first, timelines: [main, side], dropped: [8] });
  await manifest.commit([
    { type: "seal", id: 7, layer: layer(1), times },
    { type: "horizon", id: 7, lsn: 120 },
    { type: "reserve", id: 7, nextSequence: 5 },
    { type: "moveLayers", id: 7, level: 6, sequences: [1] },
    { type: "forgetTimeline", id: 8 },
    { type: "dropTimeline", id: 9 },
  ]);
  await manifest.close();
  return root;
}

Deno.test("manifests are written byte for byte as the dump says", async () => {
  const [contents] = (await write()).files.values();
  const described = describe(contents);
  if (Deno.args.includes("--update")) Deno.writeTextFileSync(dump, described);
  assertEquals(described, Deno.readTextFileSync(dump));
  assertEquals(parse(described), contents);
});

Deno.test("the bytes of the dump are read as what was written", async () => {
  const [name] = (await write()).names;
  const root = new MemoryRoot(new Map([[name, parse(Deno.readTextFileSync(dump))]]));
  const { state } = await root.open(true);
  const sealed = {
    ...main,
    horizon: 120,
    nextSequence: 5,
    times,
    segments: segments.slice(1),
    layers: [layer(1, { level: 6 })],
  };
  assertEquals(state, { ...first, timelines: [sealed], dropped: [9] });
  assert(root.log.length === 0);
});
