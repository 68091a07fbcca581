/**
 * Random work on a buffered writer, with writes that end in any order and fail at random, against a model: an array
 * of all bytes that were ever appended.
 */

import { assertEquals } from "@std/assert";
import { IoError, PoisonedError } from "../../../src/base/mod.ts";
import { Random, seeds } from "../../random.ts";
import { block, WriterFixture } from "./buffered_writer_fixture.ts";

const sizes = [1, 7, 100, block - 1, block, block + 1, 2 * block, 3 * block + 5, 9 * block] as const;

/** Every promise that a run waits for, and how it ended. */
class Outcomes {
  readonly #waiting = new Set<Promise<void>>();
  readonly unexpected: unknown[] = [];
  /** Whether whoever waits is refused, since nothing is written any more. */
  abandoned = false;

  add(promise: Promise<void>, check: () => void = () => {}): void {
    const settled: Promise<void> = promise.then(check).catch((error) => {
      const expected = error instanceof PoisonedError ||
        error instanceof IoError && error.code === "ENOSPC" ||
        this.abandoned && error instanceof Deno.errors.BadResource;
      if (!expected) this.unexpected.push(error);
    }).finally(() => this.#waiting.delete(settled));
    this.#waiting.add(settled);
  }

  async all(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting);
    assertEquals(this.unexpected, []);
  }
}

async function step(t: WriterFixture, random: Random, outcomes: Outcomes, fatal: boolean): Promise<void> {
  const { writer, engine } = t;
  const write = engine.inFlight.length > 0 ? random.pick(engine.inFlight) : undefined;
  switch (random.below(10)) {
    case 0:
    case 1:
      if (t.health.cause === undefined && writer.bufferedBytes < 40 * block) t.append(random.pick(sizes));
      return;
    case 2: {
      const offset = random.from(t.start, writer.position);
      const aligned = offset - offset % block;
      return outcomes.add(writer.flushTo(aligned), () => assertEquals(writer.written >= aligned, true));
    }
    case 3:
      return outcomes.add(writer.flushTail());
    case 4:
      return outcomes.add(writer.room() ?? Promise.resolve());
    case 5:
      return t.health.retry();
    case 6:
      if (write?.state === "not started") await write.start();
      return;
    case 7:
      if (random.once(3)) await write?.fail(fatal && random.once(20) ? "EIO" : "ENOSPC");
      return;
    default:
      await write?.finish();
  }
}

async function run(seed: number, steps: number, fatal: boolean): Promise<void> {
  const random = new Random(seed);
  const t = await WriterFixture.make({
    hold: true,
    start: random.pick([0, block, 5 * block]),
    depth: random.from(1, 4),
    buffers: random.from(2, 5),
    bufferBytes: random.pick([block, 2 * block, 4 * block]),
  });
  const outcomes = new Outcomes();
  for (let i = 0; i < steps; i++) {
    await step(t, random, outcomes, fatal);
    if (i % 8 === 0) t.checkReadable();
  }
  t.checkReadable();
  const ending = random.pick(["abandon", "truncate"] as const);
  await end(t, ending, outcomes);
}

async function end(t: WriterFixture, tail: "abandon" | "truncate", outcomes: Outcomes): Promise<void> {
  t.health.retry();
  const poisoned = t.health.cause !== undefined;
  const written = t.writer.written;
  outcomes.abandoned = tail === "abandon";
  const closing = t.writer.close({ tail });
  closing.catch(() => {});
  await t.engine.finishAll();
  if (poisoned && tail !== "abandon") outcomes.add(closing);
  else await closing;
  await outcomes.all();
  t.checkReleased();
  const contents = t.disk.contents("/file").subarray(t.start);
  const least = tail === "abandon" || poisoned ? written - t.start : t.model.length;
  for (let i = 0; i < least; i++) {
    if (contents[i] !== t.model[i]) throw new Error(`byte ${i} of the file is not what was appended`);
  }
  if (poisoned || tail === "abandon") return;
  assertEquals(t.disk.contents("/file").length, t.start + t.model.length);
}

Deno.test("BufferedWriter loses and reorders nothing when writes end in any order and the disk is full", async () => {
  for (const seed of seeds("buffered writer", 60)) await run(seed, 400, false);
});

Deno.test("BufferedWriter keeps every byte readable when a write fails for good", async () => {
  for (const seed of seeds("poisoned buffered writer", 40)) await run(seed, 300, true);
});
