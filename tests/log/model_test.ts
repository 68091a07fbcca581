/** Random programs on a disk in memory, held against an array. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IoError, type Log, type LogEntry, type LogOptions, PoisonedError } from "../../log.ts";
import { SeededChoices } from "../../src/sim/mod.ts";
import { Random, seeds } from "../random.ts";
import { isSame, SimLog, smallSegments } from "./log_fixture.ts";

/** What a log should hold. */
class Model {
  payloads: Uint8Array[] = [];
  first = 0;
  durable = 0;
}

/** A reader that follows, and where it is. */
interface Follower {
  readonly reader: ReadableStreamDefaultReader<LogEntry>;
  next: number;
}

class Program {
  readonly #random: Random;
  readonly #model = new Model();
  readonly #options: LogOptions;
  #t = new SimLog();
  #log: Log | undefined;
  #followers: Follower[] = [];
  /** How often each thing was done. */
  readonly counts: Map<string, number> = new Map();

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#options = { ...smallSegments, tail: this.#random.pick(["pad", "rewrite"] as const) };
  }

  async run(): Promise<void> {
    await this.#open();
    for (let i = 0; i < 60; i++) await this.#step();
    await this.#close();
    this.#t.checkClosed();
  }

  get #current(): Log {
    assert(this.#log !== undefined);
    return this.#log;
  }

  async #open(): Promise<void> {
    this.#log = await this.#t.open(this.#options);
    const { firstOffset, nextOffset, durableOffset } = this.#log, model = this.#model;
    assert(nextOffset >= model.durable && nextOffset <= model.payloads.length, `${nextOffset} records`);
    assertEquals([firstOffset, durableOffset], [model.first, nextOffset]);
    model.payloads.length = nextOffset;
    model.durable = nextOffset;
  }

  async #close(): Promise<void> {
    for (const { reader } of this.#followers.splice(0)) await reader.cancel();
    await this.#current.close();
    this.#model.durable = this.#model.payloads.length;
  }

  async #step(): Promise<void> {
    const random = this.#random, model = this.#model, log = this.#current, end = model.payloads.length;
    const step = random.pick(
      [
        "append",
        "append",
        "append",
        "many",
        "sync",
        "read",
        "follow",
        "take",
        "truncate",
        "reopen",
        "crash",
      ] as const,
    );
    this.counts.set(step, (this.counts.get(step) ?? 0) + 1);
    switch (step) {
      case "append":
      case "many": {
        const payloads = Array.from(
          { length: step === "many" ? random.below(60) : 1 },
          () => random.bytes(random.pick([0, 1, 50, 900, 4096, 20_000])),
        );
        assertEquals(await log.append(step === "many" ? payloads : payloads[0]), end);
        model.payloads.push(...payloads);
        break;
      }
      case "sync":
        assertEquals(await log.sync(), end);
        model.durable = end;
        break;
      case "read": {
        const from = model.first + random.below(end - model.first + 1),
          to = from + random.below(end - from + 1);
        const entries = await Array.fromAsync(log.readable({ from, to }));
        assertEquals(
          entries.map(({ offset }) => offset),
          Array.from({ length: to - from }, (_, i) => from + i),
        );
        for (const entry of entries) this.#check(entry);
        break;
      }
      case "follow": {
        const from = model.first + random.below(end - model.first + 1);
        this.#followers.push({ reader: log.readable({ from, follow: true }).getReader(), next: from });
        break;
      }
      case "take":
        for (const follower of this.#followers) await this.#take(follower);
        break;
      case "truncate": {
        // Whoever reads is not overtaken here.
        const most = Math.min(end, ...this.#followers.map(({ next }) => next));
        const offset = model.first + random.below(Math.max(1, most - model.first + 1));
        await log.truncateBefore(Math.min(offset, most));
        model.first = Math.max(model.first, Math.min(offset, most));
        model.durable = Math.max(model.durable, model.first);
        break;
      }
      case "reopen":
        await this.#close();
        await this.#open();
        break;
      case "crash": {
        // Closing comes behind the crash, and acknowledges nothing of what is left.
        const { durable } = model, left = this.#t.disk.crash(new SeededChoices(random.word()));
        await this.#close();
        this.#t.checkClosed();
        model.durable = durable;
        this.#t = new SimLog(left);
        await this.#open();
      }
    }
  }

  async #take(follower: Follower): Promise<void> {
    const end = this.#model.payloads.length;
    for (let count = this.#random.below(40); count > 0 && follower.next < end; count--) {
      const { value } = await follower.reader.read();
      assertEquals(value?.offset, follower.next++);
      if (value !== undefined) this.#check(value);
    }
  }

  #check({ offset, payload }: LogEntry): void {
    assert(isSame(payload, this.#model.payloads[offset]), `payload ${offset}`);
  }
}

Deno.test("Log does what an array does, whatever is done in whatever order", async () => {
  const counts = new Map<string, number>();
  for (const seed of seeds("log", 30)) {
    const program = new Program(seed);
    await program.run();
    for (const [step, count] of program.counts) counts.set(step, (counts.get(step) ?? 0) + count);
  }
  assertEquals(counts.size, 9);
});

Deno.test("Log survives what fails: nothing that was acknowledged is lost, and what was appended is read", async () => {
  for (const seed of seeds("failing log", 60)) {
    const random = new Random(seed), t = new SimLog(), payloads: Uint8Array[] = [];
    const log = await t.open({ ...smallSegments, tail: random.pick(["pad", "rewrite"] as const) });
    const operation = random.pick(
      ["write", "datasync", "sync", "truncate", "open", "syncDirectory", "allocate"] as const,
    );
    t.faults.failNext(operation, random.pick(["EIO", "ENOSPC"]));
    let durable = 0, failed: unknown;
    for (let i = 0; i < 40 && failed === undefined; i++) {
      const payload = random.bytes(random.pick([10, 3000, 30_000]));
      try {
        const appending = log.append(payload, { sync: random.once(3) });
        if (log.nextOffset > payloads.length) payloads.push(payload);
        await appending;
        durable = log.durableOffset;
      } catch (error) {
        assert(error instanceof IoError || error instanceof PoisonedError, `${error}`);
        if (error instanceof PoisonedError) failed = error;
      }
    }
    durable = Math.max(durable, log.durableOffset);
    const entries = await Array.fromAsync(log.readable());
    assertEquals(entries.length, payloads.length);
    entries.forEach(({ payload }, i) => assert(isSame(payload, payloads[i]), `payload ${i}`));
    if (failed === undefined) await log.close().catch(() => {});
    else await assertRejects(() => log.close(), PoisonedError);
    t.checkClosed();
    const again = await new SimLog(t.disk).open();
    assert(again.nextOffset >= durable, `${again.nextOffset} of ${durable}`);
    const found = await Array.fromAsync(again.readable());
    found.forEach(({ payload }, i) => assert(isSame(payload, payloads[i]), `payload ${i} later`));
    await again.close();
  }
});
