/**
 * `deno task bench:direct`: what direct IO gives to a program that writes a large file, and what it leaves to others.
 *
 * 1. A stream of 1 MiB chunks into a new file until it is durable: `DirectFile.writable()`, Deno's own
 *    `FsFile.writable` and then `sync`, and fio with as many writes in flight, in turns. Beside each stands how much of
 *    the file is in the page cache afterwards, by `fincore`.
 * 2. Small appends, each synced: the two ways to sync an unfinished block, and a file of Deno's own.
 * 3. Reading the file back in chunks of 1 MiB, cold and once more, direct and buffered.
 *
 * Options: `--mebibytes 2048`, `--runs 5`, `--syncs 500`, `--dir DIR`.
 */

import { parseArgs } from "node:util";
import { DirectFile, type DirectFileOptions } from "../direct.ts";
import { type Figures, fioSeconds, outputOf, printRuns, shareOf, writtenBytes } from "./figures.ts";

const MiB = 1024 * 1024;

/** How many MiB of a file the page cache holds. */
async function cached(path: string): Promise<number> {
  return Number(await outputOf("fincore", "--bytes", "--noheadings", "--output", "RES", path)) / MiB;
}

/** Takes what is clean of a file out of the page cache. */
async function dropCache(path: string): Promise<void> {
  await outputOf("dd", `of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none");
}

/** A stream of the same chunk, so many times. */
function chunks(count: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(MiB).map((_, i) => i * 31 + (i >>> 8));
  let left = count;
  return new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(chunk) : controller.close(),
  }, { highWaterMark: 0 });
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function writeDirect(path: string, count: number, options: DirectFileOptions = {}): Promise<void> {
  await using file = await DirectFile.open(path, { preallocateBytes: 32 * MiB, strict: true, ...options });
  await chunks(count).pipeTo(file.writable());
}

async function writeDeno(path: string, count: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await chunks(count).pipeTo(file.writable, { preventClose: true });
  await file.sync();
}

/** One turn of writing a large file, each way once. */
async function sinks(directory: string, count: number): Promise<Figures> {
  const figures: Figures = {}, path = `${directory}/sink`;
  const ways: Record<string, () => Promise<number>> = {
    "DirectFile": () => seconds(() => writeDirect(path, count)),
    "DirectFile, buffered": () => seconds(() => writeDirect(path, count, { ioMode: "buffered" })),
    "FsFile": () => seconds(() => writeDeno(path, count)),
    "fio": () => fioSeconds(path, count),
  };
  for (const [name, way] of Object.entries(ways)) {
    const took = await way();
    figures[`${name}: MiB/s`] = count / took;
    figures[`${name}: MiB of it in the page cache`] = await cached(path);
    await Deno.remove(path);
  }
  return figures;
}

/** Small synced appends: how long each takes, and what they bring to the disk. */
async function tails(directory: string, syncs: number, bytes: number): Promise<Figures> {
  const figures: Figures = {}, path = `${directory}/tail`, payload = new Uint8Array(bytes).fill(7);
  const measure = async (name: string, append: () => Promise<void>) => {
    const took: number[] = [], before = writtenBytes();
    for (let i = 0; i < syncs; i++) {
      const began = performance.now();
      await append();
      took.push((performance.now() - began) * 1000);
    }
    took.sort((a, b) => a - b);
    const each = `${name}, ${bytes} B`;
    figures[`${each}: µs, p50`] = shareOf(took, 0.5);
    figures[`${each}: µs, p99`] = shareOf(took, 0.99);
    figures[`${each}: bytes to disk by byte`] = (writtenBytes() - before) / (syncs * bytes);
    figures[`${each}: file by byte`] = (await Deno.stat(path)).size / (syncs * bytes);
  };
  for (const tail of ["rewrite", "pad"] as const) {
    const file = await DirectFile.open(path, { tail, preallocateBytes: 0, strict: true });
    await measure(`tail "${tail}"`, async () => {
      await file.append(payload);
      await file.sync();
    });
    await file.close();
    await Deno.remove(path);
  }
  const file = await Deno.open(path, { write: true, createNew: true });
  await measure("FsFile", async () => {
    await file.write(payload);
    await file.syncData();
  });
  file.close();
  await Deno.remove(path);
  return figures;
}

/** Reading a file from its start to its end, cold and once more. */
async function reads(directory: string, count: number): Promise<Figures> {
  const figures: Figures = {}, path = `${directory}/read`;
  await writeDirect(path, count);
  for (const ioMode of ["direct-rw", "buffered"] as const) {
    await dropCache(path);
    for (const time of ["cold", "again"]) {
      const took = await seconds(async () => {
        await using file = await DirectFile.open(path, { readOnly: true, ioMode });
        for await (const _ of file.readable());
      });
      figures[`read ${ioMode}, ${time}: MiB/s`] = count / took;
    }
    figures[`read ${ioMode}: MiB of it in the page cache`] = await cached(path);
  }
  await Deno.remove(path);
  return figures;
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      mebibytes: { type: "string", default: "2048" },
      runs: { type: "string", default: "5" },
      syncs: { type: "string", default: "500" },
      dir: { type: "string" },
    },
  });
  const [count, runs, syncs] = [values.mebibytes, values.runs, values.syncs].map(Number);
  await printRuns({ runs, dir: values.dir }, async (directory) => {
    const figures = { ...await sinks(directory, count), ...await reads(directory, count) };
    for (const bytes of [200, 4096]) Object.assign(figures, await tails(directory, syncs, bytes));
    return figures;
  });
}
