/** Whose turn it is to merge. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Turns } from "../../../src/base/mod.ts";
import { StoreUpkeep } from "../../../src/timeline/upkeep/store_upkeep.ts";
import { isSettled } from "../write/held.ts";

const never = new AbortController().signal;

Deno.test("StoreUpkeep.run() does nothing before the store is open, then one job at a time, in their order", async () => {
  const upkeep = new StoreUpkeep("slices"), done: string[] = [];
  let running = 0;
  const job = (name: string) => async () => {
    assertEquals(++running, 1);
    await new Promise((resolve) => setTimeout(resolve));
    running--;
    done.push(name);
    if (name === "b") throw new Error(name);
    return name;
  };
  const runs = ["a", "b", "c"].map((name) => upkeep.run(job(name), never));
  const failed = assertRejects(() => runs[1], Error, "b");
  assert(!await isSettled(runs[0]));
  upkeep.start();
  assertEquals([await runs[0], await runs[2]], ["a", "c"]);
  await failed;
  await Promise.all(["d", "e"].map((name) => upkeep.run(job(name), never)));
  assertEquals(done, ["a", "b", "c", "d", "e"]);
});

Deno.test("StoreUpkeep.run() gives up its place when it is stopped, and nobody else waits for that", async () => {
  const upkeep = new StoreUpkeep("slices"), controller = new AbortController();
  upkeep.start();
  const held = Promise.withResolvers<void>();
  const first = upkeep.run(() => held.promise, never);
  const stopped = upkeep.run(() => Promise.resolve("never"), controller.signal).catch((error: unknown) =>
    error
  );
  const third = upkeep.run(() => Promise.resolve("third"), never);
  controller.abort("enough");
  assertEquals(await stopped, "enough");
  held.resolve();
  await first;
  assertEquals(await third, "third");
  // Some get their turn in the moment in which they are stopped: they pass it on.
  for (let steps = 0; steps < 12; steps++) {
    const held = Promise.withResolvers<void>(), late = new AbortController();
    const running = upkeep.run(() => held.promise, never);
    const waiting = upkeep.run(() => Promise.resolve("late"), late.signal).catch((error: unknown) => error);
    held.resolve();
    for (let i = 0; i < steps; i++) await Promise.resolve();
    late.abort("too late");
    await running;
    assert(["late", "too late"].includes(await waiting as string));
    assertEquals(await upkeep.run(() => Promise.resolve("next"), never), "next");
  }
  upkeep.stop();
  assert(!await isSettled(upkeep.run(() => Promise.resolve(), never)));
});

Deno.test("StoreUpkeep.turnsOf() gives up turns while something is sealed", async () => {
  const upkeep = new StoreUpkeep("slices");
  let given = 0;
  const turns: Turns = {
    due: () => true,
    turn: () => Promise.resolve(void given++),
    awaiting: () => {},
    answered: () => {},
  };
  const own = upkeep.turnsOf(turns);
  await own.turn();
  assertEquals([given, own.due()], [1, true]);
  const seal = Promise.withResolvers<void>();
  const sealed = upkeep.seal(() => seal.promise);
  await own.turn();
  assertEquals(given, 10);
  seal.resolve();
  await sealed;
  await own.turn();
  assertEquals(given, 11);
});
