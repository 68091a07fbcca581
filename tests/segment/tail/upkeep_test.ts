/** Jobs: one after the other, waiting for a disk with room, none after one that failed. */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { Health, type HealthState, IoError, PoisonedError } from "../../../src/base/mod.ts";
import { Upkeep } from "../../../src/segment/mod.ts";

const full = () => new IoError({ code: "ENOSPC", operation: "write", path: "/a" });
const broken = () => new IoError({ code: "EIO", operation: "write", path: "/a" });

/** Jobs that say when they begin and end. */
class UpkeepFixture {
  readonly health: Health = new Health("it");
  readonly upkeep: Upkeep = new Upkeep(this.health);
  readonly seen: string[] = [];

  /** Adds a job that does some work in several turns. */
  add(name: string, work: () => unknown = () => {}): void {
    this.upkeep.add(async () => {
      this.seen.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve));
      await work();
      this.seen.push(`${name} ends`);
    });
  }

  /** Waits until the disk is full. */
  async untilFull(): Promise<void> {
    while (this.health.state !== "full") await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("Upkeep runs jobs in order, one at a time, and none in the turn that adds it", async () => {
  const t = new UpkeepFixture();
  for (const name of ["a", "b", "c"]) t.add(name);
  assertEquals(t.seen, []);
  await t.upkeep.idle();
  assertEquals(t.seen, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  await t.upkeep.idle();
});

Deno.test("Upkeep runs what is added while it runs, also by a job, and after it was idle", async () => {
  const t = new UpkeepFixture();
  t.add("a", () => t.add("c"));
  t.add("b");
  await t.upkeep.idle();
  t.add("d");
  await t.upkeep.idle();
  assertEquals(t.seen.filter((seen) => seen.endsWith("ends")), ["a ends", "b ends", "c ends", "d ends"]);
  assertEquals(t.health.state, "open");
});

Deno.test("Upkeep waits with a job for a disk with room, then goes on with it and those behind it", async () => {
  const t = new UpkeepFixture();
  let tries = 0;
  t.add("a", () =>
    t.health.patiently(() => {
      t.seen.push(`try ${++tries}`);
      return tries < 3 ? Promise.reject(full()) : Promise.resolve();
    }));
  t.add("b");
  for (let i = 0; i < 2; i++) {
    await t.untilFull();
    t.health.retry();
  }
  await t.upkeep.idle();
  assertEquals(t.seen, ["a begins", "try 1", "try 2", "try 3", "a ends", "b begins", "b ends"]);
  assertEquals(t.health.state, "open");
});

/** What a job fails with, in which state, and what becomes of the health. */
const failures: readonly [
  words: string,
  fail: () => Error,
  closing: boolean,
  state: HealthState,
  cause: string,
][] = [
  ["anything", broken, false, "poisoned", "IoError"],
  ["a full disk for which it did not wait", full, false, "poisoned", "PoisonedError"],
  ["a bug", () => new TypeError("no"), false, "poisoned", "TypeError"],
  ["anything while closing", broken, true, "closing", "IoError"],
  ["a full disk while closing", full, true, "closing", "IoError"],
];

for (const [words, fail, closing, state, cause] of failures) {
  Deno.test(`Upkeep begins no job behind one that failed with ${words}`, async () => {
    const t = new UpkeepFixture();
    const error = fail();
    t.add("a", () => {
      if (closing) t.health.close();
      throw error;
    });
    t.add("b");
    await t.upkeep.idle();
    t.add("c");
    await t.upkeep.idle();
    assertEquals([t.seen, t.health.state, t.health.cause?.name], [["a begins"], state, cause]);
    const known = t.health.cause;
    if (known === error) assertStrictEquals(known, error);
    else assertStrictEquals(known?.cause, error);
  });
}

Deno.test("Upkeep gives up a job that waits for a disk with room when it is closed, and those behind it", async () => {
  const t = new UpkeepFixture();
  t.add("a", () => t.health.patiently(() => Promise.reject(full())));
  t.add("b");
  await t.untilFull();
  t.health.close();
  await t.upkeep.idle();
  assertInstanceOf(t.health.refusal(), IoError);
  assertEquals(t.seen, ["a begins"]);
});

Deno.test("Upkeep keeps the first failure when another one was first", async () => {
  const t = new UpkeepFixture();
  t.add("a", () => {
    throw broken();
  });
  const first = t.health.fail(new IoError({ code: "EIO", operation: "sync", path: "/first" }));
  await t.upkeep.idle();
  assertInstanceOf(first, PoisonedError);
  assertStrictEquals(t.health.cause, first.cause);
});
