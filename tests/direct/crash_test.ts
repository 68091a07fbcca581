/** What a crash leaves of a file: every state that a disk in memory knows, before every operation. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError } from "../../src/base/mod.ts";
import type { DirectFile } from "../../src/direct/mod.ts";
import type { FaultPlan, SimDisk } from "../../src/sim/mod.ts";
import { block, bytesOf, DirectFixture, isSame, joined, simPath } from "./fixture.ts";

type Tail = "rewrite" | "pad";

/** What may be left at a moment, and what the owner of the file had recorded by then. */
interface Left {
  readonly disk: SimDisk;
  readonly recorded: number;
}

/** A file that is written to while, before each operation, all states are taken in which a crash may leave it. */
class Watched implements FaultPlan {
  readonly t: DirectFixture<Watched> = new DirectFixture(this);
  readonly left: Left[] = [];
  /** All that the file holds. */
  written = new Uint8Array(0);
  recorded = 0;
  #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  faultOf(): undefined {
    this.take();
    return undefined;
  }

  /** Takes the states that there are now, and checks what stands in each, byte by byte. */
  take(): void {
    const { recorded, written, t: { disk } } = this;
    for (const state of disk.crashStates({ limit: this.#limit })) {
      this.left.push({ disk: state, recorded });
      if (recorded === 0) continue;
      const contents = state.contents(simPath);
      assert(contents.length >= recorded, `${contents.length} bytes of ${recorded} that were durable`);
      assert(isSame(contents.subarray(0, recorded), written.subarray(0, recorded)), "what was durable");
    }
  }

  async append(file: DirectFile, bytes: Uint8Array): Promise<void> {
    this.written = joined(this.written, bytes);
    await file.append(bytes);
  }

  async sync(file: DirectFile): Promise<void> {
    await file.sync();
    this.#padTo(file.length);
    this.recorded = file.durableLength;
    this.take();
  }

  async close(file: DirectFile): Promise<void> {
    await file.close();
    this.recorded = file.durableLength;
    this.take();
  }

  #padTo(length: number): void {
    this.written = joined(this.written, new Uint8Array(length - this.written.length));
  }
}

/** Opens what is left with the length that was recorded: nothing but what was appended is shown, and it goes on. */
async function checkReopened({ disk, recorded }: Left, written: Uint8Array): Promise<void> {
  if (!disk.paths().includes(simPath)) return assertEquals(recorded, 0);
  const t = DirectFixture.make(disk);
  const file = await t.open({ length: recorded });
  assertEquals([file.length, file.durableLength], [recorded, recorded]);
  assert(isSame(await file.readAt(0, recorded + block), written.subarray(0, recorded)));
  await file.append(bytesOf(10, 9));
  await file.close();
  assert(isSame(t.contents(), joined(written.subarray(0, recorded), bytesOf(10, 9))));
}

/** The programs: lengths that are appended; `true` is a sync. */
const programs: readonly (readonly (number | true)[])[] = [
  [100],
  [100, true],
  [100, true, 100, true],
  [4000, true, 96, true, 4096],
  [4000, true, 200, true, 10],
  [block, true, 1, true, 2 * block],
];

for (const tail of ["rewrite", "pad"] as const) {
  for (const program of programs) {
    const words = program.map((step) => step === true ? "sync" : step).join(", ");
    Deno.test(`DirectFile: a crash loses nothing that was synced, tail "${tail}": ${words}`, async () => {
      await run(program, tail, 0, 600);
    });
  }

  Deno.test(`DirectFile: a crash with room reserved, tail "${tail}"`, async () => {
    await run([100, true, 5000, true, 10], tail, 2 * block, 300);
  });
}

async function run(
  program: readonly (number | true)[],
  tail: Tail,
  preallocateBytes: number,
  limit: number,
): Promise<void> {
  const watched = new Watched(limit);
  const file = await watched.t.open({ tail, preallocateBytes });
  for (const [i, step] of program.entries()) {
    if (step === true) await watched.sync(file);
    else await watched.append(file, bytesOf(step, i));
  }
  await watched.close(file);
  const seen = new Set<string>();
  for (const left of watched.left) {
    const state = `${left.disk.hash()} ${left.recorded}`;
    if (seen.has(state)) continue;
    seen.add(state);
    await checkReopened(left, watched.written);
  }
  assert(seen.size >= 5, `${seen.size} states`);
  assertEquals(watched.recorded, watched.written.length);
}

Deno.test("DirectFile: without a sync a crash may leave anything behind what was durable, also padding", async () => {
  const watched = new Watched(1000), file = await watched.t.open();
  await watched.append(file, bytesOf(100));
  await watched.sync(file);
  await watched.append(file, bytesOf(100, 2));
  // The tail is written and not synced: the block may be the old one, the new one, or torn; never less than was durable.
  const syncing = watched.sync(file);
  const kinds = new Set<string>();
  await syncing;
  for (const { disk, recorded } of watched.left) {
    if (recorded !== 100) continue;
    const contents = disk.contents(simPath);
    assertEquals(contents.length, block);
    kinds.add(isSame(contents.subarray(100, 200), bytesOf(100, 2)) ? "appended" : "padding");
  }
  assertEquals([...kinds].sort(), ["appended", "padding"]);
  await watched.close(file);
});

Deno.test("DirectFile.open() refuses a file that is shorter than its owner recorded, and leaves it alone", async () => {
  const t = DirectFixture.make();
  t.disk.put(simPath, bytesOf(100));
  for (const readOnly of [false, true]) {
    const error = await assertRejects(() => t.open({ length: 101, readOnly }), CorruptionError, "101 bytes");
    assertEquals([error.path, error.offset], [simPath, 100]);
  }
  t.checkClosed();
  assertEquals(t.contents(), bytesOf(100));
});
