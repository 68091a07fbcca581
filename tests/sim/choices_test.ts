/** Decisions from seeds, bytes and traces, and every path of a program. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  BytesChoices,
  chance,
  type Choices,
  dullChoices,
  everyChoice,
  Odometer,
  pick,
  RecordedChoices,
  ReplayedChoices,
  SeededChoices,
} from "../../src/sim/mod.ts";

/** What a program decides that goes on according to what it decided before. */
function program(choices: Choices): string {
  const first = choices.choose(3);
  const rest = Array.from({ length: first }, () => choices.choose(2));
  return [first, ...rest].join("");
}

Deno.test("everyChoice() takes every path once, depth first", () => {
  const paths = [...everyChoice()].length;
  assertEquals(paths, 1, "a program without a choice has one path");
  const found: string[] = [];
  for (const choices of everyChoice()) found.push(program(choices));
  assertEquals(found, ["0", "10", "11", "200", "201", "210", "211"]);
});

Deno.test("everyChoice() counts as an odometer does", () => {
  let count = 0;
  for (const choices of everyChoice()) {
    for (const n of [2, 1, 3, 5]) assert(choices.choose(n) < n);
    count++;
  }
  assertEquals(count, 2 * 3 * 5);
});

Deno.test("Odometer.choose() throws when a program does not repeat itself", () => {
  const odometer = new Odometer();
  odometer.choose(2);
  odometer.next();
  assertThrows(() => odometer.choose(3), Error, "a program chooses the same way after the same choices");
  const shorter = new Odometer();
  shorter.choose(2);
  shorter.next();
  assertThrows(() => shorter.next(), Error, "a program makes no fewer choices after the same choices");
});

Deno.test("SeededChoices decides the same from the same seed, evenly", () => {
  const take = (seed: number) => {
    const choices = new SeededChoices(seed);
    return Array.from({ length: 6000 }, () => choices.choose(6));
  };
  assertEquals(take(7), take(7));
  assert(take(7).join() !== take(8).join());
  for (let face = 0; face < 6; face++) {
    const times = take(7).filter((chosen) => chosen === face).length;
    assert(times > 850 && times < 1150, `${face} was chosen ${times} times`);
  }
});

Deno.test("BytesChoices decides from its bytes, and 0 behind their end", () => {
  const choices = new BytesChoices(new Uint8Array([5, 7, 1, 2]));
  assertEquals([choices.choose(1), choices.choose(4), choices.choose(256), choices.choose(1000)], [
    0,
    1,
    7,
    258,
  ]);
  assertEquals([choices.choose(9), choices.choose(70_000)], [0, 0]);
});

Deno.test("ReplayedChoices repeats what RecordedChoices wrote down", () => {
  const recorded = new RecordedChoices(new SeededChoices(3));
  const first = Array.from({ length: 5 }, () => program(recorded));
  const replayed = new ReplayedChoices(recorded.trace);
  assertEquals(Array.from({ length: 5 }, () => program(replayed)), first);
  assertEquals(program(replayed), "0", "all is 0 behind the end");
  const simpler = new ReplayedChoices([[3, 2], [2, 5]]);
  assertEquals(program(simpler), "210", "what is out of range is the largest there is");
});

Deno.test("chance() and pick() are dull when the choice is 0", () => {
  assertEquals(chance(dullChoices, 99, 100), false);
  assertEquals(pick(dullChoices, ["dull", "wild"]), "dull");
  assertEquals(chance({ choose: (n) => n - 1 }, 1, 100), true);
  const choices = new SeededChoices(1);
  const times = Array.from({ length: 4000 }, () => chance(choices, 1, 4)).filter(Boolean).length;
  assert(times > 900 && times < 1100, `it happened ${times} times`);
});
