import { assertEquals } from "@std/assert";
import { Pacer } from "../../src/base/mod.ts";

/** A clock that a test sets. */
class HeldClock {
  time = 1000;

  now(): number {
    throw new Error("the pacer has no use for the date");
  }

  monotonic(): number {
    return this.time;
  }
}

Deno.test("Pacer.due() says so when the slice is over, until the next turn", async () => {
  const clock = new HeldClock();
  const pacer = new Pacer(5, clock);
  assertEquals(pacer.due(), false);
  clock.time += 4.9;
  assertEquals(pacer.due(), false);
  clock.time += 0.1;
  assertEquals([pacer.due(), pacer.due()], [true, true]);
  await pacer.turn();
  assertEquals(pacer.due(), false);
  clock.time += 5;
  assertEquals(pacer.due(), true);
});

Deno.test("Pacer.turn() lets others have their turn", async () => {
  const pacer = new Pacer(0, new HeldClock());
  const order: string[] = [];
  setTimeout(() => order.push("timer"));
  const other = new Promise<void>((resolve) => setTimeout(resolve));
  while (order.length === 0) await pacer.turn();
  order.push("work");
  assertEquals(order, ["timer", "work"]);
  await other;
});
