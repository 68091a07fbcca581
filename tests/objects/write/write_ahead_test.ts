/** Zeros ahead of small syncs of an object: they stand in no one's way, and are gone when it is handed on or finished. */

import { assert, assertEquals } from "@std/assert";
import { Health } from "../../../src/base/mod.ts";
import type { ObjectWriter } from "../../../src/objects/mod.ts";
import type { HeldWrite } from "../../../src/sim/mod.ts";
import { block, directIo, idOf, ObjectsFixture, settle } from "../objects_fixture.ts";

const id = idOf(1);

/** One writer with room that is reserved for it. */
class Fixture extends ObjectsFixture {
  readonly health: Health = new Health("test");
  readonly writer: ObjectWriter;

  constructor(writeDirect = true) {
    super({ bufferBytes: 256 * block, io: { ...directIo, writeDirect } });
    this.writer = this.objects.create(id, { health: this.health, reserveBytes: 200 * block });
  }

  /** Appends a block of one byte. */
  append(): void {
    const { writer } = this;
    writer.append(new Uint8Array(block).fill(1 + writer.position / block));
  }

  /** Appends blocks and makes each durable. */
  async commits(count: number): Promise<void> {
    await this.writer.made;
    for (let i = 0; i < count; i++) {
      this.append();
      await this.writer.sync(this.writer.position);
    }
    await settle();
  }

  /** Commits five blocks, behind which zeros are in flight then. */
  async holdZeros(): Promise<HeldWrite> {
    await this.commits(4);
    this.engine.hold = true;
    this.append();
    const fifth = this.writer.sync(5 * block);
    await settle();
    await this.engine.inFlight[0].finish();
    await fifth;
    await settle();
    const [zeros] = this.engine.inFlight;
    assertEquals([zeros.offset, zeros.length], [9 * block, block]);
    return zeros;
  }

  /** Every write since the log was taken, and whether it was durable. */
  takeWrites(): string[] {
    return this.engine.takeLog().filter((line) => line.startsWith("write") || line === "datasync");
  }

  checkFile(): void {
    const bytes = this.contents(id);
    assertEquals(bytes.length, this.writer.position);
    for (let i = 0; i < bytes.length; i += block) assertEquals(bytes[i], 1 + i / block);
  }
}

Deno.test("ObjectWriter.sync() waits for zeros in its way, and is one durable write all the same", async () => {
  const t = new Fixture();
  const zeros = await t.holdZeros();
  for (let i = 0; i < 5; i++) t.append();
  t.engine.takeLog();
  const synced = t.writer.sync(10 * block);
  await settle();
  assertEquals(t.takeWrites(), []);
  await zeros.finish();
  await settle();
  assertEquals(t.takeWrites(), [`write ${5 * block}+${5 * block} durable`]);
  await t.engine.finishAll();
  await synced;
  assertEquals(t.writer.durableOffset, 10 * block);
  await t.writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter.settle() leaves no zeros in flight, and none are written behind it", async () => {
  const t = new Fixture();
  await t.holdZeros();
  let isSettled = false;
  const settled = t.writer.settle().then(() => isSettled = true);
  await settle();
  assertEquals([t.engine.inFlight.length, isSettled], [1, false]);
  await t.engine.finishAll();
  await settled;
  t.takeWrites();
  await t.commits(60);
  assert(t.takeWrites().every((line) => line.endsWith("durable")));
  await t.writer.finish();
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter.finish() cuts zeros off, and reads find what was appended over them", async () => {
  const t = new Fixture();
  await t.commits(30);
  assert(t.contents(id).length === 200 * block && t.takeWrites().some((line) => !line.endsWith("durable")));
  assertEquals(await t.writer.finish(), 30 * block);
  t.checkFile();
  await t.close();
});

Deno.test("ObjectWriter writes zeros only directly, and where room could be reserved", async () => {
  const buffered = new Fixture(false);
  const cramped = new Fixture();
  cramped.faults.failNext("allocate", "ENOSPC");
  for (const t of [buffered, cramped]) {
    await t.commits(40);
    assert(t.takeWrites().every((line) => line.endsWith("durable")));
    await t.writer.finish();
    t.checkFile();
    await t.close();
  }
});
