import { assertEquals } from "@std/assert";
import type { IoFile, Transfer } from "../../../src/io/engine.ts";
import { TransferQueue } from "../../../src/io/transfer/transfer_queue.ts";

const file: IoFile = { path: "/a", direct: false };
const transfers = (count: number, first = 0): Transfer[] =>
  Array.from({ length: count }, (_, i) => ({
    file,
    offset: first + i,
    bytes: new Uint8Array(1),
    done: 0,
    error: undefined,
  }));

/** A queue whose calls are held until they are let go, in any order. */
class HeldQueue {
  readonly #held: { offset: number; finish: (count: number) => void }[] = [];
  readonly #call = (_: IoFile, __: Uint8Array, offset: number): Promise<number> =>
    new Promise((finish) => this.#held.push({ offset, finish }));
  readonly #queue: TransferQueue<IoFile>;

  constructor(depth: number) {
    const datasync = () => Promise.reject(new Error("nothing is durable here"));
    const calls = { writesDurably: true, read: this.#call, write: this.#call, size: () => 1 << 30, datasync };
    this.#queue = new TransferQueue(calls, depth);
  }

  read(batch: Transfer[]): Promise<void> {
    return new Promise((done) => this.#queue.transfer("read", batch, false, done));
  }

  write(batch: Transfer[]): Promise<void> {
    return new Promise((done) => this.#queue.transfer("write", batch, false, done));
  }

  get running(): number[] {
    return this.#held.map(({ offset }) => offset);
  }

  async finish(index: number): Promise<void> {
    this.#held.splice(index, 1)[0].finish(1);
    await turn();
  }
}

/** Lets every promise that can settle do so: none here stands behind more than a few others. */
async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("TransferQueue.transfer() runs as many as its depth, first come first served", async () => {
  const held = new HeldQueue(3);
  const done = [held.read(transfers(4)), held.write(transfers(2, 100))];
  assertEquals(held.running, [0, 1, 2]);
  await held.finish(1);
  assertEquals(held.running, [0, 2, 3]);
  await held.finish(0);
  assertEquals(held.running, [2, 3, 100]);
  while (held.running.length > 0) await held.finish(0);
  await Promise.all(done);
});

Deno.test("TransferQueue.transfer() resolves when the last of the batch is done, and not before", async () => {
  const held = new HeldQueue(8);
  let resolved = "";
  const first = held.read(transfers(2)).then(() => resolved += "a");
  const second = held.read(transfers(1, 100)).then(() => resolved += "b");
  await held.finish(2);
  assertEquals(resolved, "b");
  await held.finish(1);
  assertEquals(resolved, "b");
  await held.finish(0);
  await Promise.all([first, second]);
  assertEquals(resolved, "ba");
});

Deno.test("TransferQueue.transfer() serves a batch that is longer than it remembers at once", async () => {
  const held = new HeldQueue(1);
  const batch = transfers(3000);
  const done = held.read(batch);
  for (let i = 0; i < batch.length; i++) {
    assertEquals(held.running, [i]);
    await held.finish(0);
  }
  await done;
});

Deno.test("TransferQueue.transfer() syncs a durable batch once all of it is written, where writes are not durable", async () => {
  for (const writesDurably of [false, true]) {
    const log: string[] = [];
    const calls = {
      writesDurably,
      read: () => Promise.resolve(1),
      write: (_: IoFile, bytes: Uint8Array, offset: number) => {
        log.push(`write ${offset}`);
        return Promise.resolve(bytes.length);
      },
      size: () => 1 << 30,
      datasync: () => Promise.resolve(void log.push("datasync")),
    };
    const queue = new TransferQueue(calls, 1);
    const write = (durable: boolean) =>
      new Promise<void>((done) => queue.transfer("write", transfers(2), durable, done));
    await write(true);
    assertEquals(log.splice(0), ["write 0", "write 1", ...writesDurably ? [] : ["datasync"]]);
    await write(false);
    assertEquals(log, ["write 0", "write 1"]);
  }
});
