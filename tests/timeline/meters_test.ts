import { assertEquals } from "@std/assert";
import { LatencyWindow } from "../../src/base/mod.ts";
import { AppendTimer } from "../../src/timeline/meters.ts";
import { HeldMemory } from "../../src/timeline/upkeep/held_memory.ts";

/** A clock that is set, and counts how often somebody looked. */
class SetClock {
  time = 0;
  looks = 0;
  now = () => 0;
  monotonic = () => {
    this.looks++;
    return this.time;
  };
}

Deno.test("AppendTimer times one of 16 appends that do not wait, for all of them", () => {
  const clock = new SetClock(), window = new LatencyWindow(), timer = new AppendTimer(clock, window);
  for (let i = 0; i < 33; i++) {
    const began = timer.begin();
    clock.time++;
    timer.pass(began);
  }
  assertEquals(clock.looks, 6);
  const { count, p50Milliseconds, mostMilliseconds } = window.latency(clock.time);
  assertEquals([count, p50Milliseconds, mostMilliseconds], [33, 1.03125, 1.03125]);
});

Deno.test("AppendTimer times every append that waits, once", () => {
  const clock = new SetClock(), window = new LatencyWindow(), timer = new AppendTimer(clock, window);
  for (let i = 0; i < 20; i++) {
    const began = timer.begin();
    clock.time++;
    if (i % 4 !== 3) timer.pass(began);
    else {
      const since = timer.wait(began);
      clock.time += 100;
      timer.waited(since);
    }
  }
  // The first that did not wait is counted by itself; those behind it when the next is timed.
  assertEquals(window.latency(clock.time).count, 1 + 5);
  for (let i = 0; i < 2; i++) timer.pass(timer.begin());
  const { count, p50Milliseconds, p99Milliseconds } = window.latency(clock.time);
  assertEquals([count, p50Milliseconds < 2, p99Milliseconds >= 100], [17 + 5, true, true]);
});

Deno.test("HeldMemory sums up what jobs hold while they run", () => {
  const held = new HeldMemory();
  let bytes = 5;
  const tell = () => bytes;
  const first = held.hold(tell), second = held.hold(tell);
  assertEquals(held.byteLength, 10);
  bytes = 7;
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals(held.byteLength, 7);
  second[Symbol.dispose]();
  assertEquals(held.byteLength, 0);
});
