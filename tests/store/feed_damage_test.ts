/** What a feed tells of a segment whose blocks lie elsewhere than they were written. */

import { assert, assertEquals } from "@std/assert";
import { CorruptionError, Store, type StoreOptions } from "../../mod.ts";

const blockBytes = 4096, batches = 5;

/** The order in which blocks lie, and what that is called. */
interface Order {
  readonly what: string;
  /** By place: which block lies there. */
  readonly blocks: readonly number[];
}

const written = Array.from({ length: batches }, (_, i) => i);

/** Every two blocks in each other's places, and every block over every other. */
const orders: readonly Order[] = written.flatMap((one) =>
  written.filter((other) => other !== one).flatMap((other) => {
    const copied = written.with(other, one), swapped = copied.with(one, other);
    const over = { what: `${one + 1} over ${other + 1}`, blocks: copied };
    return one < other ? [over, { what: `${one + 1} and ${other + 1}`, blocks: swapped }] : [over];
  })
);

/** Makes a store with batches that each begin with a block, and end with one. */
async function withBatches(
  options: StoreOptions,
  value: string,
  use: (directory: string, store: Store) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" });
  try {
    await using store = await Store.open(directory, options);
    for (let i = 1; i <= batches; i++) {
      await store.timeline().append([{ key: `k${i}`, value }], { sync: true });
    }
    assertEquals(await lsnsOf(store, {}), [1, 2, 3, 4, 5]);
    await use(directory, store);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function segmentIn(directory: string): string {
  for (const timeline of Deno.readDirSync(directory)) {
    if (!timeline.isDirectory) continue;
    for (const { name } of Deno.readDirSync(`${directory}/${timeline.name}`)) {
      if (name.endsWith(".seg")) return `${directory}/${timeline.name}/${name}`;
    }
  }
  throw new Error("there is no segment");
}

/** Puts blocks elsewhere, or what is as large: they lie behind the first block of the file. */
function reorder(bytes: Uint8Array, { blocks }: Order, size = blockBytes): Uint8Array {
  const changed = bytes.slice();
  const offset = (block: number) => blockBytes + block * size;
  blocks.forEach((block, place) => {
    changed.set(bytes.subarray(offset(block), offset(block + 1)), offset(place));
  });
  return changed;
}

async function lsnsOf(store: Store, range: { from?: number; to?: number }): Promise<number[]> {
  return (await Array.fromAsync(store.timeline().changes(range))).map(({ lsn }) => lsn);
}

/** Reads all there is from one LSN to another: it is told, or the read ends with damage. */
async function check(store: Store, what: string): Promise<number> {
  let damaged = 0;
  for (let from = 1; from <= batches; from++) {
    for (let to = from; to <= batches; to++) {
      const expected = written.map((i) => i + 1).filter((lsn) => lsn >= from && lsn <= to);
      try {
        assertEquals(await lsnsOf(store, { from, to }), expected, `${what}, ${from} to ${to}`);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        damaged++;
      }
    }
  }
  return damaged;
}

for (const blocks of [1, 40]) {
  const what = blocks === 1 ? "of a sealed segment" : "of one that is larger than what is read at once";
  Deno.test(`changes() leave nothing out where blocks ${what} lie elsewhere: they end with damage`, async () => {
    // With room for a time mark, which stands before each batch that is the first of its second.
    const value = "v".repeat(blocks * blockBytes - 200);
    await withBatches({ upkeep: "slices" }, value, async (directory, store) => {
      await store.timeline().freeze();
      await store.close();
      const path = segmentIn(directory), bytes = await Deno.readFile(path);
      for (const order of orders) {
        await Deno.writeFile(path, reorder(bytes, order, blocks * blockBytes));
        await using damaged = await Store.open(directory, { upkeep: "manual" });
        assertEquals(await check(damaged, order.what), 15, order.what);
      }
      await Deno.writeFile(path, bytes);
      await using whole = await Store.open(directory, { upkeep: "manual" });
      assertEquals(await check(whole, "whole"), 0);
    });
  });
}

Deno.test("changes() leave nothing out where blocks of a segment that is written lie elsewhere", async () => {
  await withBatches({ upkeep: "slices" }, "v", async (directory, store) => {
    // The writer's buffers have them no longer.
    const value = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 12; i++) await store.timeline().append([{ key: "later", value }]);
    await store.timeline().sync();
    const path = segmentIn(directory), bytes = await Deno.readFile(path);
    for (const order of orders) {
      await Deno.writeFile(path, reorder(bytes, order));
      assert(await check(store, order.what) > 0, order.what);
    }
    await Deno.writeFile(path, bytes);
    assertEquals(await check(store, "whole"), 0);
  });
});
