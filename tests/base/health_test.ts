import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Health, type HealthState, IoError, PoisonedError } from "../../src/base/mod.ts";

const full = (path = "/a") => new IoError({ code: "ENOSPC", operation: "write", path });
const broken = (path = "/a") => new IoError({ code: "EIO", operation: "write", path });

const events = ["full", "broken", "retry", "close", "closed"] as const;
type HealthEvent = (typeof events)[number];

function take(health: Health, event: HealthEvent): void {
  if (event === "full") health.fail(full());
  else if (event === "broken") health.fail(broken());
  else health[event]();
}

/**
 * What each event makes of each state, which is reached by the events before it: the new state, how a write is refused
 * from then on, and `!` where those who watch are told.
 */
const table: [reached: HealthEvent[], outcomes: Record<HealthEvent, string>][] = [
  [[], {
    full: "full IoError!",
    broken: "poisoned PoisonedError!",
    retry: "open",
    close: "closing BadResource!",
    closed: "closed BadResource!",
  }],
  [["full"], {
    full: "full IoError",
    broken: "poisoned PoisonedError!",
    retry: "open!",
    close: "closing IoError!",
    closed: "closed IoError!",
  }],
  [["broken"], {
    full: "poisoned PoisonedError",
    broken: "poisoned PoisonedError",
    retry: "poisoned PoisonedError",
    close: "closing PoisonedError!",
    closed: "closed PoisonedError!",
  }],
  [["close"], {
    full: "closing IoError!",
    broken: "closing PoisonedError!",
    retry: "closing BadResource",
    close: "closing BadResource!",
    closed: "closed BadResource!",
  }],
  [["full", "close"], {
    full: "closing IoError",
    broken: "closing PoisonedError!",
    retry: "closing IoError",
    close: "closing IoError!",
    closed: "closed IoError!",
  }],
  [["broken", "close"], {
    full: "closing PoisonedError",
    broken: "closing PoisonedError",
    retry: "closing PoisonedError",
    close: "closing PoisonedError!",
    closed: "closed PoisonedError!",
  }],
  [["close", "closed"], {
    full: "closed IoError",
    broken: "closed PoisonedError!",
    retry: "closed BadResource",
    close: "closed BadResource",
    closed: "closed BadResource!",
  }],
];

for (const [reached, outcomes] of table) {
  Deno.test(`Health goes on from ${reached.join(", ") || "open"} as the table says`, () => {
    for (const event of events) {
      const health = new Health('timeline "main"');
      for (const step of reached) take(health, step);
      let told = 0;
      health.watch(() => told++);
      take(health, event);
      assertEquals(outcomeOf(health) + "!".repeat(told), outcomes[event], event);
      const hasCause = /IoError|PoisonedError/.test(outcomes[event]);
      assertEquals(health.cause !== undefined, hasCause, event);
    }
  });
}

function outcomeOf(health: Health): string {
  try {
    health.check();
    return health.state;
  } catch (error) {
    return `${health.state} ${(error as Error).name}`;
  }
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
  const end = health.watch(() => seen.push(health.state));
  for (const step of ["full", "full", "retry", "broken", "retry", "close"] as const) take(health, step);
  assertEquals(seen, ["full", "open", "poisoned", "closing"]);
  end();
  health.closed();
  assertEquals(seen.length, 4);
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

Deno.test("Health.patiently() does its work again while it is being closed if a full disk was met before", async () => {
  for (const order of ["late", "in the same turn"]) {
    const health = new Health("it"), held = Promise.withResolvers<number>();
    const rest: Promise<number>[] = [held.promise, Promise.resolve(2)];
    const work = health.patiently(() => rest.shift() as Promise<number>);
    if (order === "late") health.fail(full("/other"));
    else held.reject(full());
    while (health.state !== "full") await Promise.resolve();
    health.retry();
    health.close();
    held.reject(full());
    assertEquals([await work, health.cause], [2, undefined], order);
  }
});

Deno.test("Health.patiently() tells all who watch when it gives up while it is being closed", async () => {
  const health = new Health("it"), held = Promise.withResolvers<never>();
  const rest = [held.promise, Promise.reject(full("/again"))];
  const work = health.patiently(() => rest.shift() as Promise<never>);
  health.fail(full("/other"));
  health.retry();
  health.close();
  const seen: unknown[] = [];
  health.watch(() => seen.push(health.cause));
  held.reject(full());
  const error = await assertRejects(() => work, IoError, "/again");
  assertEquals(seen, [error]);
});

Deno.test("Health.patiently() waits no longer when its work is given up, and what was closed is no failure", async () => {
  const health = new Health("it");
  const end = Promise.withResolvers<never>();
  let tries = 0;
  const work = health.patiently(() => {
    tries++;
    return Promise.reject(full());
  }, end.promise);
  while (health.state !== "full") await Promise.resolve();
  end.reject(new Deno.errors.BadResource("closed"));
  await assertRejects(() => work, Deno.errors.BadResource, "closed");
  health.retry();
  const closed = new Deno.errors.BadResource("closed too");
  await assertRejects(() => health.patiently(() => Promise.reject(closed)), Deno.errors.BadResource);
  assertEquals([tries, health.state], [1, "open"]);
});
