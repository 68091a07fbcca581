/**
 * The engine `uring` beside fio: random 4 KiB direct reads and sequential 1 MiB direct writes.
 *
 * ```
 * deno run --allow-read --allow-write --allow-ffi --allow-run=fio bench/uring_bench.ts [rounds] [milliseconds]
 * ```
 *
 * Every round measures one after the other, so that a slow moment of the machine meets all of them; the medians of
 * all rounds are printed. "batch" awaits batches of that depth, "loops" keeps as many single transfers in flight.
 */

// deno-lint-ignore-file no-console
import type { IoEngine, IoFile, Transfer } from "../src/io/engine.ts";
import { Libc, openLibc } from "../src/io/posix/libc.ts";
import { openUringEngine } from "../src/io/uring/uring_engine.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const fileBytes = 1024 * MiB;
const rounds = Number(Deno.args[0] ?? 7);
const milliseconds = Number(Deno.args[1] ?? 500);

/** What is measured: a size, a depth and a direction. */
interface Work {
  name: string;
  write: boolean;
  bytes: number;
  depth: number;
}

/** Measures a work; resolves with transfers per second. */
type Contender = (work: Work) => Promise<number>;

const works: Work[] = [
  ...[1, 2, 4, 8, 32, 64, 128].map((depth) => ({ name: "read 4 KiB", write: false, bytes: 4 * KiB, depth })),
  ...[1, 2, 3, 4].map((depth) => ({ name: "write 1 MiB", write: true, bytes: MiB, depth })),
];

async function openEngine(): Promise<IoEngine> {
  const libc = openLibc();
  if (!(libc instanceof Libc)) throw new Error(libc.reason);
  const engine = await openUringEngine(libc);
  if ("reason" in engine) throw new Error(engine.reason);
  return engine;
}

/** Makes transfers that fill `bytes` each at random or at successive places. */
function transfers(engine: IoEngine, file: IoFile, work: Work): Transfer[] {
  const memory = engine.allocateMemory(work.bytes * work.depth).fill(1);
  return Array.from({ length: work.depth }, (_, i) => ({
    file,
    offset: 0,
    bytes: memory.subarray(i * work.bytes, (i + 1) * work.bytes),
    done: 0,
    error: undefined,
  }));
}

/** Returns what moves a transfer to its next place. */
function placer(work: Work): (transfer: Transfer) => void {
  const count = fileBytes / work.bytes;
  let next = 0;
  return (transfer) => {
    const at = work.write ? next++ % count : Math.floor(Math.random() * count);
    transfer.offset = at * work.bytes;
  };
}

function batches(engine: IoEngine, file: IoFile): Contender {
  return async (work) => {
    const batch = transfers(engine, file, work);
    const place = placer(work);
    return await rate(async (over) => {
      let count = 0;
      while (!over()) {
        batch.forEach(place);
        await (work.write ? engine.write(batch) : engine.read(batch));
        count += delivered(batch);
      }
      return count;
    });
  };
}

function loops(engine: IoEngine, file: IoFile): Contender {
  return async (work) => {
    const place = placer(work);
    return await rate(async (over) => {
      const counts = await Promise.all(
        transfers(engine, file, work).map(async (transfer) => {
          let count = 0;
          const batch = [transfer];
          while (!over()) {
            place(transfer);
            await (work.write ? engine.write(batch) : engine.read(batch));
            count += delivered(batch);
          }
          return count;
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    });
  };
}

async function rate(body: (over: () => boolean) => Promise<number>): Promise<number> {
  const start = performance.now();
  const count = await body(() => performance.now() - start > milliseconds);
  return count / (performance.now() - start) * 1000;
}

function delivered(batch: Transfer[]): number {
  for (const { error, done, bytes } of batch) {
    if (error !== undefined) throw error;
    if (done !== bytes.length) throw new Error(`Transferred ${done} of ${bytes.length} bytes`);
  }
  return batch.length;
}

function fio(path: string): Contender {
  return async (work) => {
    const { stdout, success, stderr } = await new Deno.Command("fio", {
      args: [
        "--name=varve",
        `--filename=${path}`,
        `--size=${fileBytes}`,
        `--rw=${work.write ? "write" : "randread"}`,
        `--bs=${work.bytes}`,
        `--iodepth=${work.depth}`,
        `--runtime=${milliseconds}ms`,
        "--time_based",
        "--direct=1",
        "--ioengine=io_uring",
        "--fallocate=none",
        "--randrepeat=0",
        "--output-format=json",
      ],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const text = new TextDecoder().decode(stdout);
    return JSON.parse(text.slice(text.indexOf("{"))).jobs[0][work.write ? "write" : "read"].iops;
  };
}

async function hasFio(): Promise<boolean> {
  try {
    return (await new Deno.Command("fio", { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function fill(engine: IoEngine, file: IoFile): Promise<void> {
  const memory = engine.allocateMemory(MiB);
  crypto.getRandomValues(memory.subarray(0, 65536));
  for (let offset = 0; offset < fileBytes; offset += MiB) {
    const transfer = { file, offset, bytes: memory, done: 0, error: undefined };
    await engine.write([transfer]);
    delivered([transfer]);
  }
  await engine.datasync(file);
}

function row(cells: (string | number)[]): string {
  return cells.map((cell, i) => i === 0 ? String(cell).padEnd(24) : String(cell).padStart(12)).join("");
}

async function report(contenders: Record<string, Contender>): Promise<void> {
  const names = Object.keys(contenders);
  console.log(row(["per second", ...names, ...names.slice(0, -1).map((name) => `${name}/fio`)]));
  for (const work of works) {
    const rates = new Map<string, number[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) rates.get(name)?.push(await contenders[name](work));
    }
    const medians = names.map((name) => median(rates.get(name) ?? []));
    const ratios = medians.slice(0, -1).map((value) => (value / medians[medians.length - 1]).toFixed(2));
    console.log(row([`${work.name} × ${work.depth}`, ...medians.map(Math.round), ...ratios]));
  }
}

const directory = await Deno.makeTempDir({ prefix: "varve_bench_" });
const engine = await openEngine();
try {
  const path = `${directory}/bytes`;
  const file = await engine.open(path, { access: "write", direct: true, create: true });
  await fill(engine, file);
  const contenders: Record<string, Contender> = { batch: batches(engine, file), loops: loops(engine, file) };
  if (await hasFio()) contenders.fio = fio(path);
  await report(contenders);
  await engine.close(file);
} finally {
  await engine.shutdown();
  await Deno.remove(directory, { recursive: true });
}
