/** Room is reserved ahead in steps, and nobody waits for it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PoisonedError } from "../../src/base/mod.ts";
import type { IoFile } from "../../src/io/mod.ts";
import { drain, ListedFaults, SimEngine } from "../../src/sim/mod.ts";
import { DirectFile } from "../../src/direct/mod.ts";
import { block, bytesOf, isSame, simPath } from "./fixture.ts";

const step = 8 * block;

/** An engine whose `allocate` a test holds, or that cannot reserve. */
class Reserving extends SimEngine {
  readonly asked: number[] = [];
  /** What reserving waits for, if a test holds it. */
  gate: Promise<void> | undefined;
  canReserve = true;

  override async allocate(file: IoFile, length: number): Promise<boolean> {
    this.asked.push(length);
    await this.gate;
    return await super.allocate(file, length) && this.canReserve;
  }

  openFile(): Promise<DirectFile> {
    return DirectFile.open(simPath, { ioEngine: this, preallocateBytes: step });
  }

  contents(): Uint8Array {
    return this.disk.contents(simPath);
  }
}

Deno.test("DirectFile reserves the next step when half of one is left, and gives back what it did not need", async () => {
  const engine = new Reserving(), file = await engine.openFile();
  assertEquals([engine.asked, engine.contents().length], [[step], step]);
  await file.append(bytesOf(4 * block));
  await drain();
  assertEquals(engine.asked, [step]);
  await file.append(bytesOf(1));
  await drain();
  assertEquals(engine.asked, [step, 2 * step]);
  await file.append(bytesOf(100 * block));
  await drain();
  // One that jumped far ahead has a step before it again.
  assertEquals(engine.asked, [step, 2 * step, 104 * block + 1 + step]);
  await file.close();
  assertEquals(engine.contents().length, 104 * block + 1);
});

Deno.test("DirectFile appends and syncs while room is being reserved, and waits for it in the end", async () => {
  const engine = new Reserving(), file = await engine.openFile();
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  await file.append(bytesOf(3 * step));
  await file.sync();
  assertEquals([engine.asked.length, file.durableLength], [2, 3 * step]);
  await file.append(bytesOf(3 * step, 2));
  assertEquals(engine.asked.length, 2);
  let isClosed = false;
  const closing = file.close().then(() => isClosed = true);
  for (let i = 0; i < 20; i++) await drain();
  assertEquals(isClosed, false);
  resolve();
  await closing;
  assertEquals(engine.contents().length, 6 * step);
  assert(isSame(engine.contents().subarray(3 * step), bytesOf(3 * step, 2)));
});

Deno.test("DirectFile asks for no more room where there is none, or none can be reserved, and goes on", async () => {
  for (const why of ["no room", "cannot"]) {
    const faults = new ListedFaults(), engine = new Reserving({ faults });
    engine.canReserve = why !== "cannot";
    const file = await engine.openFile();
    if (why === "no room") faults.failNth("allocate", 2, "ENOSPC");
    for (let i = 0; i < 5; i++) {
      await file.append(bytesOf(step));
      await drain();
    }
    assertEquals(engine.asked.length, why === "cannot" ? 1 : 2);
    await file.close();
    assertEquals(engine.contents().length, 5 * step);
  }
});

Deno.test("DirectFile is poisoned when reserving fails for another reason than room", async () => {
  const faults = new ListedFaults(), engine = new Reserving({ faults }), file = await engine.openFile();
  faults.failNth("allocate", 2, "EIO");
  await file.append(bytesOf(step));
  await drain();
  await assertRejects(() => file.append(bytesOf(1)), PoisonedError, "EIO");
  assert(isSame(await file.readAt(0, step), bytesOf(step)));
  await assertRejects(() => file.close(), PoisonedError);
  assertEquals(engine.openFiles, 0);
});
