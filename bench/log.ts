/**
 * `deno task bench:log`: what a `Log` takes, what following it costs, and how soon it is open again.
 *
 * 1. A producer of 1 KiB records, one append awaited after the other, and 16 at once: the rate until all is durable, and
 *    the latency of an append; direct and buffered, beside fio with writes of 1 MiB.
 * 2. Appends of 200 B that are synced each, by 1 and by 16 writers, with either tail, beside a `write` and `fdatasync` of
 *    Deno's own for each.
 * 3. A follower while the producer runs at full speed: how long a record takes to it, and how late the event loop is;
 *    direct and buffered.
 * 4. A producer at full speed beside a thousand followers, each of which takes four records a second, and beside none.
 * 5. Opening a log again: of many segments, closed cleanly, and after a kill.
 *
 * Options: `--mebibytes 2048`, `--runs 3`, `--open 10240` (MiB), `--only producer,syncs,follow,many,open`, `--dir DIR`.
 */

import { parseArgs } from "node:util";
import { Log, type LogOptions } from "../log.ts";
import { type Figures, fioSeconds, printRuns, shareOf, within, writtenBytes } from "./figures.ts";

const MiB = 1024 * 1024;

const payload = (length: number) => new Uint8Array(length).map((_, i) => i * 31 + (i >>> 8));

async function fio(directory: string, mebibytes: number): Promise<Figures> {
  return await within(directory, async (path) => {
    const seconds = await fioSeconds(`${path}/x`, mebibytes);
    return { "fio, 1 MiB direct: MB/s": mebibytes * MiB / 1e6 / seconds };
  });
}

/** A producer of 1 KiB records. */
async function producer(
  directory: string,
  mebibytes: number,
  writers: number,
  options: LogOptions,
): Promise<Figures> {
  return await within(directory, async (path) => {
    await using log = await Log.open(path, options);
    const records = mebibytes * 1024, each = records / writers, bytes = payload(1024);
    const took = new Float64Array(records);
    let count = 0;
    const began = performance.now();
    await Promise.all(Array.from({ length: writers }, async () => {
      for (let i = 0; i < each; i++) {
        const start = performance.now();
        await log.append(bytes);
        took[count++] = performance.now() - start;
      }
    }));
    await log.sync();
    const seconds = (performance.now() - began) / 1000;
    took.sort();
    const name = `producer, ${writers} at once, ${log.io.mode}`;
    return {
      [`${name}: MB/s`]: records * 1024 / 1e6 / seconds,
      [`${name}: append p50, ms`]: shareOf(took, 0.5),
      [`${name}: append p99, ms`]: shareOf(took, 0.99),
      [`${name}: append p99.99, ms`]: shareOf(took, 0.9999),
    };
  });
}

/** Small appends that are synced each. */
async function syncs(directory: string, writers: number, tail: "pad" | "rewrite"): Promise<Figures> {
  return await within(directory, async (path) => {
    await using log = await Log.open(path, { tail });
    const took: number[] = [], each = Math.ceil(1600 / writers), bytes = payload(200);
    const before = writtenBytes(), began = performance.now();
    await Promise.all(Array.from({ length: writers }, async () => {
      for (let i = 0; i < each; i++) {
        const start = performance.now();
        await log.append(bytes, { sync: true });
        took.push(performance.now() - start);
      }
    }));
    const seconds = (performance.now() - began) / 1000;
    took.sort((a, b) => a - b);
    const name = `synced 200 B, ${writers} writers, tail "${tail}"`;
    return {
      [`${name}: appends/s`]: took.length / seconds,
      [`${name}: p50, ms`]: shareOf(took, 0.5),
      [`${name}: p99, ms`]: shareOf(took, 0.99),
      [`${name}: bytes to disk by byte`]: (writtenBytes() - before) / (took.length * 200),
    };
  });
}

/** The same through a file of Deno's own: a write and an fdatasync for each. */
async function fileSyncs(directory: string): Promise<Figures> {
  return await within(directory, async (path) => {
    using file = await Deno.open(`${path}/x`, { write: true, createNew: true });
    const took: number[] = [], bytes = payload(200), began = performance.now();
    for (let i = 0; i < 400; i++) {
      const start = performance.now();
      await file.write(bytes);
      await file.syncData();
      took.push(performance.now() - start);
    }
    const seconds = (performance.now() - began) / 1000;
    took.sort((a, b) => a - b);
    return {
      "fdatasync for each 200 B: appends/s": took.length / seconds,
      "fdatasync for each: p50, ms": shareOf(took, 0.5),
    };
  });
}

/** A follower while the producer runs at full speed. */
async function follow(directory: string, mebibytes: number, options: LogOptions): Promise<Figures> {
  return await within(directory, async (path) => {
    await using log = await Log.open(path, options);
    const records = mebibytes * 1024,
      bytes = payload(1024),
      sent = new Float64Array(records),
      late: number[] = [];
    const loop: number[] = [];
    let due = performance.now() + 1;
    const timer = setInterval(() => {
      const now = performance.now();
      loop.push(Math.max(0, now - due));
      due = now + 1;
    }, 1);
    const following = (async () => {
      for await (const { offset } of log.readable({ from: 0, follow: true })) {
        late.push(performance.now() - sent[offset]);
        if (offset === records - 1) break;
      }
    })();
    const began = performance.now();
    for (let i = 0; i < records; i++) {
      sent[i] = performance.now();
      await log.append(bytes);
    }
    await following;
    const seconds = (performance.now() - began) / 1000;
    clearInterval(timer);
    late.sort((a, b) => a - b);
    loop.sort((a, b) => a - b);
    const name = `followed at full speed, ${log.io.mode}`;
    return {
      [`${name}: MB/s`]: records * 1024 / 1e6 / seconds,
      [`${name}: delay p50, ms`]: shareOf(late, 0.5),
      [`${name}: delay p99, ms`]: shareOf(late, 0.99),
      [`${name}: event loop p99.9, ms`]: shareOf(loop, 0.999),
    };
  });
}

/** Appends at full speed for three seconds, beside so many followers, each of which takes four records a second. */
async function many(directory: string, followers: number): Promise<Figures> {
  return await within(directory, async (path) => {
    await using log = await Log.open(path);
    const bytes = payload(1024), controller = new AbortController();
    let told = 0;
    // Each takes a record now and then, as one does that has something to do with it.
    const all = Array.from({ length: followers }, async () => {
      try {
        for await (const _ of log.readable({ from: 0, follow: true, signal: controller.signal })) {
          told++;
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      } catch (error) {
        if (error !== controller.signal.reason) throw error;
      }
    });
    const began = performance.now();
    let count = 0;
    while (performance.now() - began < 3000) {
      await log.append(bytes);
      count++;
    }
    const rate = count * 1024 / 1e6 / ((performance.now() - began) / 1000);
    controller.abort();
    await Promise.all(all);
    return { [`beside ${followers} followers: MB/s`]: rate, [`beside ${followers} followers: told`]: told };
  });
}

/** Opening a log of so many MiB again. */
async function reopening(directory: string, mebibytes: number): Promise<Figures> {
  return await within(directory, async (path) => {
    {
      await using log = await Log.open(path);
      const several = Array.from({ length: 16 }, () => payload(65_536));
      for (let i = 0; i < mebibytes; i++) await log.append(several);
    }
    const took: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      const log = await Log.open(path);
      took.push(performance.now() - start);
      if (log.nextOffset !== mebibytes * 16) throw new Error(`${log.nextOffset} records`);
      await log.close();
    }
    took.sort((a, b) => a - b);
    return { [`open ${mebibytes} MiB: ms`]: shareOf(took, 0.5) };
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      mebibytes: { type: "string", default: "2048" },
      runs: { type: "string", default: "3" },
      open: { type: "string", default: "10240" },
      only: { type: "string", default: "producer,syncs,follow,many,open" },
      dir: { type: "string" },
    },
  });
  const mebibytes = Number(values.mebibytes), runs = Number(values.runs), only = values.only.split(",");
  await printRuns({ runs, dir: values.dir }, async (directory) => {
    const figures: Figures = {};
    const add = async (part: string, ...works: (() => Promise<Figures>)[]) => {
      if (only.includes(part)) { for (const work of works) Object.assign(figures, await work()); }
    };
    await add(
      "producer",
      () => producer(directory, mebibytes, 1, {}),
      () => producer(directory, mebibytes, 16, {}),
      () => producer(directory, mebibytes, 1, { ioMode: "buffered" }),
      () => fio(directory, mebibytes),
    );
    await add(
      "syncs",
      () => fileSyncs(directory),
      () => syncs(directory, 1, "pad"),
      () => syncs(directory, 1, "rewrite"),
      () => syncs(directory, 16, "pad"),
      () => syncs(directory, 16, "rewrite"),
    );
    await add(
      "follow",
      () => follow(directory, Math.min(512, mebibytes), {}),
      () => follow(directory, Math.min(512, mebibytes), { ioMode: "buffered" }),
    );
    await add("many", () => many(directory, 0), () => many(directory, 1000));
    await add("open", () => reopening(directory, Number(values.open)));
    return figures;
  });
}
