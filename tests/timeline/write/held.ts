/** Timelines whose disk is held back, and batches of a given size. */

import { assertEquals } from "@std/assert";
import type { Change } from "../../../src/segment/mod.ts";
import { Gate } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { WriterFixture, type WriterOptions } from "./writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

/** Runs a body with a timeline on an empty disk, and closes it. */
export function test(
  name: string,
  body: (t: WriterFixture, engine: HookedSim) => Promise<void>,
  options: WriterOptions = {},
): void {
  Deno.test(name, async () => {
    const engine = new HookedSim();
    const t = await WriterFixture.open(engine, options);
    try {
      await body(t, engine);
    } finally {
      engine.hook = () => {};
      await t.close();
    }
    assertEquals(engine.openFiles, 0);
  });
}

/** A disk in memory on a machine with room for so many more buffers. */
export class CrampedEngine extends SimEngine {
  /** How many there is room for. */
  buffersLeft: number = Infinity;

  override allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    if (--this.buffersLeft < 0) throw new RangeError("Array buffer allocation failed");
    return super.allocateMemory(byteLength);
  }
}

/** Holds writes to segments, or another operation on them. */
export function hold(engine: HookedSim, held: string = "write"): Gate {
  const gate = new Gate();
  engine.hook = (operation, path) => operation === held && path.endsWith(".seg") ? gate.wait() : undefined;
  return gate;
}

/** Waits until everything that can go on has gone on. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** Whether a promise has settled. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await quiet();
  return settled;
}

/** A batch whose records take so many bytes. */
export function batchOf(bytes: number): Change[] {
  return [{ key: "k", value: new Uint8Array(bytes - 21) }];
}
