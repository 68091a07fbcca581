/** Versions that are gathered under a bound: the least LSNs are kept, whatever order they come in. */

import { assert, assertEquals } from "@std/assert";
import { recordHeaderBytes, VersionBlock } from "../../../../src/layer/mod.ts";
import { GatheredVersions } from "../../../../src/timeline/read/feed/gathered_versions.ts";
import { Random, seeds } from "../../../random.ts";

/** One row with a key, and a record around it or not. */
function rowOf(lsn: number, key: Uint8Array, valueLength: number | undefined): VersionBlock {
  const length = recordHeaderBytes + key.length + (valueLength ?? 0);
  const block = new VersionBlock(1, length);
  block.bytes.fill(lsn % 251);
  block.bytes.set(key, recordHeaderBytes);
  block.keyStart[0] = recordHeaderBytes;
  block.keyLength[0] = key.length;
  block.lsn[0] = lsn;
  block.offset[0] = lsn * 7;
  block.length[0] = length;
  block.hasRecords = valueLength !== undefined;
  block.count = 1;
  return block;
}

Deno.test("GatheredVersions keeps all of the least LSNs that there is room for, and their bytes", () => {
  for (const seed of seeds("gathered versions", 12)) {
    const random = new Random(seed), spread = random.pick([1, 3, 50, 10_000]);
    const from = random.from(1, 20), most = random.pick([500, 5000, 50_000]);
    const gathered = new GatheredVersions(from, 2 ** 40, most);
    const added: { lsn: number; key: string; length: number; hasRecord: boolean }[] = [];
    for (let i = 0; i < 800; i++) {
      const lsn = random.from(1, spread) + from - 1, key = random.bytes(random.from(1, 30));
      const valueLength = random.once(3) ? undefined : random.below(120);
      if (!gathered.takes(lsn)) continue;
      const block = rowOf(lsn, key, valueLength);
      gathered.add(block, 0, i % 5);
      const hasRecord = valueLength !== undefined;
      added.push({ lsn, key: `${i % 5} ${key.toHex()}`, length: block.length[0], hasRecord });
    }
    const { rows, end } = gathered;
    const kept = Array.from({ length: rows.count }, (_, row) => {
      const start = rows.keyStart[row], key = rows.bytes.subarray(start, start + rows.keyLength[row]);
      const hasRecord = gathered.hasRecord(row), { [row]: lsn } = rows.lsn, { [row]: length } = rows.length;
      assertEquals(rows.offset[row], lsn * 7);
      // What stands around the key is the record's.
      const record = rows.bytes.subarray(start - recordHeaderBytes, start - recordHeaderBytes + length);
      const around = [...record.subarray(0, 20), ...record.subarray(20 + key.length)];
      if (hasRecord) assert(around.every((byte) => byte === lsn % 251));
      return { lsn, key: `${gathered.sourceOf(row)} ${key.toHex()}`, length, hasRecord };
    });
    assertEquals(kept, added.filter(({ lsn }) => lsn < end));
    // One LSN at the least is whole, and what is kept beside it is within bounds.
    assert(kept.length > 0);
    const bytes = kept.reduce((sum, { length }) => sum + length, 0);
    assert(new Set(kept.map(({ lsn }) => lsn)).size === 1 || bytes <= most * 2, `${bytes} bytes`);
  }
});
