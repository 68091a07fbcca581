/** How appends are slowed and held while upkeep lags behind. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { SimTime } from "../../../src/sim/mod.ts";
import { holdPressure, slowPressure, Throttle } from "../../../src/timeline/write/throttle.ts";
import { isSettled } from "./held.ts";

const MiB = 1 << 20;

function fixture(): { time: SimTime; throttle: Throttle; at: (pressure: number) => void } {
  const time = new SimTime();
  let pressure = 0;
  const throttle = new Throttle({ clock: time, timers: time }, () => pressure);
  return { time, throttle, at: (now) => void (pressure = now) };
}

Deno.test("Throttle.pause() is longer the more is appended and the further upkeep lags behind", async () => {
  const cases: [pressure: number, bytes: number, milliseconds: number][] = [
    [0, 64 * MiB, 0],
    [slowPressure - 0.01, 64 * MiB, 0],
    [slowPressure, MiB, 1000 / 64],
    [slowPressure, 1000, 0],
    [(slowPressure + holdPressure) / 2, MiB, (1000 / 64 + 250) / 2],
    [holdPressure - 1e-9, MiB, 250],
    [99, MiB, 250],
  ];
  for (const [pressure, bytes, milliseconds] of cases) {
    const { time, throttle, at } = fixture();
    at(pressure);
    throttle.took(bytes);
    const pause = throttle.pause();
    assertEquals(pause !== undefined, milliseconds > 0, `${pressure} ${bytes}`);
    if (pause === undefined) continue;
    time.fire();
    await pause;
    assert(Math.abs(time.monotonic() - milliseconds) < 0.01, `${pressure}: ${time.monotonic()} ms`);
  }
});

Deno.test("Throttle.pause() adds little appends up, is shared, and goes on in pieces", async () => {
  const { time, throttle, at } = fixture();
  at(slowPressure);
  // 15.6 ms a MiB.
  for (let i = 0; i < 65; i++) throttle.took(1024);
  assertEquals(throttle.pause(), undefined);
  throttle.took(1024);
  const pause = throttle.pause();
  assert(pause !== undefined && throttle.pause() === pause);
  time.fire();
  await pause;
  assertEquals([throttle.pause(), throttle.counts.slowedAppends, throttle.counts.slowedMilliseconds], [
    undefined,
    2,
    1,
  ]);
  at(99);
  throttle.took(3 * MiB);
  for (const end of [501, 751]) {
    const pause = throttle.pause();
    time.fire();
    await pause;
    assertEquals(Math.round(time.monotonic()), end);
  }
  assertEquals(throttle.pause(), undefined);
  assertEquals(time.size, 0);
});

Deno.test("Throttle forgives what is owed when upkeep has caught up, or nothing is appended any more", async () => {
  const { time, throttle, at } = fixture();
  at(9);
  throttle.took(MiB);
  at(1);
  throttle.took(1);
  assertEquals(throttle.pause(), undefined);
  at(9);
  throttle.took(MiB);
  const pause = throttle.pause()!;
  assert(!await isSettled(pause));
  throttle.forgive();
  await pause;
  assertEquals([throttle.pause(), time.size], [undefined, 0]);
});

Deno.test("Throttle.hold() waits job after job, says how long, and ends with what ends the wait", async () => {
  const { time, throttle, at } = fixture();
  at(holdPressure);
  assert(throttle.mustHold);
  let jobs = 0;
  await throttle.hold(() => {
    time.after(100, () => {});
    time.fire();
    if (++jobs === 3) at(2);
    return Promise.resolve();
  });
  assertEquals([jobs, throttle.counts.heldAppends, throttle.counts.heldMilliseconds], [3, 1, 300]);
  at(holdPressure);
  const reason = new Error("poisoned");
  const error = await assertRejects(() => throttle.hold(() => Promise.reject(reason)));
  assertEquals([error === reason, throttle.counts.heldAppends], [true, 2]);
});
