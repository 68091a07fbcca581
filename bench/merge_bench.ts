/** `deno bench`: walking stored layers whose pages are in memory, one by itself and eight at once. */

import { pageBytes, type Turns } from "../src/base/mod.ts";
import {
  layoutOf,
  lsnHigh,
  lsnLow,
  memoryCursor,
  MemoryIndex,
  mergeCursors,
  pageCursor,
  type PageSource,
  recordHeaderBytes,
  RecordKind,
  stampRecord,
  StoredLayer,
  type VersionCursor,
  writeLayer,
  writeRecordHeader,
} from "../src/layer/mod.ts";
import type { StoredObject } from "../src/objects/mod.ts";
import { keyBytes, permutationOf, writeKey } from "./peers/keys.ts";

const layers = 8;
const versionsPerLayer = 50_000;
const turns: Turns = { due: () => false, turn: () => Promise.resolve(), awaiting() {}, answered() {} };

/** The pages behind the values of each layer. */
const pagesOf = new Map<StoredObject, Uint8Array>();
const pages: PageSource = {
  get: (object, page) => pagesOf.get(object)?.subarray(page * pageBytes, (page + 1) * pageBytes),
  want: () => {},
  take: (object, page) => pages.get(object, page),
  fetch: () => Promise.resolve(),
  // Its layers are written without runs.
  getRange: () => undefined,
  wantRange: () => {},
  takeRange: () => undefined,
};

/** A layer of tombstones of keys that lie among those of the other layers. */
async function layerOf(number: number): Promise<StoredLayer> {
  const length = recordHeaderBytes + keyBytes;
  const bytes = new Uint8Array(versionsPerLayer * length);
  const view = new DataView(bytes.buffer);
  const place = permutationOf(layers * versionsPerLayer);
  for (let i = 0; i < versionsPerLayer; i++) {
    const keyAt = writeRecordHeader(view, i * length, RecordKind.DELETE, keyBytes, 0);
    writeKey(bytes.subarray(keyAt, keyAt + keyBytes), place(number * versionsPerLayer + i));
    stampRecord(bytes, view, i * length, length, lsnLow(number), lsnHigh(number), 0, 0);
  }
  const index = new MemoryIndex();
  index.insertBatch(bytes, view, 0, bytes.length, 4096);
  const tail: Uint8Array[] = [];
  const sink = {
    position: Math.ceil((4096 + bytes.length) / 4096) * 4096,
    append(part: Uint8Array) {
      tail.push(part.slice());
      return (this.position += part.length) - part.length;
    },
    room: () => undefined,
  };
  const identity = {
    kind: "delta",
    sequence: number,
    generation: 1,
    fileId: number,
    firstLsn: number,
    lastLsn: number,
  } as const;
  const description = await writeLayer(memoryCursor(index), sink, identity, { turns });
  const object = { order: number, layout: layoutOf(description, "") } as unknown as StoredObject;
  pagesOf.set(object, new Uint8Array(await new Blob(tail as BlobPart[]).arrayBuffer()));
  return new StoredLayer(description, object);
}

function walk(cursor: VersionCursor): void {
  while (cursor.settle(pages) && !cursor.ended) cursor.step(cursor.end - cursor.at);
}

const all = await Promise.all(Array.from({ length: layers }, (_, i) => layerOf(i + 1)));
const group = "50,000 versions in each layer";

Deno.bench("walk 1 layer", { group }, () => walk(pageCursor(all[0])));
Deno.bench("walk 1 layer in reverse", { group }, () => walk(pageCursor(all[0], { reverse: true })));
Deno.bench("merge 8 layers", { group }, () => walk(mergeCursors(all.map((layer) => pageCursor(layer)))));
Deno.bench("merge 8 layers in reverse", { group }, () => {
  walk(mergeCursors(all.map((layer) => pageCursor(layer, { reverse: true })), true));
});
