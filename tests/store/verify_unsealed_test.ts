/** What verification tells of damage in a segment that is not sealed: what is lost, and no more. */

import { assertEquals } from "@std/assert";
import { Store, type VerifyFinding, verifyStore } from "../../mod.ts";

/** More blocks than are read at once. */
const blockBytes = 4096, batches = 600;

/** Has a store with a batch in each block of one segment, as a kill leaves it; `find` flips bits, and says what is found. */
async function withSegment(
  use: (find: (...offsets: number[]) => Promise<unknown[]>) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" }), killed = `${directory}/killed`;
  try {
    await using store = await Store.open(`${directory}/store`, { upkeep: "manual" });
    const value = "v".repeat(100);
    for (let i = 1; i <= batches; i++) {
      await store.timeline().append([{ key: `k${i}`, value }], { sync: true });
    }
    const path = await copy(`${directory}/store`, killed), bytes = await Deno.readFile(path);
    await use(async (...offsets) => {
      const damaged = bytes.slice();
      for (const offset of offsets) damaged[offset] ^= 1;
      await Deno.writeFile(path, damaged);
      return told(await Array.fromAsync(verifyStore(killed)));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Copies what is in a directory, and below; returns the path of the copy of the last segment. */
async function copy(from: string, to: string): Promise<string> {
  let segment = "";
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) segment = await copy(`${from}/${name}`, `${to}/${name}`) || segment;
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    if (name.endsWith(".seg")) segment = `${to}/${name}`;
  }
  return segment;
}

/** In which blocks damage is found, and which LSNs it costs. */
function told(found: readonly VerifyFinding[]): unknown[] {
  return found.filter(({ severity }) => severity === "damage").map((
    { offset, lsns },
  ) => [Math.floor((offset ?? 0) / blockBytes), lsns]);
}

const damagedLsns = [1, 7, batches >>> 1, batches - 1];

Deno.test("verifyStore() says that a damaged pad of an unsealed segment costs nothing", async () => {
  await withSegment(async (find) => {
    for (const lsn of damagedLsns) {
      assertEquals(await find(lsn * blockBytes + 3000), [[lsn, undefined]]);
    }
  });
});

Deno.test("verifyStore() says that a damaged record of an unsealed segment costs that at the most", async () => {
  await withSegment(async (find) => {
    for (const lsn of damagedLsns) {
      // Part of the batch behind it may have been there too, unless nobody knows of one.
      const last = Math.min(lsn + 1, batches - 1);
      assertEquals(await find(lsn * blockBytes + 60), [[lsn, { first: lsn, last }]]);
    }
  });
});

Deno.test("verifyStore() finds each damage of an unsealed segment, however far behind another", async () => {
  await withSegment(async (find) => {
    const found = await find(...[7, 8, 300, batches - 2].map((lsn) => lsn * blockBytes + 60));
    assertEquals(found, [[7, { first: 7, last: 9 }], [8, { first: 7, last: 9 }], [300, {
      first: 300,
      last: 301,
    }], [
      batches - 2,
      { first: batches - 2, last: batches - 1 },
    ]]);
  });
});
