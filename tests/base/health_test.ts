import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Health, type HealthState, IoError, PoisonedError } from "../../src/base/mod.ts";

const full = (path = "/a") => new IoError({ code: "ENOSPC", operation: "write", path });
const broken = (path = "/a") => new IoError({ code: "EIO", operation: "write", path });

type Step = "full" | "broken" | "retry" | "close" | "closed";

function take(health: Health, step: Step): void {
  if (step === "full") health.fail(full());
  else if (step === "broken") health.fail(broken());
  else health[step]();
}

/** What each history comes to: the state, and how a write is refused. */
const histories: [steps: Step[], state: HealthState, refusal: string | undefined][] = [
  [[], "open", undefined],
  [["retry"], "open", undefined],
  [["full"], "full", "IoError"],
  [["full", "full"], "full", "IoError"],
  [["full", "retry"], "open", undefined],
  [["broken"], "poisoned", "PoisonedError"],
  [["broken", "retry"], "poisoned", "PoisonedError"],
  [["broken", "full"], "poisoned", "PoisonedError"],
  [["full", "broken"], "poisoned", "PoisonedError"],
  [["full", "broken", "retry"], "poisoned", "PoisonedError"],
  [["close"], "closing", "BadResource"],
  [["close", "closed"], "closed", "BadResource"],
  [["close", "closed", "close"], "closed", "BadResource"],
  [["full", "close"], "closing", "IoError"],
  [["full", "close", "retry"], "closing", "IoError"],
  [["close", "full"], "closing", "IoError"],
  [["close", "broken"], "closing", "PoisonedError"],
  [["broken", "close", "closed"], "closed", "PoisonedError"],
];

for (const [steps, state, refusal] of histories) {
  Deno.test(`Health is ${state} after ${steps.join(", ") || "nothing"}`, () => {
    const health = new Health('timeline "main"');
    for (const step of steps) take(health, step);
    assertEquals(health.state, state);
    if (refusal === undefined) return health.check();
    const error = assertThrows(() => health.check(), Error);
    assertEquals(error.name, refusal);
    assertEquals(health.cause === undefined, refusal === "BadResource");
  });
}

Deno.test("Health.fail() keeps the first failure, and says what was being written", () => {
  const health = new Health('timeline "main"');
  const first = broken("/first");
  const reason = health.fail(first);
  assertInstanceOf(reason, PoisonedError);
  assertStrictEquals(reason.cause, first);
  assertEquals(
    reason.message,
    'Cannot write to timeline "main": an earlier write failed: Cannot write "/first": EIO',
  );
  assertStrictEquals(health.fail(broken("/second")).cause, first);
  assertStrictEquals(health.cause, first);
  assertThrows(() => health.check(), PoisonedError, "/first");
});

Deno.test("Health.fail() gives a PoisonedError on as it is, and a full disk's error too", () => {
  const poisoned = new PoisonedError("elsewhere");
  assertStrictEquals(new Health("it").fail(poisoned), poisoned);
  const error = full();
  assertStrictEquals(new Health("it").fail(error), error);
});

Deno.test("Health.watch() tells every change in its turn, until it is ended", () => {
  const health = new Health("it");
  const seen: HealthState[] = [];
  const end = health.watch((state) => seen.push(state));
  for (const step of ["full", "full", "retry", "broken", "retry", "close"] as const) take(health, step);
  assertEquals(seen, ["full", "open", "poisoned", "closing"]);
  end();
  health.closed();
  assertEquals(seen.length, 4);
});

Deno.test("Health.changed() wakes those who wait at a retry, a poisoning and a close, and never otherwise", async () => {
  for (const step of ["retry", "broken", "close"] as const) {
    const health = new Health("it");
    health.fail(full());
    let woken = false;
    const changed = health.changed().then(() => woken = true);
    health.fail(full());
    await Promise.resolve();
    assertEquals(woken, false);
    take(health, step);
    await changed;
  }
});

Deno.test("Health.patiently() does its work again when a full disk has room", async () => {
  const health = new Health("it");
  let tries = 0;
  const work = health.patiently(() => ++tries < 3 ? Promise.reject(full()) : Promise.resolve(tries));
  for (const expected of [1, 2]) {
    while (health.state !== "full") await Promise.resolve();
    assertEquals(tries, expected);
    health.retry();
  }
  assertEquals(await work, 3);
  assertEquals(health.state, "open");
});

Deno.test("Health is not full again of what was begun before it was tried again", async () => {
  const health = new Health("it");
  const { attempt } = health;
  const held = Promise.withResolvers<number>();
  const late = [held.promise, Promise.resolve(2)];
  const work = health.patiently(() => late.shift() as Promise<number>);
  health.fail(full());
  health.retry();
  held.reject(full("/late"));
  assertEquals(await work, 2);
  health.fail(full("/late"), attempt);
  health.check();
  health.fail(full("/new"), health.attempt);
  assertThrows(() => health.check(), IoError, "/new");
  health.retry();
  health.fail(broken("/late"), attempt);
  assertThrows(() => health.check(), PoisonedError, "/late");
});

Deno.test("Health.patiently() gives up when it is poisoned or closed meanwhile, or its work fails", async () => {
  const poisoned = new Health("it");
  const first = poisoned.patiently(() => Promise.reject(full()));
  while (poisoned.state !== "full") await Promise.resolve();
  poisoned.fail(broken("/other"));
  await assertRejects(() => first, PoisonedError, "/other");
  const closed = new Health("it");
  const second = closed.patiently(() => Promise.reject(full()));
  while (closed.state !== "full") await Promise.resolve();
  closed.close();
  await assertRejects(() => second, IoError, "ENOSPC");
  const failing = new Health("it");
  await assertRejects(() => failing.patiently(() => Promise.reject(broken())), PoisonedError, "EIO");
  assertEquals(failing.state, "poisoned");
});
