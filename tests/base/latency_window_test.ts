import { assert, assertEquals } from "@std/assert";
import { LatencyWindow } from "../../src/base/mod.ts";
import { Random } from "../random.ts";

const sliceMilliseconds = 10_000;

/** What is told of times that are recorded at once. */
function told(times: readonly number[]) {
  const window = new LatencyWindow();
  for (const time of times) window.record(0, time);
  return window.latency(Math.max(0, ...times));
}

Deno.test("LatencyWindow tells nothing before the first operation", () => {
  const nothing = {
    count: 0,
    p50Milliseconds: 0,
    p99Milliseconds: 0,
    p999Milliseconds: 0,
    mostMilliseconds: 0,
  };
  assertEquals(told([]), nothing);
  assertEquals(new LatencyWindow().latency(1e9), nothing);
});

Deno.test("LatencyWindow tells any time at most a 32nd too large, and none too small", () => {
  for (let time = 0.002; time < 120_000; time *= 1.013) {
    const { count, p50Milliseconds, mostMilliseconds } = told([time]);
    assertEquals([count, p50Milliseconds], [1, mostMilliseconds]);
    assert(mostMilliseconds >= time && mostMilliseconds <= time * (1 + 1 / 32) + 0.000_062, `${time}`);
  }
  // What is below a unit is told as one, and what is beyond the last bucket as its end.
  assertEquals(told([0]).mostMilliseconds, 1 / 16_384);
  assertEquals(told([10 ** 9]).mostMilliseconds, 131_072);
});

Deno.test("LatencyWindow tells the percentiles of what was recorded", () => {
  const random = new Random(7);
  const times = Array.from({ length: 5000 }, () => random.below(1_000_000) / 1000);
  const { count, ...latency } = told(times);
  assertEquals(count, 5000);
  times.sort((a, b) => a - b);
  const exact = [times[2499], times[4949], times[4994], times[4999]];
  Object.values(latency).forEach((found, i) => {
    assert(found >= exact[i] && found <= exact[i] * 33 / 32 + 0.001, `${found} and ${exact[i]}`);
  });
});

Deno.test("LatencyWindow counts an operation as often as it is told to", () => {
  const window = new LatencyWindow();
  window.record(0, 1, 99);
  window.record(0, 50);
  const { count, p50Milliseconds, p99Milliseconds, p999Milliseconds } = window.latency(50);
  assertEquals([count, p50Milliseconds, p99Milliseconds], [100, 1.03125, 1.03125]);
  assert(p999Milliseconds >= 50);
});

Deno.test("LatencyWindow forgets what is older than a minute, slice by slice", () => {
  const window = new LatencyWindow();
  // An operation in each of the slices, which begin with the first one.
  for (let slice = 0; slice < 6; slice++) window.record(0, 5 + slice * sliceMilliseconds);
  const countAt = (now: number) => window.latency(now).count;
  assertEquals([countAt(5 * sliceMilliseconds + 5), countAt(6 * sliceMilliseconds + 4)], [6, 6]);
  assertEquals([countAt(6 * sliceMilliseconds + 5), countAt(7 * sliceMilliseconds + 5)], [5, 4]);
  window.record(0, 9 * sliceMilliseconds + 6);
  assertEquals(countAt(9 * sliceMilliseconds + 6), 3);
  assertEquals(countAt(100 * sliceMilliseconds), 0);
  window.record(0, 100 * sliceMilliseconds + 1);
  assertEquals(countAt(100 * sliceMilliseconds + 2), 1);
});
