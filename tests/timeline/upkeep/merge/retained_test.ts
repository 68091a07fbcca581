/** What a merge keeps below a horizon: a table of histories of keys, and any of them against all reads at the horizon. */

import { assert, assertEquals } from "@std/assert";
import { type MergedCursor, noPages, recordHeaderBytes, VersionBlock } from "../../../../src/layer/mod.ts";
import { RetainedCursor, type Retention } from "../../../../src/timeline/upkeep/merge/retained.ts";
import { Random, seeds } from "../../../random.ts";

const put = 1, patch = 0, gone = 3;
const flagsOf: Readonly<Record<string, number>> = { p: put, d: gone, "+": patch };

interface Row {
  readonly key: string;
  readonly lsn: number;
  readonly flags: number;
  readonly source: number;
}

/** Rows of words such as `a: p1 +4 d7`: put at 1, patch at 4, delete at 7. */
function rowsOf(text: string): Row[] {
  return text.split("; ").filter((part) => part !== "").flatMap((part) => {
    const [key, words] = part.split(": ");
    return words.split(" ").map((word, i) => {
      return { key, lsn: Number(word.slice(1)), flags: flagsOf[word[0]], source: i % 2 };
    });
  });
}

/** The bytes of a row's record: any that tell it from others, its key, and a value as long as its LSN. */
function recordOf({ key, lsn }: Pick<Row, "key" | "lsn">): Uint8Array {
  const bytes = new Uint8Array(recordHeaderBytes + key.length + lsn).fill(lsn);
  bytes.set(new TextEncoder().encode(key), recordHeaderBytes);
  return bytes;
}

/** A cursor over rows, a few in a block, every second block with records; every other time it needs a page first. */
class Rows implements MergedCursor {
  block = new VersionBlock();
  at = 0;
  readonly #rows: readonly Row[];
  readonly #blockRows: number;
  #from = 0;
  #waits = false;

  constructor(rows: readonly Row[], blockRows: number) {
    this.#rows = rows;
    this.#blockRows = blockRows;
    this.#load();
  }

  get end(): number {
    let end = this.at;
    while (end < this.block.count && this.#rows[this.#from + end].source === this.source) end++;
    return end;
  }

  get ended(): boolean {
    return this.#from + this.at >= this.#rows.length;
  }

  get source(): number {
    return this.#rows[this.#from + this.at].source;
  }

  settle(): boolean {
    if (this.at < this.block.count || this.ended) return true;
    this.#waits = !this.#waits;
    if (this.#waits) return false;
    this.#from += this.at;
    this.#load();
    return true;
  }

  step(rows = 1): void {
    this.at += rows;
  }

  /** Uses its memory again, as a cursor may (C2). */
  #load(): void {
    const { block } = this, rows = this.#rows.slice(this.#from, this.#from + this.#blockRows);
    block.count = this.at = 0;
    block.hasRecords = !block.hasRecords;
    const head = block.hasRecords ? recordHeaderBytes : 0;
    let start = 0;
    for (const { key, lsn, flags } of rows) {
      const record = recordOf({ key, lsn }), at = block.count++;
      const bytes = block.hasRecords ? record : new TextEncoder().encode(key);
      block.reserve(at + 1, start + bytes.length);
      block.bytes.set(bytes, start);
      block.keyStart[at] = start + head;
      block.keyLength[at] = key.length;
      block.lsn[at] = lsn;
      block.flags[at] = flags;
      block.offset[at] = lsn * 1000;
      block.length[at] = record.length;
      start += bytes.length;
    }
  }
}

interface Found extends Row {
  readonly hasRecord: boolean;
}

function retained(rows: readonly Row[], retention: Retention, blockRows = 3): Found[] {
  const cursor = new RetainedCursor(new Rows(rows, blockRows), retention), found: Found[] = [];
  for (;;) {
    while (!cursor.settle(noPages));
    if (cursor.ended) return found;
    const { block, at, end, source } = cursor;
    assert(end > at);
    for (let row = at; row < end; row++) {
      const start = block.keyStart[row],
        key = new TextDecoder().decode(
          block.bytes.subarray(start, start + block.keyLength[row]),
        );
      const lsn = block.lsn[row], record = recordOf({ key, lsn }), from = start - recordHeaderBytes;
      assertEquals([block.offset[row], block.length[row]], [lsn * 1000, record.length]);
      const { hasRecords: hasRecord } = block;
      if (hasRecord) assertEquals(block.bytes.subarray(from, from + record.length), record);
      found.push({ key, lsn, flags: block.flags[row], source, hasRecord });
    }
    cursor.step(end - at);
  }
}

// Horizon 9. What is kept of the oldest layers, and of others where that differs.
const cases: [string, string, string?][] = [
  ["", ""],
  ["a: p1", "a: p1"],
  ["a: p1 p4", "a: p4"],
  ["a: p1 p4 p9 p10 p11", "a: p9 p10 p11"],
  ["a: p10 p11", "a: p10 p11"],
  ["a: p1 p4; b: p2 p3 p12", "a: p4; b: p3 p12"],
  ["a: p1 d4", "", "a: d4"],
  ["a: p1 d4; b: p2", "b: p2", "a: d4; b: p2"],
  ["a: p1 d4 p10", "a: p10", "a: d4 p10"],
  ["a: p1 d9", "a: d9"],
  ["a: d10", "a: d10"],
  ["a: p1 d4 p5", "a: p5"],
  ["a: p1 +4", "a: p1 +4"],
  ["a: p1 p2 +4 +9", "a: p2 +4 +9"],
  ["a: p1 +4 p5 +6 +12", "a: p5 +6 +12"],
  ["a: +4 +5", "a: +4 +5"],
  ["a: p1 d4 +5", "a: d4 +5"],
  ["a: p1 d4 +12", "a: d4 +12"],
  ["a: p1 d4 d6", "", "a: d6"],
  ["aa: p1 p2; aab: p3 p4; ab: d5", "aa: p2; aab: p4", "aa: p2; aab: p4; ab: d5"],
];

Deno.test("RetainedCursor keeps of each key what reads as of the horizon need", () => {
  for (const [given, oldest, others = oldest] of cases) {
    for (const blockRows of [1, 2, 3, 100]) {
      const rows = rowsOf(given).map((row, i) => ({ ...row, source: i % 2 }));
      const strip = (found: Row[]) => found.map(({ key, lsn, flags }) => ({ key, lsn, flags }));
      const of = (isOldest: boolean) => strip(retained(rows, { horizon: 9, isOldest }, blockRows));
      assertEquals(of(true), strip(rowsOf(oldest)), `${given}, oldest`);
      assertEquals(of(false), strip(rowsOf(others)), `${given}, not oldest`);
    }
  }
});

Deno.test("RetainedCursor keeps a chain of patches whole that is longer than it holds back", () => {
  const chain = Array.from({ length: 10_000 }, (_, i) => `+${i + 2}`).join(" ");
  const rows = rowsOf(`a: p1 ${chain}; b: p1 p2`);
  const found = retained(rows, { horizon: 20_000, isOldest: true }, 500);
  assertEquals(found.length, 10_002);
});

Deno.test("RetainedCursor hands records on with their rows, as many as some memory holds", () => {
  const retention = { horizon: 9, isOldest: false };
  const rows = rowsOf("a: p1 +4 p5 +6 +12; b: p2 d3; c: p10 p11").map((row) => ({ ...row, source: 0 }));
  // Blocks of two rows, of which every first one has records.
  const named = (found: readonly Found[]) =>
    found.map(({ key, lsn, hasRecord }) => `${key}${lsn} ${hasRecord}`);
  assertEquals(named(retained(rows, retention, 2)), [
    ...["a5 false", "a6 false", "a12 true", "b3 false", "c10 false", "c11 true"],
  ]);
  const long = Array.from({ length: 600 }, (_, i) => `+${i + 3000}`).join(" ");
  const held = retained(rowsOf(`a: p1 ${long}; b: p1`), { horizon: 9999, isOldest: false }, 1000);
  assertEquals(held.length, 602);
  const whole = held.filter(({ hasRecord }) => hasRecord);
  const bytes = whole.reduce((sum, row) => sum + recordOf(row).length, 0);
  assert(bytes <= 1 << 20 && bytes > (1 << 20) - 4000, `${whole.length} records of ${bytes} bytes`);
});

/** What a key is as of an LSN: its last whole value and the patches behind it. */
function readAsOf(rows: readonly Row[], key: string, lsn: number): string {
  const versions = rows.filter((row) => row.key === key && row.lsn <= lsn);
  const base = versions.findLastIndex(({ flags }) => flags !== patch);
  return versions.slice(Math.max(0, base)).filter(({ flags }) => flags !== gone).map((row) => row.lsn).join();
}

Deno.test("RetainedCursor changes no read as of the horizon or later, and keeps no version that none needs", () => {
  for (const seed of seeds("retained", 200)) {
    const random = new Random(seed), rows: Row[] = [], isPatched = random.once(2);
    for (const key of ["a", "ab", "b", "c".repeat(500)]) {
      for (let lsn = 1; lsn < 40; lsn++) {
        if (!random.once(4)) continue;
        const flags = random.pick(isPatched ? [put, gone, patch] : [put, gone]);
        rows.push({ key, lsn, flags, source: random.below(3) });
      }
    }
    const horizon = random.below(45), isOldest = random.once(2);
    const found = retained(rows, { horizon, isOldest }, random.from(1, 30));
    for (const key of new Set(rows.map(({ key }) => key))) {
      for (let lsn = horizon; lsn < 45; lsn++) {
        assertEquals(readAsOf(found, key, lsn), readAsOf(rows, key, lsn));
      }
      const old = found.filter((row) => row.key === key && row.lsn <= horizon);
      assert(old.filter(({ flags }) => flags !== patch).length <= 1);
      if (isOldest && !isPatched) assert(old.every(({ flags, lsn }) => flags === put || lsn === horizon));
    }
    const above = (all: readonly Row[]) =>
      all.filter(({ lsn }) => lsn > horizon).map(({ key, lsn, flags, source }) => ({
        key,
        lsn,
        flags,
        source,
      }));
    assertEquals(above(found), above(rows));
  }
});
