/** Entries that are taken together: of one memory or of several, either way, in a block that is theirs. */

import { assert, assertEquals } from "@std/assert";
import { recordHeaderBytes, terminalFlag, VersionBlock } from "../../../../src/layer/mod.ts";
import type { DamagedEntry, Entry } from "../../../../src/timeline/entry.ts";
import { KeyColumn } from "../../../../src/timeline/read/records/columns.ts";
import { Copies } from "../../../../src/timeline/read/records/copies.ts";
import { HeldEntries } from "../../../../src/timeline/read/records/held_entries.ts";
import { addRow, Places } from "../../../../src/timeline/read/records/places.ts";
import { patterned, sameBytes } from "../../../store/bytes.ts";
import { bytesOf, testFile } from "../layers.ts";

/** A record in one of some memories, a number of bytes behind the one before it there. */
interface Lying {
  readonly memory: number;
  readonly gap?: number;
  readonly valueBytes?: number;
  /** Whether its value is not at hand. */
  readonly isMissing?: boolean;
}

/** Lays records out, and holds them as a scan does that comes to them in the order of `walk`. */
function lay(records: readonly Lying[], walk = records.map((_, i) => i)) {
  const memories = [new Uint8Array(1 << 16), new Uint8Array(1 << 16)], ends = [0, 0];
  const laid = records.map(({ memory, gap = 0, valueBytes = 100 }, i) => {
    const key = bytesOf(`key ${10 + i}`), value = patterned(valueBytes, i);
    const at = ends[memory] + gap, bytes = memories[memory];
    bytes.set(key, at + recordHeaderBytes);
    bytes.set(value, at + recordHeaderBytes + key.length);
    const length = recordHeaderBytes + key.length + value.length;
    ends[memory] = at + length;
    return { bytes, at, length, key, value };
  });
  const keys = new KeyColumn(walk.length), places = new Places(walk.length), file = testFile(1);
  walk.forEach((i, number) => {
    const { bytes, at, length, key } = laid[i], block = new VersionBlock(1);
    Object.assign(block, { count: 1, bytes });
    block.keyStart[0] = at + recordHeaderBytes;
    block.keyLength[0] = key.length;
    block.lsn[0] = 100 + i;
    block.offset[0] = at;
    block.length[0] = length;
    block.flags[0] = terminalFlag;
    keys.add(block, 0);
    if (records[i].isMissing) places.add(number, file, 100 + i, at, length, terminalFlag);
    else addRow(places, number, file, block, 0);
  });
  return { keys, places, memories, expected: walk.map((i) => ({ ...laid[i], lsn: 100 + i })) };
}

/** Takes entries from the first key on; returns them, and the memory that they have. */
function take(laid: ReturnType<typeof lay>, mostBytes = 4096) {
  const held = new HeldEntries(), { keys, places } = laid, entries: (Entry | DamagedEntry)[] = [];
  if (!held.find(places, keys, 0, keys.length, mostBytes)) return { entries: [], bytes: 0 };
  held.take(places, keys, 0, new Copies(), entries);
  for (const memory of laid.memories) memory.fill(0);
  const buffers = new Set<ArrayBufferLike>();
  entries.forEach((entry, i) => {
    const { key, value, lsn } = laid.expected[i];
    assert(!("error" in entry));
    assertEquals([entry.key, entry.lsn], [key, lsn]);
    assert(sameBytes(entry.value, value), `value ${i}`);
    buffers.add(entry.key.buffer);
    buffers.add((entry.value as Uint8Array).buffer);
    assertEquals(places.heldIn(i), undefined, "it is let go");
  });
  assertEquals(buffers.size, 1, "they lie in one block");
  return { entries, bytes: [...buffers][0].byteLength };
}

const entryBytes = 6 + 100;

Deno.test("HeldEntries takes what lies side by side, with the headers between", () => {
  for (const walk of [[0, 1, 2, 3], [3, 2, 1, 0]]) {
    const { entries, bytes } = take(lay([{ memory: 0 }, { memory: 0 }, { memory: 0 }, { memory: 0 }], walk));
    assertEquals([entries.length, bytes], [4, 4 * entryBytes + 3 * recordHeaderBytes]);
  }
});

Deno.test("HeldEntries takes entries of several memories, and no long gap between them", () => {
  const laid = lay([{ memory: 0 }, { memory: 1 }, { memory: 0 }, { memory: 0 }, { memory: 1, gap: 500 }]);
  const { entries, bytes } = take(laid);
  assertEquals([entries.length, bytes], [5, 5 * entryBytes + recordHeaderBytes]);
  const apart = take(lay([{ memory: 0 }, { memory: 0, gap: 500 }, { memory: 0 }]));
  assertEquals([apart.entries.length, apart.bytes], [3, 3 * entryBytes + recordHeaderBytes]);
});

Deno.test("HeldEntries takes no more bytes than it may, and stops where nothing is at hand", () => {
  const many = Array.from({ length: 100 }, (_, i) => ({ memory: i % 2 }));
  for (const most of [entryBytes * 2, entryBytes * 7 + 50, 4096]) {
    const { entries, bytes } = take(lay(many), most);
    assertEquals([entries.length, bytes], [Math.floor(most / entryBytes), entries.length * entryBytes]);
  }
  assertEquals(take(lay(many), 0).entries.length, 0, "one alone is not worth a block");
  const some = lay([{ memory: 0 }, { memory: 0 }, { memory: 0, isMissing: true }, { memory: 0 }]);
  assertEquals(take(some).entries.length, 2);
  assertEquals(take(lay([{ memory: 0, isMissing: true }, { memory: 0 }])).entries.length, 0);
});

Deno.test("HeldEntries takes values of no bytes", () => {
  const { entries } = take(lay([{ memory: 0, valueBytes: 0 }, { memory: 1, valueBytes: 0 }, { memory: 0 }]));
  assertEquals(entries.length, 3);
});
