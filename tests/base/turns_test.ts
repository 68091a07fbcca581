import { assert, assertEquals } from "@std/assert";
import { type Answers, type Clock, SlicedTurns, systemClock, systemRandom } from "../../src/base/mod.ts";

/** A clock that stands still until it is moved on. */
class HeldClock implements Clock {
  milliseconds = 1000;

  now(): number {
    return this.milliseconds;
  }

  monotonic(): number {
    return this.milliseconds;
  }
}

Deno.test("SlicedTurns.due() says so when a slice is over, and again only a slice after the next turn", async () => {
  const clock = new HeldClock();
  const turns = new SlicedTurns({ clock, later: (resume) => resume() });
  assertEquals(turns.due(), false);
  clock.milliseconds += 1.9;
  assertEquals(turns.due(), false);
  clock.milliseconds += 0.1;
  assertEquals([turns.due(), turns.due()], [true, true]);
  await turns.turn();
  assertEquals(turns.due(), false);
  clock.milliseconds += 2;
  assertEquals(turns.due(), true);
});

Deno.test("SlicedTurns.due() says so sooner while anybody waits for an answer", () => {
  const clock = new HeldClock();
  const turns = new SlicedTurns({ clock });
  clock.milliseconds += 0.5;
  assertEquals(turns.due(), false);
  turns.awaiting();
  turns.awaiting();
  turns.answered();
  assertEquals(turns.due(), true);
  turns.answered();
  assertEquals(turns.due(), false);
});

Deno.test("SlicedTurns.turn() starts the next slice when the event loop comes back, not when it is asked", async () => {
  const clock = new HeldClock();
  const resumes: (() => void)[] = [];
  const turns = new SlicedTurns({ clock, later: (resume) => resumes.push(resume) });
  const turn = turns.turn();
  clock.milliseconds += 100;
  assertEquals(turns.due(), true);
  resumes[0]();
  await turn;
  assertEquals(turns.due(), false);
});

/** Answers that are there when a test says so. */
function answersOf(take: () => void): Answers & { there: boolean } {
  return {
    there: false,
    has() {
      return this.there;
    },
    take,
  };
}

Deno.test("SlicedTurns.due() says so soon when there is an answer that somebody waits for", () => {
  const answers = answersOf(() => {}), clock = new HeldClock();
  const turns = new SlicedTurns({ clock, answers });
  turns.awaiting();
  answers.there = true;
  assertEquals(turns.due(), false);
  clock.milliseconds += 0.1;
  assertEquals(turns.due(), true);
  answers.there = false;
  assertEquals(turns.due(), false);
  answers.there = true;
  turns.answered();
  assertEquals(turns.due(), false);
});

Deno.test("SlicedTurns.turn() lets whoever has an answer go on before its caller, as far as it can", async () => {
  const order: string[] = [], answer = Promise.withResolvers<void>();
  const reader = answer.promise.then(async () => {
    for (let step = 1; step <= 50; step++) await undefined;
    order.push("reader");
  });
  const turns = new SlicedTurns({ answers: answersOf(answer.resolve) });
  await turns.turn();
  order.push("caller");
  await reader;
  assertEquals(order, ["reader", "caller"]);
});

Deno.test("SlicedTurns.turn() takes answers once for all who wait for a turn", async () => {
  let taken = 0;
  const turns = new SlicedTurns({ answers: answersOf(() => taken++) });
  await Promise.all([turns.turn(), turns.turn(), turns.turn()]);
  assertEquals(taken, 1);
  await turns.turn();
  assertEquals(taken, 2);
});

Deno.test("SlicedTurns.turn() lets the event loop turn", async () => {
  const turns = new SlicedTurns();
  let ran = false;
  const timer = setTimeout(() => ran = true, 0);
  for (let i = 0; i < 10_000 && !ran; i++) await turns.turn();
  clearTimeout(timer);
  assert(ran);
});

Deno.test("systemClock and systemRandom are the machine's", () => {
  assert(Math.abs(systemClock.now() - Date.now()) < 1000);
  const before = systemClock.monotonic();
  assert(systemClock.monotonic() >= before);
  assertEquals(systemRandom.bytes(33).length, 33);
  const ids = new Set(Array.from({ length: 1000 }, () => systemRandom.id()));
  assertEquals(ids.size, 1000);
  for (const id of ids) assert(Number.isSafeInteger(id) && id >= 1);
  assert([...ids].some((id) => id > 2 ** 52), "the upper bits are used");
});
