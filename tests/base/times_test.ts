import { assert, assertEquals } from "@std/assert";
import {
  joinTimes,
  lsnAtTime,
  noTimes,
  secondAfter,
  secondOfLsn,
  stretchOf,
  type Times,
  timesFault,
} from "../../src/base/mod.ts";
import { Random, seeds } from "../random.ts";

function timesOf(...points: [lsn: number, second: number][]): Times {
  return {
    lsns: Float64Array.from(points, ([lsn]) => lsn),
    seconds: Float64Array.from(points, ([, second]) => second),
  };
}

/** A point for each second of a range. */
function everySecond(from: number, to: number): Times {
  const seconds = Float64Array.from({ length: to - from }, (_, i) => from + i);
  return { seconds, lsns: seconds.map((second) => second * 10) };
}

Deno.test("secondAfter() is the whole second by which a moment is over", () => {
  assertEquals([0, 1, 999, 1000, 1001].map(secondAfter), [1, 1, 1, 2, 2]);
});

Deno.test("stretchOf() is one second, and a power of two of 1/4096 to 1/8192 of a higher age", () => {
  assertEquals([0, 1, 4095, 4096, 8191, 8192, 16383, 16384].map(stretchOf), [1, 1, 1, 1, 1, 2, 2, 4]);
  for (let age = 4096; age < 1e12; age = Math.ceil(age * 1.7)) {
    const stretch = stretchOf(age);
    assert(stretch <= age / 4096 && stretch > age / 8192 && Number.isInteger(Math.log2(stretch)));
  }
});

const points = timesOf([3, 101], [5, 102], [6, 500]);

Deno.test("lsnAtTime() finds the last LSN that is known to have been appended by a moment", () => {
  const cases = [[0, 0], [100_999, 0], [101_000, 3], [101_999, 3], [102_000, 5], [499_999, 5], [500_000, 6], [
    Infinity,
    6,
  ]];
  for (const [milliseconds, lsn] of cases) {
    assertEquals(lsnAtTime(points, milliseconds), lsn, `${milliseconds}`);
  }
  assertEquals(lsnAtTime(noTimes, Infinity), 0);
});

Deno.test("secondOfLsn() finds by which second a batch had been appended", () => {
  const cases = [[1, 101], [3, 101], [4, 102], [5, 102], [6, 500], [7, undefined]] as const;
  for (const [lsn, second] of cases) assertEquals(secondOfLsn(points, lsn), second, `${lsn}`);
  assertEquals(secondOfLsn(noTimes, 1), undefined);
});

Deno.test("joinTimes() adds points, and passes over those that are not behind", () => {
  const cases: [string, Times, Times][] = [
    ["behind", timesOf([9, 600]), timesOf([3, 101], [5, 102], [6, 500], [9, 600])],
    ["in the same second", timesOf([9, 500]), timesOf([3, 101], [5, 102], [9, 500])],
    ["known already", timesOf([5, 102], [6, 500]), points],
    ["known in part", timesOf([6, 500], [7, 501]), timesOf([3, 101], [5, 102], [6, 500], [7, 501])],
    ["of a clock that went back", timesOf([7, 499]), points],
    ["none", noTimes, points],
  ];
  for (const [name, more, expected] of cases) assertEquals(joinTimes(points, more), expected, name);
  assertEquals(joinTimes(noTimes, points), points);
});

Deno.test("joinTimes() keeps the last point of each stretch, so that a quiet night begins where the day ended", () => {
  const day = everySecond(1, 100), morning = timesOf([5000, 100_000]);
  const { lsns, seconds } = joinTimes(day, morning);
  // At an age of a day the stretches are 16 seconds long.
  assertEquals([...seconds], [15, 31, 47, 63, 79, 95, 99, 100_000]);
  assertEquals(lsnAtTime({ lsns, seconds }, 50_000_000), 990);
});

Deno.test("joinTimes() stays within its bound, and as precise as it says, however often it thins", () => {
  let times = noTimes;
  for (let from = 1; from < 200_000; from += 1000) times = joinTimes(times, everySecond(from, from + 1000));
  // 8192 seconds one by one, and 4096 points for each doubling.
  const doublings = Math.ceil(Math.log2(200_000 / 8192));
  assert(times.lsns.length <= 8192 + 4096 * doublings, `${times.lsns.length} points`);
  assertEquals(timesFault(times), undefined);
  const now = 200_000;
  for (let at = 10; at < now; at += 97) {
    const found = lsnAtTime(times, at * 1000) / 10, second = secondOfLsn(times, at * 10) ?? NaN;
    const precision = Math.max(1, (now - at) / 4096);
    assert(found <= at && at - found <= precision, `at ${at}: ${found}`);
    assert(second >= at && second - at <= precision, `of ${at}: ${second}`);
  }
});

Deno.test("joinTimes() of any points comes to what it comes to of all of them at once", () => {
  for (const seed of seeds("times", 20)) {
    const random = new Random(seed), all: [number, number][] = [];
    let lsn = 0, second = 0, step = noTimes;
    for (let i = 0; i < 300; i++) {
      const point: [number, number] = [
        lsn += random.from(1, 9),
        second += random.from(1, random.pick([2, 50, 5000])),
      ];
      all.push(point);
      step = joinTimes(step, timesOf(point));
    }
    assertEquals(step, joinTimes(noTimes, timesOf(...all)));
  }
});

Deno.test("timesFault() tells points that are out of order", () => {
  assertEquals(timesFault(points), undefined);
  for (const wrong of [timesOf([0, 1]), timesOf([1, 0]), timesOf([2, 1], [2, 2]), timesOf([2, 1], [3, 1])]) {
    assert(timesFault(wrong) !== undefined);
  }
  assert(timesFault({ lsns: Float64Array.of(1), seconds: Float64Array.of(1, 2) }) !== undefined);
});
