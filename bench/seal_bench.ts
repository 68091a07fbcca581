/**
 * `deno bench`: what becomes of 450,000 records of 18-byte keys in random order: the index of an open layer, the
 * order of its keys, and the index, filter and footer behind a sealed segment.
 */

import type { Turns } from "../src/base/mod.ts";
import {
  type LayerIdentity,
  type LayerSink,
  lsnHigh,
  lsnLow,
  memoryCursor,
  MemoryIndex,
  noPages,
  recordHeaderBytes,
  RecordKind,
  sortIndex,
  stampRecord,
  writeLayer,
  writeRecordHeader,
} from "../src/layer/mod.ts";
import { keyBytes, permutationOf, writeKey } from "./peers/keys.ts";

const records = 450_000;
const batchRecords = 256;
const valueBytes = 20;
const recordBytes = recordHeaderBytes + keyBytes + valueBytes;

/** Records of keys in a random order, as batches that are encoded already. */
const bytes = new Uint8Array(records * recordBytes);
const view = new DataView(bytes.buffer);
const place = permutationOf(records);
for (let i = 0; i < records; i++) {
  const at = i * recordBytes;
  const keyAt = writeRecordHeader(view, at, RecordKind.PUT, keyBytes, valueBytes);
  writeKey(bytes.subarray(keyAt, keyAt + keyBytes), place(i));
  const lsn = 1 + Math.floor(i / batchRecords);
  stampRecord(bytes, view, at, recordBytes, lsnLow(lsn), lsnHigh(lsn), 0, 0);
}

/** Inserts all records, batch by batch. */
function insertAll(index: MemoryIndex): MemoryIndex {
  const step = batchRecords * recordBytes;
  for (let at = 0; at < bytes.length; at += step) {
    index.insertBatch(bytes, view, at, Math.min(bytes.length, at + step), 4096);
  }
  return index;
}

/** Takes what is written and keeps nothing. */
class Nowhere implements LayerSink {
  position = Math.ceil((4096 + bytes.length) / 4096) * 4096;

  append(part: Uint8Array): number {
    this.position += part.length;
    return this.position - part.length;
  }

  room(): undefined {}
}

const turns: Turns = { due: () => false, turn: () => Promise.resolve(), awaiting() {}, answered() {} };
const identity: LayerIdentity = {
  kind: "L0",
  sequence: 1,
  generation: 1,
  fileId: 1,
  firstLsn: 1,
  lastLsn: Math.ceil(records / batchRecords),
};
const full = insertAll(new MemoryIndex());
const hint = full.hint();
const sorted = insertAll(new MemoryIndex(hint));
await sortIndex(sorted, turns);

const group = "450,000 records";

Deno.bench("insert, sizes known", { group }, () => {
  insertAll(new MemoryIndex(hint));
});
Deno.bench("insert, growing", { group }, () => {
  insertAll(new MemoryIndex());
});
Deno.bench("insert and sort", { group }, async () => {
  await sortIndex(insertAll(new MemoryIndex(hint)), turns);
});
Deno.bench("walk", { group }, () => {
  const cursor = memoryCursor(sorted);
  while (cursor.settle(noPages) && !cursor.ended) cursor.step(cursor.end - cursor.at);
});
Deno.bench("write index, filter and footer", { group }, async () => {
  await writeLayer(memoryCursor(sorted), new Nowhere(), identity, { turns });
});
