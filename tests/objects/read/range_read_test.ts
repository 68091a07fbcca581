import { assert, assertEquals } from "@std/assert";
import { CorruptionError, Health, IoError } from "../../../src/base/mod.ts";
import { type ObjectWriter, RangeRead, type RangeSink, type StoredObject } from "../../../src/objects/mod.ts";
import { Random, seeds } from "../../random.ts";
import type { ReadKind } from "../../../src/objects/read/range_read.ts";
import { block, idOf, ObjectsFixture } from "../objects_fixture.ts";
import { drain } from "../../../src/sim/mod.ts";

const KiB = 1024;

/** Object, offset and length. */
type Want = readonly [StoredObject, number, number];

/** A read whose answers are kept. */
class Question implements RangeSink {
  readonly read: RangeRead;
  readonly answers: (Uint8Array | Error | undefined)[];
  /** Whether the memory was given away, by item. */
  readonly owned: boolean[] = [];
  /** What `accept` throws. */
  refusal: Error | undefined;
  readonly #memory: { bytes: Uint8Array; copy: Uint8Array }[] = [];

  constructor(t: ObjectsFixture, wants: readonly Want[], kind?: ReadKind) {
    this.answers = wants.map(() => undefined);
    this.read = new RangeRead(
      t.objects,
      {
        count: wants.length,
        objectOf: (item) => wants[item][0],
        offsetOf: (item) => wants[item][1],
        lengthOf: (item) => wants[item][2],
      },
      this,
      kind,
    );
  }

  accept(
    item: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    at: number,
    length: number,
    owned: boolean,
  ): void {
    if (this.refusal !== undefined) throw this.refusal;
    assertEquals(this.answers[item], undefined, "an item is answered once");
    assertEquals(view.getUint8(at), bytes[at], "the view is of the same memory");
    const part = bytes.subarray(at, at + length);
    this.answers[item] = part.slice();
    this.owned[item] = owned;
    if (owned) this.#memory.push({ bytes: part, copy: part.slice() });
  }

  fail(item: number, error: Error): void {
    assertEquals(this.answers[item], undefined, "an item is answered once");
    this.answers[item] = error;
  }

  async finish(): Promise<this> {
    while (!this.read.done) await this.read.step();
    for (const { bytes, copy } of this.#memory) assertEquals(bytes, copy, "owned memory is not used again");
    return this;
  }
}

function bytesOf(length: number, salt = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 7 + (i >>> 8) * 13 + salt;
  return bytes;
}

Deno.test("RangeRead reads ranges of many objects by merged reads", async () => {
  const t = new ObjectsFixture();
  const contents = [bytesOf(100 * KiB, 1), bytesOf(80 * KiB, 2)];
  const [a, b] = contents.map((bytes, i) => t.put(i, bytes));
  const wants: Want[] = [[b, 5, 10], [a, 70000, 5000], [a, 3, 1], [b, 20 * KiB, 9], [a, 0, 0], [a, 12, 100]];
  const { answers, owned } = await new Question(t, wants).finish();
  assertEquals(answers, [
    contents[1].slice(5, 15),
    contents[0].slice(70000, 75000),
    contents[0].slice(3, 4),
    contents[1].slice(20 * KiB, 20 * KiB + 9),
    undefined,
    contents[0].slice(12, 112),
  ]);
  assertEquals(owned.includes(true), false);
  assertEquals(t.engine.takeReads(), ["0 0+4096", "0 69632+8192", "1 0+24576"]);
  const { valueReads, valueReadBytes, pageReads } = t.objects.metrics();
  assertEquals({ valueReads, valueReadBytes, pageReads }, {
    valueReads: 3,
    valueReadBytes: 36 * KiB,
    pageReads: 0,
  });
  await t.close();
});

Deno.test("RangeRead puts a large range together, also when the reads of its parts end in any order", async () => {
  const t = new ObjectsFixture();
  const contents = bytesOf(3000 * KiB);
  const object = t.put(1, contents);
  const wants: Want[] = [[object, 100, 2000 * KiB], [object, 1900 * KiB, 1000 * KiB], [
    object,
    100,
    2000 * KiB,
  ]];
  const { answers, owned } = await new Question(t, wants).finish();
  wants.forEach(([, offset, length], i) => {
    assertEquals(
      (answers[i] as Uint8Array).toHex() === contents.slice(offset, offset + length).toHex(),
      true,
    );
  });
  assertEquals(owned, [true, true, true]);
  await t.close();
});

Deno.test("RangeRead reads stretches by as few reads as there are buffers for, and values by shorter ones", async () => {
  const t = new ObjectsFixture();
  const contents = bytesOf(3000 * KiB), object = t.put(1, contents);
  const wants: Want[] = [[object, 700, 1000 * KiB], [object, 1000 * KiB + 700, 1000 * KiB]];
  const reads: number[] = [];
  for (const kind of ["stretches", "values"] as const) {
    const { answers, owned } = await new Question(t, wants, kind).finish();
    wants.forEach(([, offset, length], i) => {
      assertEquals((answers[i] as Uint8Array).toHex(), contents.slice(offset, offset + length).toHex());
    });
    assertEquals(owned, wants.map(() => kind === "values"), "what comes in one piece is lent");
    reads.push(t.engine.takeReads().length);
  }
  assertEquals(reads, [2, 8]);
  const { valueReads, pageReads, valueReadBytes } = t.objects.metrics();
  assertEquals([valueReads, pageReads], [10, 0]);
  assert(valueReadBytes >= 4000 * KiB, "both count as values");
  await t.close();
});

Deno.test("RangeRead.done is true at once when nothing is to be read", async () => {
  const t = new ObjectsFixture();
  assertEquals(new Question(t, []).read.done, true);
  assertEquals(new Question(t, [[t.objects.object(idOf(1)), 0, 0]]).read.done, true);
  await t.close();
});

Deno.test("RangeRead fails the ranges of a read that failed, once each, and no others", async () => {
  const t = new ObjectsFixture();
  const contents = bytesOf(2000 * KiB);
  const object = t.put(1, contents);
  t.faults.failNext("read", "EIO");
  const large = await new Question(t, [[object, 0, 1500 * KiB]]).finish();
  assert(large.answers[0] instanceof IoError);
  const short = await new Question(t, [[object, 0, 10], [object, 2000 * KiB - 5, 6], [object, 0, 3000 * KiB]])
    .finish();
  assertEquals(short.answers[0], contents.slice(0, 10));
  for (const answer of short.answers.slice(1)) assert(answer instanceof CorruptionError);
  assertEquals((short.answers[1] as CorruptionError).offset, 2000 * KiB);
  await t.close();
});

Deno.test("RangeRead fails the ranges of a file that is missing, and reads the others", async () => {
  const t = new ObjectsFixture();
  const object = t.put(1, bytesOf(100));
  const { answers } = await new Question(t, [[t.objects.object(idOf(9)), 0, 5], [object, 0, 100]]).finish();
  assert(answers[0] instanceof CorruptionError);
  assertEquals(answers[1], bytesOf(100));
  await t.close();
});

Deno.test("RangeRead gives what a sink throws back to it", async () => {
  const t = new ObjectsFixture();
  const question = new Question(t, [[t.put(1, bytesOf(100)), 0, 5]]);
  question.refusal = new Error("not this");
  assertEquals((await question.finish()).answers, [question.refusal]);
  await t.close();
});

Deno.test("RangeRead holds no buffer and no file when its reader pauses, however slowly it goes on", async () => {
  const t = new ObjectsFixture();
  const object = t.put(1, bytesOf(20000 * KiB));
  const wants: Want[] = Array.from({ length: 300 }, (_, i) => [object, i * 64 * KiB, 100]);
  const question = new Question(t, wants);
  await question.read.step();
  await drain();
  assertEquals(question.read.done, false);
  assertEquals([t.objects.context.readPool.takenBytes, object.own.leases], [0, 0]);
  await question.finish();
  assertEquals(question.answers.every((answer) => answer instanceof Uint8Array), true);
  await t.close();
});

Deno.test("RangeRead.cancel() waits for what is in flight, and tells nothing more", async () => {
  const t = new ObjectsFixture();
  const object = t.put(1, bytesOf(4000 * KiB));
  const question = new Question(t, Array.from({ length: 200 }, (_, i) => [object, i * 64 * KiB, 100]));
  t.engine.reading.close();
  const stepping = question.read.step();
  await drain();
  let cancelled = false;
  const cancelling = question.read.cancel().then(() => cancelled = true);
  await drain();
  assertEquals(cancelled, false);
  t.engine.reading.open();
  await Promise.all([stepping, cancelling]);
  assertEquals([question.read.done, question.answers.some((answer) => answer !== undefined)], [true, false]);
  assertEquals(t.engine.takeReads().length <= 4 * 32, true);
  await t.close();
});

Deno.test("RangeRead.cancel() gives up waiting for a buffer", async () => {
  const t = new ObjectsFixture();
  const { readPool: pool } = t.objects.context;
  const taken = Array.from({ length: 16 }, () => pool.takeNow());
  const question = new Question(t, [[t.put(1, bytesOf(100)), 0, 5]]);
  const stepping = question.read.step();
  await question.read.cancel();
  for (const buffer of taken) buffer.release();
  await stepping;
  assertEquals([question.answers, t.engine.takeReads()], [[undefined], []]);
  await t.close();
});

Deno.test("RangeRead.cancel() ends also while it waits for a descriptor, and leaves no lease", async () => {
  const t = new ObjectsFixture();
  const { files } = t.objects.context;
  const [held, wanted] = [t.put(1, bytesOf(100)), t.put(2, bytesOf(100))];
  t.engine.mostFiles = 1;
  const leases = await files.lease([held]);
  const question = new Question(t, [[wanted, 0, 5]]);
  const stepping = question.read.step();
  await drain();
  const cancelling = question.read.cancel();
  files.release(leases);
  await Promise.all([stepping, cancelling]);
  assertEquals([question.read.done, question.answers], [true, [undefined]]);
  assertEquals([wanted.own.leases, t.objects.context.readPool.takenBytes], [0, 0]);
  await t.close();
});

Deno.test("RangeRead keeps few files open when nobody reads, however many it read", async () => {
  const t = new ObjectsFixture({ openFiles: 3 });
  const objects = Array.from({ length: 60 }, (_, i) => t.put(i, bytesOf(100, i)));
  for (let round = 0; round < 3; round++) {
    const wants = objects.slice(round).map((object): Want => [object, 0, 100]);
    await Promise.all([new Question(t, wants).finish(), new Question(t, wants.toReversed()).finish()]);
    await drain();
    assertEquals([t.engine.openFiles, t.objects.metrics().openFiles], [3, 3]);
  }
  await t.close();
});

Deno.test("RangeRead waits for descriptors rather than fail", async () => {
  const t = new ObjectsFixture();
  t.engine.mostFiles = 2;
  const objects = Array.from({ length: 50 }, (_, i) => t.put(i, bytesOf(5000, i)));
  const questions = Array.from(
    { length: 4 },
    () => new Question(t, objects.map((object, i) => [object, i, 100])),
  );
  await Promise.all(questions.map((question) => question.finish()));
  for (const { answers } of questions) {
    answers.forEach((answer, i) => assertEquals(answer, bytesOf(5000, i).slice(i, i + 100)));
  }
  assertEquals(t.engine.peakFiles, 2);
  await t.close();
});

Deno.test("RangeRead copies at once what a writer has in memory, from its first byte on", async () => {
  const t = new ObjectsFixture();
  await t.objects.prepare(0xabc);
  const health = new Health("test");
  t.engine.opening.close();
  const writer = t.objects.create(idOf(1), { health, reserveBytes: 0 });
  const contents = bytesOf(6 * block);
  writer.append(contents);
  const question = new Question(t, [[writer.object, 10, 20], [writer.object, block, 3 * block]]);
  assertEquals([question.read.done, question.owned], [true, [true, true]]);
  assertEquals(question.answers, [contents.slice(10, 30), contents.slice(block, 4 * block)]);
  await question.finish();
  t.engine.opening.open();
  await writer.abort();
  await t.close();
});

Deno.test("RangeRead joins what is in memory with what is in the file", async () => {
  const t = new ObjectsFixture();
  const health = new Health("test");
  const writer = t.objects.create(idOf(1), { health, reserveBytes: 0 });
  const contents = bytesOf(3 * block + 100);
  writer.append(contents);
  await writer.sync(2 * block);
  await drain();
  const question = new Question(t, [[writer.object, 0, contents.length], [writer.object, 2 * block, 50]]);
  assertEquals([question.answers[0], question.owned], [undefined, [, true]]);
  await question.finish();
  assertEquals(question.answers, [contents, contents.slice(2 * block, 2 * block + 50)]);
  assertEquals(question.owned, [true, true]);
  await writer.abort();
  await t.close();
});

Deno.test("RangeRead gives bytes of a writer's memory that stay right when they are flushed and the memory is used again", async () => {
  const t = new ObjectsFixture();
  const writer = t.objects.create(idOf(1), { health: new Health("test"), reserveBytes: 0 });
  const contents = bytesOf(64 * block);
  const kept: { at: number; bytes: Uint8Array }[] = [];
  const sink: RangeSink = {
    accept: (at, bytes, _view, start, length, owned) => {
      kept.push({
        at,
        bytes: owned ? bytes.subarray(start, start + length) : bytes.slice(start, start + length),
      });
    },
    fail: (_item, error) => {
      throw error;
    },
  };
  for (let at = 0; at < contents.length; at += block) {
    writer.append(contents.subarray(at, at + block));
    // An item for each block: those in memory and those that are in the file by now.
    const range = new RangeRead(t.objects, {
      count: at / block + 1,
      objectOf: () => writer.object,
      offsetOf: (item) => item * block,
      lengthOf: () => block,
    }, sink);
    if (at % (3 * block) === 0) await writer.sync(at + block);
    while (!range.done) await range.step();
  }
  await writer.finish();
  assertEquals(kept.length, 64 * 65 / 2);
  for (const { at, bytes } of kept) assertEquals(bytes, contents.subarray(at * block, (at + 1) * block));
  await t.close();
});

/** A writer and all that was ever appended to it. */
class Model {
  readonly writer: ObjectWriter;
  readonly contents: Uint8Array;
  readonly #random: Random;

  constructor(t: ObjectsFixture, random: Random, health: Health) {
    this.#random = random;
    this.writer = t.objects.create(idOf(1), { health, reserveBytes: random.pick([0, 64 * KiB]) });
    this.contents = random.bytes(256 * KiB);
  }

  append(): void {
    const { position } = this.writer;
    const length = this.#random.below(1 << this.#random.below(15));
    this.writer.append(this.contents.subarray(position, Math.min(this.contents.length, position + length)));
  }

  want(): Want {
    const { position, object } = this.writer;
    const offset = this.#random.below(position);
    return [object, offset, this.#random.from(1, Math.min(20 * KiB, position - offset))];
  }

  sync(): Promise<void> {
    return this.writer.sync(this.writer.position - this.writer.position % block);
  }

  finish(): Promise<number> {
    const { position } = this.writer;
    this.writer.append(this.contents.subarray(position, Math.ceil(position / block) * block));
    return this.writer.finish();
  }

  async check(question: Question, wants: readonly Want[]): Promise<void> {
    const { answers } = await question.finish();
    wants.forEach(([, offset, length], item) => {
      assertEquals(answers[item], this.contents.slice(offset, offset + length), `${offset}+${length}`);
    });
  }
}

Deno.test("RangeRead misses no byte, however appends, writes, syncs, reads and finishing fall together", async () => {
  for (const seed of seeds("ranges of a writer", 15)) {
    const random = new Random(seed);
    const t = new ObjectsFixture();
    t.engine.hold = random.once(2);
    const model = new Model(t, random, new Health("test"));
    const running: Promise<unknown>[] = [];
    let asked = 0, finished = false;
    for (let i = 0; i < 300; i++) {
      const step = random.below(10);
      if (step < 3 && !finished) model.append();
      else if (step === 3 && !finished) running.push(model.sync());
      else if (step === 4) await random.pick(t.engine.inFlight)?.finish();
      else if (step === 5) await drain();
      else if (step === 6 && random.once(4)) t.engine.reading[random.once(2) ? "close" : "open"]();
      else if (step === 7 && i > 200 && !finished) {
        finished = true;
        running.push(model.finish());
      } else if (model.writer.position > 0) {
        const wants = Array.from({ length: random.from(1, 5) }, () => model.want());
        asked += wants.length;
        running.push(model.check(new Question(t, wants), wants));
      }
    }
    t.engine.reading.open();
    await t.engine.finishAll();
    await Promise.all(running);
    assert(asked > 20, "something was asked");
    await model.writer.abort();
    await t.close();
  }
});
