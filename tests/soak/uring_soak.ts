/**
 * A soak of the engine `uring`: clients read, write and sync at random, files are closed and opened, and engines are
 * shut down while everything is in flight. It finds any completion that is lost, doubled or delivered to somebody
 * else.
 *
 * ```
 * deno run --allow-read --allow-write --allow-ffi tests/soak/uring_soak.ts [seconds] [seed]
 * ```
 *
 * Every client owns a region of one file and knows which version each block of it has. Memory is poisoned before
 * each read, its surroundings are checked after it. A promise that does not settle within half a minute is lost.
 */

// deno-lint-ignore-file no-console
import type { IoEngine, IoFile, Transfer } from "../../src/io/engine.ts";
import { Libc, openLibc } from "../../src/io/posix/libc.ts";
import { openUringEngine } from "../../src/io/uring/uring_engine.ts";

const blockBytes = 4096;
const blocksPerClient = 256;
const maxBlocks = 33;
const poison = 0xa5;
const lostMilliseconds = 30_000;

/** What a soak did. */
export interface SoakReport {
  engines: number;
  transfers: number;
  refused: number;
}

/** A source of numbers from 0 to below 1. */
function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Fills a block with what tells its place and its version. */
function stamp(bytes: Uint8Array, at: number, block: number, version: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, blockBytes / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(block * 1024 + i + 1, 0x9e3779b1) + version;
}

function isStamped(bytes: Uint8Array, at: number, block: number, version: number): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, blockBytes / 4);
  return words.every((word, i) => word === (Math.imul(block * 1024 + i + 1, 0x9e3779b1) + version) >>> 0);
}

/** One client on its region. It does one thing after another; many clients do so at once. */
class Client {
  readonly #first: number;
  readonly #versions = new Uint32Array(blocksPerClient);
  readonly #random: () => number;
  readonly #report: SoakReport;
  readonly #path: string;

  constructor(index: number, path: string, seed: number, report: SoakReport) {
    this.#first = index * blocksPerClient;
    this.#path = path;
    this.#random = randomSource(seed + index);
    this.#report = report;
  }

  /** Works until the engine refuses. */
  async work(engine: IoEngine): Promise<void> {
    const direct = this.#random() < 0.7;
    try {
      let file = await engine.open(this.#path, { access: "write", direct });
      const memory = engine.allocateMemory((maxBlocks + 2) * 8 * blockBytes);
      for (;;) {
        if (this.#random() < 0.02) file = await this.#reopen(engine, file, direct);
        else if (this.#random() < 0.05) await engine.datasync(file);
        else if (this.#random() < 0.3) await this.#write(engine, file, memory);
        else await this.#read(engine, file, memory);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #reopen(engine: IoEngine, file: IoFile, direct: boolean): Promise<IoFile> {
    await engine.close(file);
    return await engine.open(this.#path, { access: "write", direct });
  }

  /** Transfers of random lengths at places that do not overlap, with a block of space around the memory of each. */
  #batch(file: IoFile, memory: Uint8Array): Transfer[] {
    const batch: Transfer[] = [];
    const count = 1 + Math.floor(this.#random() ** 2 * 8);
    const share = Math.floor(blocksPerClient / count);
    for (let i = 0; i < count; i++) {
      const blocks = 1 + Math.floor(this.#random() ** 3 * Math.min(maxBlocks, share - 1));
      const block = i * share + Math.floor(this.#random() * (share - blocks));
      const start = (i * (maxBlocks + 2) + 1) * blockBytes;
      const bytes = memory.subarray(start, start + blocks * blockBytes);
      batch.push({ file, offset: (this.#first + block) * blockBytes, bytes, done: -1, error: undefined });
    }
    return batch;
  }

  async #read(engine: IoEngine, file: IoFile, memory: Uint8Array): Promise<void> {
    memory.fill(poison);
    const batch = this.#batch(file, memory);
    await engine.read(batch);
    for (const transfer of batch) {
      this.#settled(transfer);
      this.#each(transfer, (block, at) => {
        const version = this.#versions[block - this.#first];
        check(isStamped(transfer.bytes, at, block, version), `block ${block} is not what was written`);
      });
      const { buffer, byteOffset, byteLength } = transfer.bytes;
      for (const at of [byteOffset - blockBytes, byteOffset + byteLength]) {
        const around = new Uint8Array(buffer, at, blockBytes);
        check(around.every((byte) => byte === poison), "memory beside a transfer was written");
      }
    }
  }

  async #write(engine: IoEngine, file: IoFile, memory: Uint8Array): Promise<void> {
    const batch = this.#batch(file, memory);
    for (const transfer of batch) {
      this.#each(
        transfer,
        (block, at) => stamp(transfer.bytes, at, block, this.#versions[block - this.#first] + 1),
      );
    }
    await engine.write(batch);
    for (const transfer of batch) {
      this.#settled(transfer);
      this.#each(transfer, (block) => this.#versions[block - this.#first]++);
    }
  }

  #each(transfer: Transfer, body: (block: number, at: number) => void): void {
    for (let at = 0; at < transfer.bytes.length; at += blockBytes) {
      body((transfer.offset + at) / blockBytes, at);
    }
  }

  #settled(transfer: Transfer): void {
    if (transfer.error !== undefined) {
      if (transfer.error instanceof Deno.errors.BadResource) this.#report.refused++;
      throw transfer.error;
    }
    check(transfer.done === transfer.bytes.length, `${transfer.done} of ${transfer.bytes.length} bytes`);
    this.#report.transfers++;
  }

  /** Gives every block of the region its first version. */
  async begin(engine: IoEngine, file: IoFile): Promise<void> {
    const bytes = engine.allocateMemory(blocksPerClient * blockBytes);
    const transfer = { file, offset: this.#first * blockBytes, bytes, done: 0, error: undefined };
    this.#each(transfer, (block, at) => stamp(bytes, at, block, 0));
    await engine.write([transfer]);
    this.#settled(transfer);
  }
}

async function openEngine(depth: number): Promise<IoEngine> {
  const libc = openLibc();
  if (!(libc instanceof Libc)) throw new Error(libc.reason);
  const engine = await openUringEngine(libc, { depth });
  if (!("reason" in engine)) return engine;
  libc[Symbol.dispose]();
  throw new Error(engine.reason);
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Lets clients work on an engine for a while, then shuts it down under them. */
async function soakOne(
  clients: Client[],
  engine: IoEngine,
  milliseconds: number,
  seed: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lost = new Promise<never>((_, reject) => {
    const message = `A completion was lost, seed ${seed}`;
    timer = setTimeout(() => reject(new Error(message)), milliseconds + lostMilliseconds);
  });
  const work = Promise.all(clients.map((client) => client.work(engine)));
  const end = delay(milliseconds).then(() => engine.shutdown());
  try {
    await Promise.race([Promise.all([work, end]), lost]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Soaks for a while.
 *
 * @param milliseconds How long.
 * @param seed What makes a run repeatable, as far as a kernel is.
 * @param leastEngines How many engines at least, however long they take.
 * @throws {Error} If a completion was lost, doubled or misdelivered.
 */
export async function soakUring(
  milliseconds: number,
  seed: number,
  leastEngines: number = 1,
): Promise<SoakReport> {
  const random = randomSource(seed);
  const report: SoakReport = { engines: 0, transfers: 0, refused: 0 };
  const directory = await Deno.makeTempDir({ prefix: "varve_soak_" });
  const path = `${directory}/bytes`;
  const clients = Array.from({ length: 48 }, (_, i) => new Client(i, path, seed, report));
  try {
    const first = await openEngine(128);
    const file = await first.open(path, { access: "write", direct: true, create: true });
    for (const client of clients) await client.begin(first, file);
    await first.shutdown();
    const end = performance.now() + milliseconds;
    for (; performance.now() < end || report.engines < leastEngines; report.engines++) {
      const engine = await openEngine(1 + Math.floor(random() * 128));
      const active = clients.slice(0, 1 + Math.floor(random() * clients.length));
      await soakOne(active, engine, 10 + random() * 300, seed);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return report;
}

if (import.meta.main) {
  const seconds = Number(Deno.args[0] ?? 600);
  const seed = Number(Deno.args[1] ?? Date.now() % 1e9);
  console.log(`Soaking for ${seconds} s with seed ${seed}`);
  console.log(await soakUring(seconds * 1000, seed));
}
