/** What a sync says that comes to no end, and that nobody closes beside one. */

import { assert, assertEquals, assertRejects, fail } from "@std/assert";
import { Health, IoError, PoisonedError } from "../../../src/base/mod.ts";
import { Durability, type UnsealedSegments } from "../../../src/segment/mod.ts";
import { errno, Gate } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { quiet } from "./held.ts";
import { WriterFixture } from "./writer_fixture.ts";

const turns = { turn: () => new Promise<void>((resolve) => setTimeout(resolve, 0)) };

/** Segments up to LSN 1, 2, …, which are not synced. */
function unsynced(...syncs: (() => Promise<void>)[]): Pick<UnsealedSegments, "unsealed"> {
  const unsealed = syncs.map((sync, i) => ({ segment: { sync, lastLsn: i + 1 } }));
  return { unsealed } as unknown as UnsealedSegments;
}

Deno.test("A sync that a closing cuts short says that it was closed, and poisons nothing", async () => {
  const health = new Health("it"), closed = new Deno.errors.BadResource("it is closed");
  const durability = new Durability(
    health,
    unsynced(() => {
      health.close();
      return Promise.reject(closed);
    }),
    turns,
    0,
  );
  assertEquals(await assertRejects(() => durability.sync(1)), closed);
  assertEquals([health.cause, durability.lsn], [undefined, 0]);
});

Deno.test("A sync that fails for what else was closed poisons", async () => {
  const health = new Health("it"), closed = new Deno.errors.BadResource("a descriptor is closed");
  const durability = new Durability(health, unsynced(() => Promise.reject(closed)), turns, 0);
  await assertRejects(() => durability.sync(1), PoisonedError);
  assertEquals([health.cause, health.state], [closed, "poisoned"]);
});

Deno.test("A sync goes to no further segment when it was closed meanwhile", async () => {
  const health = new Health("it");
  const first = () => Promise.resolve(health.close());
  const durability = new Durability(health, unsynced(first, () => fail("it was closed")), turns, 0);
  await assertRejects(() => durability.sync(2), Deno.errors.BadResource);
  assertEquals([health.cause, durability.lsn], [undefined, 1]);
});

Deno.test("Those who shared a sync share the next one, though each goes on in its own microtask", async () => {
  const writers = 16, rounds = 5;
  const segment = { lastLsn: 0, sync: () => turns.turn() }, unsealed = [{ segment }];
  const durability = new Durability(new Health("it"), { unsealed } as unknown as UnsealedSegments, turns, 0);
  await Promise.all(Array.from({ length: writers }, async (_, writer) => {
    for (let round = 0; round < rounds; round++) {
      const lsn = ++segment.lastLsn;
      await durability.sync(lsn);
      assert(durability.lsn >= lsn);
      for (let i = 0; i < (writer * 7 + round) % 5; i++) await undefined;
    }
  }));
  // The first one begins the first sync for itself alone.
  assertEquals([durability.lsn, durability.syncs], [writers * rounds, rounds + 1]);
});

Deno.test("Durability.idle() waits for a sync that follows the one that was under way", async () => {
  const health = new Health("it"), gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const unsealed = [{ segment: { sync: () => gates[durability.syncs].promise, lastLsn: 1 } }];
  const durability: Durability = new Durability(
    health,
    { unsealed } as unknown as UnsealedSegments,
    turns,
    0,
  );
  const first = durability.sync(1), second = durability.sync(2);
  let isIdle = false;
  const idle = durability.idle().then(() => isIdle = true);
  unsealed[0].segment = { ...unsealed[0].segment, lastLsn: 2 };
  gates[0].resolve();
  await first;
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([durability.lsn, isIdle], [1, false]);
  gates[1].resolve();
  await Promise.all([second, idle]);
});

for (const ask of ["sync", "freeze"] as const) {
  Deno.test(`TimelineWriter.${ask}() is not told of a full disk that a segment met which was begun before`, async () => {
    const engine = new HookedSim(), t = await WriterFixture.open(engine), late = new Gate();
    let opened = 0;
    engine.hook = async (operation, path) => {
      if (operation !== "open" || !path.endsWith(".seg") || ++opened > 2) return;
      if (opened === 2) await late.wait();
      throw errno("ENOSPC", operation, path);
    };
    await t.appendNext();
    await quiet();
    // Whoever appends is told, and has it tried again.
    await assertRejects(() => t.appendNext(), IoError, "ENOSPC");
    await late.reached;
    // By now there is room.
    const asked = t.writer[ask]();
    late.open();
    await asked;
    assertEquals([t.writer.durableLsn, opened], [1, 3]);
    await t.close();
  });
}

Deno.test("A sync is not told of a full disk that one met which was under way when it was asked for", async () => {
  const health = new Health("it"), gate = new Gate(), full = errno("ENOSPC", "write", "/it");
  let syncs = 0;
  const sync = async () => {
    if (++syncs > 1) return;
    await gate.wait();
    throw full;
  };
  const durability = new Durability(health, unsynced(sync), turns, 0);
  const first = assertRejects(() => durability.sync(1), IoError, "ENOSPC");
  await gate.reached;
  const others = Promise.all([durability.sync(1), durability.sync(1)]);
  gate.open();
  await first;
  await others;
  assertEquals([syncs, durability.lsn, health.state], [2, 1, "open"]);
});
