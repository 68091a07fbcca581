/** Reads as streams, over a read that does what the test says. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { LayerMap } from "../../../src/layer/mod.ts";
import type { DamagedEntry } from "../../../src/timeline/mod.ts";
import { readStream, runRead } from "../../../src/timeline/read/read_stream.ts";
import type { Read } from "../../../src/timeline/read/read.ts";
import { Views } from "../../../src/timeline/read/view.ts";
import { bytesOf, noTurns } from "./layers.ts";

interface Item {
  readonly n: number;
}

/** Hands on numbers; waits at `gate` if there is one, and fails after the last if it is to. */
class TestRead implements Read<Item | DamagedEntry> {
  cancelled = 0;
  asked = 0;
  gate: Promise<void> | undefined;
  failure: Error | undefined;
  readonly #batches: (Item | DamagedEntry)[][];

  constructor(...batches: (Item | DamagedEntry)[][]) {
    this.#batches = batches;
  }

  async next(): Promise<(Item | DamagedEntry)[] | undefined> {
    this.asked++;
    await this.gate;
    const batch = this.#batches.shift();
    if (batch === undefined && this.failure !== undefined) throw this.failure;
    return batch;
  }

  cancel(): Promise<void> {
    this.cancelled++;
    return Promise.resolve();
  }
}

const clock = { now: () => 0, monotonic: () => 0 };
const bad: DamagedEntry = { key: bytesOf("a"), lsn: 1, error: new Error("damage") };

class Fixture {
  readonly views: Views = new Views(clock, "/store");
  readonly read: TestRead;

  constructor(read: TestRead) {
    this.read = read;
  }

  stream(signal?: AbortSignal, damage?: "report"): ReadableStream<Item | DamagedEntry> {
    return readStream<Item>(this.views.open(LayerMap.empty, 1, signal), this.read, {
      turns: noTurns,
      damage,
    });
  }

  /** Everything that a stream gives, and the message of its error. */
  async all(stream: ReadableStream<Item | DamagedEntry>): Promise<(number | string)[]> {
    const seen: (number | string)[] = [];
    try {
      for await (const item of stream) seen.push("n" in item ? item.n : item.error.message);
    } catch (error) {
      seen.push(`! ${(error as Error).message}`);
    }
    assertEquals([this.views.count, this.read.cancelled], [0, 1], "the read has ended, once");
    return seen;
  }
}

function items(...numbers: number[]): Item[] {
  return numbers.map((n) => ({ n }));
}

Deno.test("readStream() hands on what is read, in order, and ends", async () => {
  const fixture = new Fixture(new TestRead(items(1, 2), items(3), items(4, 5, 6)));
  assertEquals(await fixture.all(fixture.stream()), [1, 2, 3, 4, 5, 6]);
});

Deno.test("readStream() reads only when it is asked to", async () => {
  const fixture = new Fixture(new TestRead(items(1, 2), items(3)));
  const reader = fixture.stream().getReader();
  await Promise.resolve();
  assertEquals(fixture.read.asked, 0);
  await reader.read();
  await reader.read();
  assertEquals(fixture.read.asked, 1);
  await reader.cancel();
});

const damages: [name: string, batches: (Item | DamagedEntry)[][], thrown: unknown[], reported: unknown[]][] =
  [
    ["in the middle", [[...items(1, 2), bad, ...items(3)]], [1, 2, "! damage"], [1, 2, "damage", 3]],
    ["at the start", [[bad, ...items(3)]], ["! damage"], ["damage", 3]],
    ["at the end", [items(1), [...items(2), bad]], [1, 2, "! damage"], [1, 2, "damage"]],
    ["twice", [[bad, bad]], ["! damage"], ["damage", "damage"]],
  ];

for (const [name, batches, thrown, reported] of damages) {
  Deno.test(`readStream() ends with damage ${name}, or reports it`, async () => {
    const ending = new Fixture(new TestRead(...batches));
    assertEquals(await ending.all(ending.stream()), thrown);
    const reporting = new Fixture(new TestRead(...batches));
    assertEquals(await reporting.all(reporting.stream(undefined, "report")), reported);
  });
}

Deno.test("readStream() hands on what was read before the read failed", async () => {
  const read = new TestRead(items(1));
  read.failure = new Error("disk");
  const fixture = new Fixture(read);
  assertEquals(await fixture.all(fixture.stream(undefined, "report")), [1, "! disk"]);
});

Deno.test("readStream() gives up its view when it is cancelled, after what is in flight", async () => {
  const gate = Promise.withResolvers<void>();
  const read = new TestRead(items(1));
  read.gate = gate.promise;
  const fixture = new Fixture(read);
  const reader = fixture.stream().getReader();
  const asked = reader.read();
  const cancelled = reader.cancel();
  assertEquals((await asked).done, true);
  assertEquals([fixture.views.count, read.cancelled], [1, 0], "the read is still in flight");
  gate.resolve();
  await cancelled;
  assertEquals([fixture.views.count, read.cancelled], [0, 1]);
});

Deno.test("readStream() is stopped by its signal when it was never asked, is paused, or is asked", async () => {
  for (const state of ["never asked", "paused", "asked"]) {
    const read = new TestRead(items(1, 2), items(3));
    const fixture = new Fixture(read);
    const controller = new AbortController();
    const reader = fixture.stream(controller.signal).getReader();
    if (state === "paused") await reader.read();
    const gate = Promise.withResolvers<void>();
    read.gate = gate.promise;
    const asked = state === "asked" ? reader.read() : undefined;
    controller.abort(new Error("enough"));
    if (asked !== undefined) await assertRejects(() => asked, Error, "enough");
    await assertRejects(() => reader.read(), Error, "enough");
    await assertRejects(() => reader.closed, Error, "enough");
    gate.resolve();
    for (let i = 0; i < 20; i++) await Promise.resolve();
    assertEquals([fixture.views.count, read.cancelled], [0, 1]);
  }
});

Deno.test("readStream() is stopped by closing when it was never asked or is paused", async () => {
  const fixture = new Fixture(new TestRead(items(1, 2), items(3)));
  const unasked = fixture.stream().getReader(), paused = fixture.stream().getReader();
  await paused.read();
  fixture.views.close();
  await fixture.views.drain();
  assertEquals(fixture.views.count, 0);
  for (const reader of [unasked, paused]) await assertRejects(() => reader.read(), Deno.errors.BadResource);
});

Deno.test("readStream() gives the event loop its turns", async () => {
  const read = new TestRead(items(1), items(2), items(3));
  const views = new Views(clock, "/store");
  let turns = 0;
  const busy = { ...noTurns, due: () => true, turn: () => Promise.resolve(void turns++) };
  for await (const _ of readStream<Item>(views.open(LayerMap.empty, 1), read, { turns: busy }));
  assertEquals(turns, 3);
});

Deno.test("runRead() gives everything, and gives up its view", async () => {
  for (const most of [undefined, 3]) {
    const fixture = new Fixture(new TestRead(items(1, 2), items(3)));
    const all = await runRead<Item>(fixture.views.open(LayerMap.empty, 1), fixture.read, noTurns, most);
    assertEquals([all, fixture.views.count], [items(1, 2, 3), 0]);
    assertEquals(fixture.read.asked, most === undefined ? 3 : 2);
  }
});

Deno.test("runRead() rejects when it comes to damage or the read fails, and gives up its view", async () => {
  const failing = new TestRead(items(1));
  failing.failure = new Error("disk");
  for (const [read, message] of [[new TestRead([...items(1), bad]), "damage"], [failing, "disk"]] as const) {
    const fixture = new Fixture(read);
    const view = fixture.views.open(LayerMap.empty, 1);
    await assertRejects(() => runRead<Item>(view, read, noTurns), Error, message);
    assertEquals([fixture.views.count, read.cancelled], [0, 1]);
  }
});

Deno.test("readStream() does not read on after it was stopped", async () => {
  const fixture = new Fixture(new TestRead(items(1), items(2)));
  const stream = fixture.stream();
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  assert((await reader.read()).done);
  assertEquals(fixture.read.asked, 1);
});
