/** What nobody syncs leaves the process within a time, and no block that holds durable bytes is written again for it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { IoError, PoisonedError, type Timers } from "../../../src/base/mod.ts";
import { systemHost } from "../../../src/io/mod.ts";
import { isFreed } from "../garbage.ts";
import { HookedSim } from "../hooked_sim.ts";
import { batchOf, hold, quiet } from "./held.ts";
import { WriterFixture } from "./writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

const block = 4096;

/** Timers that a test lets run out. */
class HeldTimers implements Timers {
  /** The calls to come, and after how many milliseconds each is made. */
  readonly calls = new Map<() => void, number>();

  after(milliseconds: number, call: () => void): () => void {
    this.calls.set(call, milliseconds);
    return () => void this.calls.delete(call);
  }

  /** Makes the calls there are, and waits until everything that they began has ended. */
  async runOut(): Promise<void> {
    const calls = [...this.calls.keys()];
    this.calls.clear();
    for (const call of calls) call();
    await quiet();
  }
}

/** A timeline whose timers are held, and the ranges of blocks of segments that were written, as `from-to`. */
class Flushing extends HookedSim {
  readonly timers: HeldTimers = new HeldTimers();
  #writes: string[] = [];

  override async write(...[batch, options]: Parameters<HookedSim["write"]>): Promise<void> {
    await super.write(batch, options);
    for (const { file, offset, bytes } of batch) {
      if (!file.path.endsWith(".seg")) continue;
      const end = offset + bytes.length;
      this.#writes.push(`${offset / block}-${end / block}${options?.durable ? " durable" : ""}`);
    }
  }

  /** What was written since the last call. */
  written(): string[] {
    return this.#writes.splice(0);
  }

  /** The LSN up to which another process finds batches now. */
  async seen(): Promise<number> {
    const reader = await WriterFixture.open(new SimEngine({ disk: this.disk.clone() }), {
      readOnly: true,
    });
    await reader.close();
    return reader.writer.lastLsn;
  }
}

function test(name: string, body: (t: WriterFixture, engine: Flushing) => Promise<void>): void {
  Deno.test(name, async () => {
    const engine = new Flushing();
    const host = { ...systemHost(engine), timers: engine.timers };
    const t = await WriterFixture.open(engine, {
      host,
      bufferBytes: 16 * block,
      settings: { flushMilliseconds: 100 },
    });
    try {
      await body(t, engine);
    } finally {
      engine.hook = () => {};
      await t.close().catch(() => {});
    }
    assertEquals([engine.openFiles, engine.timers.calls.size], [0, 0]);
  });
}

test(
  "TimedFlusher writes what nobody syncs within the time, and says nothing is durable",
  async (t, engine) => {
    assertEquals(engine.timers.calls.size, 0);
    t.append(...batchOf(100));
    t.append(...batchOf(6000));
    await quiet();
    assertEquals([[...engine.timers.calls.values()], await engine.seen()], [[50], 0]);
    await engine.timers.runOut();
    assertEquals([t.writer.durableLsn, await engine.seen(), engine.timers.calls.size], [0, 2, 0]);
    // A batch that comes after the timer was started is written in the second half at the latest.
    t.append(...batchOf(30));
    t.writer.sync();
    t.append(...batchOf(30));
    await quiet();
    t.append(...batchOf(30));
    await engine.timers.runOut();
    await engine.timers.runOut();
    assertEquals([t.writer.durableLsn, await engine.seen()], [3, 5]);
  },
);

test(
  "TimedFlusher writes an unfinished block again when it has grown, and none that holds durable bytes",
  async (t, engine) => {
    for (const bytes of [100, 100, 5000]) {
      t.append(...batchOf(bytes));
      await quiet();
      await engine.timers.runOut();
    }
    assertEquals(engine.written(), ["0-1", "1-2", "1-2", "1-2", "2-3"]);
    t.append(...batchOf(100));
    await t.writer.sync();
    engine.written();
    const durable = t.writer.durableLsn;
    t.append(...batchOf(100));
    await engine.timers.runOut();
    await engine.timers.runOut();
    assertEquals([durable, t.writer.durableLsn, engine.written()], [4, 4, ["3-4"]]);
  },
);

test("TimedFlusher adds nothing where somebody syncs in time, and stops", async (t, engine) => {
  t.append(...batchOf(100));
  await t.writer.sync();
  engine.written();
  for (let i = 0; i < 3; i++) {
    t.append(...batchOf(100));
    await t.writer.sync();
    t.append(...batchOf(30));
    await engine.timers.runOut();
  }
  const writes = engine.written();
  assertEquals(writes.filter((words) => !words.endsWith("durable")), []);
  assertEquals(engine.timers.calls.size, 1);
  await t.writer.sync();
  await engine.timers.runOut();
  assertEquals(engine.timers.calls.size, 0);
});

test("TimedFlusher writes what was frozen and waits to be sealed", async (t, engine) => {
  const gate = hold(engine, "open");
  t.append(...batchOf(20_000));
  t.append(...batchOf(20_000));
  await engine.timers.runOut();
  assertEquals(await engine.seen(), 0);
  gate.open();
  await quiet();
  await engine.timers.runOut();
  assertEquals([await engine.seen(), engine.timers.calls.size], [2, 0]);
});

test("TimedFlusher tells the health what fails, and runs no more", async (t, engine) => {
  t.append(...batchOf(100));
  await quiet();
  engine.hook = (operation, path) => {
    if (operation === "write") throw new IoError({ code: "EIO", operation, path });
  };
  await engine.timers.runOut();
  assertEquals([t.writer.health.state, engine.timers.calls.size], ["poisoned", 0]);
  assertThrows(() => t.append(), PoisonedError, "EIO");
});

test("TimedFlusher goes on when a disk that was full has room", async (t, engine) => {
  t.append(...batchOf(100));
  await quiet();
  engine.hook = (operation, path) => {
    if (operation === "write") throw new IoError({ code: "ENOSPC", operation, path });
  };
  await engine.timers.runOut();
  assertEquals(t.writer.health.state, "full");
  engine.hook = () => {};
  // Whoever appends is told, and has it tried again.
  assertThrows(() => t.append(), IoError, "ENOSPC");
  await engine.timers.runOut();
  assertEquals([t.writer.health.state, await engine.seen()], ["open", 1]);
});

test("TimelineWriter.close() stops the timer, and waits for no disk with room", async (t, engine) => {
  engine.hook = (operation, path) => {
    if (path.endsWith(".seg") && operation === "open") throw new IoError({ code: "ENOSPC", operation, path });
  };
  t.append(...batchOf(100));
  await quiet();
  await engine.timers.runOut();
  const closed = t.writer.close().catch((error) => error);
  assert(await closed instanceof IoError);
  assertEquals(engine.timers.calls.size, 0);
});

test("TimedFlusher waits for the file of a segment that goes on", async (t, engine) => {
  t.append(...batchOf(100));
  await t.close();
  const host = { ...systemHost(engine), timers: engine.timers };
  const again = await WriterFixture.open(engine, { host, bufferBytes: 16 * block });
  const gate = hold(engine, "open");
  again.append(...batchOf(100));
  await engine.timers.runOut();
  assertEquals([again.writer.health.state, await engine.seen()], ["open", 1]);
  gate.open();
  await quiet();
  assertEquals([again.writer.health.state, await engine.seen()], ["open", 2]);
  await again.close();
});

Deno.test("TimedFlusher holds no layer that was sealed, once it has looked", async () => {
  const t = await WriterFixture.open(new SimEngine(), { settings: { flushMilliseconds: 4 } });
  t.append({ key: "a", value: "1" });
  const layerOf = () => new WeakRef(t.writer.layers.open!.layer);
  const layer = layerOf();
  await t.writer.freeze();
  assert(await isFreed(layer));
  await t.close();
});
