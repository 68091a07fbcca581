/**
 * `deno task bench:pages`: the load of a page server. Pages of 8 KiB of which 100 bytes change, written as patches with a
 * whole page after so many of them, beside whole pages alone: bytes written, reads and bytes for a get, and how long it takes.
 *
 * Options: `--pages 2000`, `--changes 60000`, `--every 8,32` (a whole page after so many patches of it), `--gets 1000`.
 */

import { parseArgs } from "node:util";
import { type Change, type Redo, Store } from "../mod.ts";
import { randomOf } from "./peers/keys.ts";
import { print } from "./peers/print.ts";

const pageBytes = 8192, patchBytes = 100, MiB = 1024 * 1024;

/** A patch is an offset, in two bytes, and what stands there from now on. */
const redo: Redo = (_key, base, patches) => {
  const page = base?.slice() ?? new Uint8Array(pageBytes);
  for (const patch of patches) page.set(patch.subarray(2), patch[0] | patch[1] << 8);
  return page;
};

const { values } = parseArgs({
  args: Deno.args,
  options: {
    pages: { type: "string", default: "2000" },
    changes: { type: "string", default: "60000" },
    every: { type: "string", default: "8,32" },
    gets: { type: "string", default: "1000" },
  },
});
const pages = Number(values.pages), changes = Number(values.changes), gets = Number(values.gets);

function keyOf(page: number): string {
  return `page ${String(page).padStart(8, "0")}`;
}

/** The bytes of all files in a directory. */
async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    bytes += isDirectory ? await sizeOf(`${path}/${name}`) : (await Deno.stat(`${path}/${name}`)).size;
  }
  return bytes;
}

/** Changes pages, all of which have been written once, and then reads some. */
async function run(every: number): Promise<string[]> {
  const path = await Deno.makeTempDir({ prefix: "varve_pages_" }), random = randomOf(7);
  const noise = Uint8Array.from({ length: pageBytes * 2 }, () => random(256));
  const counts = new Uint32Array(pages),
    whole = Array.from({ length: pages }, () => noise.slice(0, pageBytes));
  try {
    await using store = await Store.open(path, { redo });
    const timeline = store.timeline();
    for (let page = 0; page < pages; page++) {
      await timeline.append([{ key: keyOf(page), value: whole[page] }]);
    }
    await timeline.freeze();
    const before = await sizeOf(path), loaded = store.metrics().bytes, begin = performance.now();
    let batch: Change[] = [];
    for (let i = 0; i < changes; i++) {
      const page = random(pages), at = random(pageBytes - patchBytes), patch = new Uint8Array(2 + patchBytes);
      patch[0] = at;
      patch[1] = at >> 8;
      const from = random(pageBytes);
      patch.set(noise.subarray(from, from + patchBytes), 2);
      whole[page].set(patch.subarray(2), at);
      const isWhole = every === 0 || ++counts[page] % (every + 1) === 0;
      batch.push(isWhole ? { key: keyOf(page), value: whole[page].slice() } : { key: keyOf(page), patch });
      if (batch.length < 16) continue;
      await timeline.append(batch);
      batch = [];
    }
    await timeline.append(batch);
    await timeline.freeze();
    const seconds = (performance.now() - begin) / 1000;
    const appended = store.metrics().bytes - loaded, grown = await sizeOf(path) - before;
    await store.close();
    return [
      every === 0 ? "whole pages" : `a page after ${every} patches`,
      `${(appended / MiB).toFixed(1)} MiB`,
      `${(grown / MiB).toFixed(1)} MiB`,
      `${(changes / seconds).toFixed(0)}/s`,
      ...await read(path),
    ];
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** Reads pages of a store whose cache has nothing: what a get costs, by `explain`, and how long gets take. */
async function read(path: string): Promise<string[]> {
  const random = randomOf(11), sums = { reads: 0, bytes: 0, patches: 0 };
  {
    await using store = await Store.open(path, { redo, cacheBytes: MiB });
    for (let i = 0; i < gets; i++) {
      const { keys: [{ patches }], index, values } = await store.timeline().explain([keyOf(random(pages))]);
      sums.reads += index.reads + values.reads;
      sums.bytes += index.readBytes + values.readBytes;
      sums.patches += patches;
    }
  }
  await using store = await Store.open(path, { redo, cacheBytes: MiB });
  const times: number[] = [];
  for (let i = 0; i < gets; i++) {
    const begin = performance.now();
    await store.timeline().get(keyOf(random(pages)));
    times.push((performance.now() - begin) * 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => `${times[Math.floor(times.length * share)].toFixed(0)} µs`;
  return [
    (sums.patches / gets).toFixed(1),
    (sums.reads / gets).toFixed(2),
    `${(sums.bytes / gets / 1024).toFixed(1)} KiB`,
    at(0.5),
    at(0.99),
  ];
}

print(`${changes} changes of ${patchBytes} bytes in ${pages} pages of ${pageBytes}, upkeep in the Worker`);
print(
  ["", "appended", "on disk", "changes", "patches a get", "reads a get", "read a get", "median", "99 %"].join(
    " | ",
  ),
);
for (const every of [0, ...values.every.split(",").map(Number)]) print((await run(every)).join(" | "));
