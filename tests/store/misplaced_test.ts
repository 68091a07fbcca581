/** Files and blocks that stand in another's place after a kill: history is whole, or the opening is refused; no file goes. */

import { assert, assertEquals } from "@std/assert";
import { CorruptionError, Store } from "../../mod.ts";
import { lose, SimDisk, SimEngine } from "../../testing.ts";
import { patterned } from "./bytes.ts";

const path = "/disk/store";
const block = 4096;
const batches = 30;

/** A disk of a writer that was killed, and what it knew. */
interface Killed {
  readonly disk: SimDisk;
  /** The manifests at each moment. */
  readonly manifests: readonly Map<string, Uint8Array>[];
  /** The last LSN of each group that was synced. */
  readonly synced: readonly number[];
}

function openOn(disk: SimDisk): Promise<Store> {
  return Store.open(path, { segmentBytes: 64 * 1024, ioEngine: new SimEngine({ disk }) });
}

/** Appends thirty batches in groups that are synced; the first ten are sealed. */
async function killed(): Promise<Killed> {
  const disk = new SimDisk(), manifests: Map<string, Uint8Array>[] = [], synced: number[] = [];
  const store = await openOn(disk), timeline = store.timeline();
  for (let lsn = 1; lsn <= batches; lsn++) {
    await timeline.append([{ key: `k${lsn}`, value: patterned(lsn * 61 % 3000, lsn) }]);
    if (lsn % 3 === 0 || lsn === 10) synced.push(await timeline.sync());
    if (lsn === 10) await timeline.freeze();
    manifests.push(new Map(named(disk, "/manifest-").map((name) => [name, disk.contents(name)])));
  }
  const left = disk.clone();
  await store.close();
  return { disk: left, manifests, synced };
}

function named(disk: SimDisk, part: string): string[] {
  return disk.paths().filter((name) => name.includes(part));
}

/** The last LSN that is found, every batch up to it being there; `undefined` if the opening or a read is refused. */
async function lastFound(disk: SimDisk): Promise<number | undefined> {
  const before = named(disk, ".seg");
  let found: number | undefined;
  try {
    await using store = await openOn(disk);
    const timeline = store.timeline();
    const keys = Array.from({ length: batches }, (_, i) => `k${i + 1}`);
    const values = await timeline.getMany(keys);
    values.forEach((value, i) => {
      const expected = i < timeline.lastLsn ? patterned((i + 1) * 61 % 3000, i + 1) : undefined;
      assertEquals(value, expected, `value of LSN ${i + 1} of ${timeline.lastLsn}`);
    });
    found = timeline.lastLsn;
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
  assertEquals(named(disk, ".seg"), before, "no file of history is removed");
  return found;
}

Deno.test("Store.open() finds everything or refuses when older manifests are put back after a kill", async () => {
  const { disk, manifests } = await killed();
  assertEquals(await lastFound(disk.clone()), batches);
  let refused = 0;
  for (const manifest of manifests) {
    const copy = disk.clone();
    for (const name of named(copy, "/manifest-")) lose(copy, name);
    for (const [name, bytes] of manifest) copy.put(name, bytes);
    const found = await lastFound(copy);
    assert(found === undefined || found === batches, `${found} LSNs are left`);
    if (found === undefined) refused++;
  }
  assert(refused > 3, `${refused} were refused`);
  for (const name of named(disk, "/manifest-")) {
    const copy = disk.clone();
    lose(copy, name);
    assert(await lastFound(copy).catch(() => undefined) === undefined, `without ${name}`);
  }
});

Deno.test("Store.open() refuses what stands in the place of an unsealed segment after a kill", async () => {
  const { disk } = await killed();
  const [layer, segment] = named(disk, ".seg");
  const other = (await killed()).disk;
  const places: Record<string, [string, Uint8Array][]> = {
    "exchanged with a layer": [[layer, disk.contents(segment)], [segment, disk.contents(layer)]],
    "a copy of a layer": [[segment, disk.contents(layer)]],
    "another store's segment": [[segment, other.contents(named(other, ".seg")[1])]],
  };
  for (const [words, files] of Object.entries(places)) {
    const copy = disk.clone();
    for (const [name, bytes] of files) copy.put(name, bytes);
    assertEquals(await lastFound(copy), undefined, words);
  }
});

Deno.test("Store.open() loses at most the last group that was synced when two blocks of a segment are exchanged", async () => {
  const { disk, synced } = await killed();
  const segment = named(disk, ".seg")[1], bytes = disk.contents(segment);
  const used = Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / block);
  const least = synced.at(-2) as number;
  let refused = 0;
  for (let a = 1; a < used; a++) {
    for (let b = 1; b < used; b++) {
      if (a === b) continue;
      const misplaced = bytes.slice();
      misplaced.set(bytes.subarray(b * block, (b + 1) * block), a * block);
      // Written over its neighbour, or exchanged with it.
      if (a < b) misplaced.set(bytes.subarray(a * block, (a + 1) * block), b * block);
      const copy = disk.clone();
      copy.put(segment, misplaced);
      const found = await lastFound(copy);
      if (found === undefined) refused++;
      assert(
        found === undefined || found >= least,
        `blocks ${a} and ${b} of ${used}: ${found} LSNs are left`,
      );
    }
  }
  assert(refused > used, `${refused} were refused`);
});

Deno.test("Store.open() begins anew where the first batch of a segment was torn, whatever LSN was chosen for it", async () => {
  for (const kept of [0, block, block + 100, 2 * block]) {
    const disk = new SimDisk();
    const first = await openOn(disk);
    await first.timeline().append([{ key: "k100", value: patterned(3 * block, 100) }], {
      lsn: 100,
      sync: true,
    });
    const left = disk.clone();
    await first.close();
    const [segment] = named(left, ".seg");
    left.put(segment, left.contents(segment).subarray(0, kept));
    const store = await openOn(left);
    const timeline = store.timeline();
    assertEquals(timeline.lastLsn, 0);
    assertEquals(await timeline.append([{ key: "k1", value: patterned(61, 1) }], { sync: true }), 1);
    assertEquals(await timeline.get("k1"), patterned(61, 1));
    assertEquals(await lastFound(left.clone()), 1, "after a kill");
    await timeline.freeze();
    assertEquals(await timeline.get("k1", { lsn: 1 }), patterned(61, 1));
    await store.close();
    assertEquals(await lastFound(left), 1, "after a close");
  }
});
