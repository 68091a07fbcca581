/** A machine on which the same choices lead to the same run, and a store on it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { readOnce, writeOnce } from "../../src/io/mod.ts";
import {
  type Choices,
  dullChoices,
  everyChoice,
  RecordedChoices,
  ReplayedChoices,
  SeededChoices,
  SimDisk,
  SimError,
  SimHost,
  SimTime,
} from "../../src/sim/mod.ts";
import { openStoreOn } from "../../src/store/mod.ts";
import { seeds } from "../random.ts";

const block = 4096;
const options = { segmentBytes: 64 * 1024, memoryBytes: 16 * 2 ** 20, cacheBytes: 64 * 1024 };

/** Three who wait for something else each; the order in which they came to their end. */
async function race(host: SimHost): Promise<string> {
  const order: string[] = [];
  await Promise.all([
    host.engine.list("/").then(() => order.push("list")),
    host.turns.turn().then(() => order.push("turn")),
    new Promise<void>((resolve) => host.timers.after(10, resolve)).then(() => order.push("timer")),
  ]);
  return order.join(" ");
}

/** Appends, syncs and reads in a store at once; returns the LSN that was durable then. */
async function work(host: SimHost): Promise<number> {
  const store = await openStoreOn(host, "/store", options);
  const timeline = store.timeline();
  const append = (name: string, count: number) =>
    Promise.all(
      Array.from(
        { length: count },
        (_, i) => timeline.append([{ key: `${name}${i}`, value: "x".repeat(900) }]),
      ),
    );
  await Promise.all([append("a", 40), append("b", 60).then(() => timeline.sync()), timeline.get("a1")]);
  await append("c", 3);
  await timeline.sync();
  await store.close();
  return timeline.durableLsn;
}

Deno.test("SimHost.run() lets everything that waits come in every order", async () => {
  const orders = new Set<string>();
  let runs = 0;
  for (const choices of everyChoice()) {
    const host = new SimHost({ choices });
    orders.add(await host.run(() => race(host)));
    runs++;
  }
  assertEquals([runs, orders.size], [6, 6]);
});

Deno.test("SimHost.run() lets what came first be first when every choice is 0", async () => {
  const host = new SimHost();
  assertEquals(await host.run(() => race(host)), "list turn timer");
  assertEquals(host.trace.last, ["list /", "turn", "timer 10"]);
});

Deno.test("SimHost.run() moves time on to the next timer", async () => {
  const host = new SimHost();
  const start = host.clock.now();
  const fired: number[] = [];
  await host.run(async () => {
    const wait = (milliseconds: number) =>
      new Promise<void>((resolve) => {
        host.timers.after(milliseconds, () => {
          fired.push(host.clock.monotonic());
          resolve();
        });
      });
    const cancel = host.timers.after(5, () => fired.push(-1));
    await Promise.all([wait(86_400_000), wait(10).then(() => wait(7))]);
    cancel();
  });
  assertEquals(fired, [-1, 10, 17, 86_400_000]);
  assertEquals(host.clock.now(), start + 86_400_000);
});

Deno.test("SimTime.fire() calls what is due together in the order in which it was set, and nothing cancelled", () => {
  const time = new SimTime();
  const called: string[] = [];
  time.after(5, () => called.push("late"));
  time.after(1, () => called.push("first"));
  const cancel = time.after(1, () => called.push("cancelled"));
  time.after(1, () => called.push("second"));
  cancel();
  time.adjust(-1_000_000);
  for (let i = 0; i < 5; i++) time.fire();
  assertEquals([called, time.monotonic(), time.size], [["first", "second", "late"], 5, 0]);
});

Deno.test("SimHost.run() says what happened last when the program waits for what never comes", async () => {
  const host = new SimHost();
  const error = await assertRejects(
    () =>
      host.run(async () => {
        await host.engine.list("/");
        await new Promise(() => {});
      }),
    SimError,
  );
  assertEquals(
    error.message,
    "Cannot go on after 1 steps: it waits for what never comes; the last were\n  list /",
  );
});

Deno.test("SimHost.run() ends a program that goes round in circles", async () => {
  const host = new SimHost({ maxSteps: 100 });
  const circle = async () => {
    for (;;) await host.turns.turn();
  };
  await assertRejects(
    () => host.run(circle),
    SimError,
    "Cannot go on after 100 steps: it goes round in circles",
  );
});

Deno.test("SimHost.run() fails when nobody handles a rejection", async () => {
  const host = new SimHost();
  const careless = async () => {
    void Promise.reject(new RangeError("nobody looks"));
    await host.turns.turn();
  };
  const error = await assertRejects(() => host.run(careless), SimError, "a rejection was not handled");
  assert(error.cause instanceof RangeError);
  await host.run(async () => {
    const rejected = Promise.reject(new Error("somebody looks"));
    await rejected.catch(() => {});
    await host.turns.turn();
  });
});

Deno.test("SimHost.run() rejects with what the program throws, at once or later", async () => {
  const host = new SimHost();
  const now = () => {
    throw new RangeError("now");
  };
  const later = async () => {
    await host.turns.turn();
    throw new RangeError("later");
  };
  await assertRejects(() => host.run(now), RangeError, "now");
  await assertRejects(() => host.run(later), RangeError, "later");
});

Deno.test("SimHost.run() leads to the same with the same choices, and to something else with others", async () => {
  const hashOf = async (choices: Choices) => {
    const host = new SimHost({ choices, turnOneIn: 8 });
    assertEquals(await host.run(() => work(host)), 103);
    return `${host.trace.hash} ${host.trace.steps} ${host.engine.disk.hash()}`;
  };
  const hashes = new Set<string>();
  for (let seed = 1; seed <= 4; seed++) {
    const recorded = new RecordedChoices(new SeededChoices(seed));
    const hash = await hashOf(recorded);
    assertEquals(await hashOf(new SeededChoices(seed)), hash);
    assertEquals(await hashOf(new ReplayedChoices(recorded.trace)), hash);
    hashes.add(hash);
  }
  hashes.add(await hashOf(dullChoices));
  assertEquals(hashes.size, 5);
});

Deno.test("SimHost gives the same randomness for the same seed", () => {
  const take = (seed: number) => {
    const { random } = new SimHost({ seed });
    return [random.id(), random.id(), random.bytes(8).toHex()].join();
  };
  assertEquals(take(1), take(1));
  assert(take(1) !== take(2));
});

Deno.test("SimHost.runFor() kills the program after so many steps, and its answer never comes", async () => {
  const disk = new SimDisk();
  disk.put("/a", new Uint8Array(block));
  const host = new SimHost({ disk });
  let lastDone = 0;
  const program = async () => {
    await host.engine.lock("/store");
    const file = await host.engine.open("/a", { access: "write", direct: true });
    for (let i = 1; i <= 5; i++) {
      await writeOnce(host.engine, file, 0, new Uint8Array(block).fill(i));
      lastDone = i;
    }
  };
  assertEquals(await host.runFor(5, program), false);
  assertEquals([lastDone, disk.contents("/a")[0], disk.underWay.size], [3, 3, 1]);
  assertEquals(disk.killed().contents("/a")[0], 4);
  assertEquals(disk.locked.size, 0);
  const next = new SimHost({ disk: disk.killed() });
  const bytes = new Uint8Array(block);
  const done = await next.run(async () => {
    const file = await next.engine.open("/a", { access: "read", direct: true });
    return await readOnce(next.engine, file, 0, bytes);
  });
  assertEquals([done, bytes[0]], [block, 4]);
  const last = new SimHost({ disk: disk.killed() });
  assertEquals(await last.runFor(100, () => last.engine.list("/")), true);
});

Deno.test("a store on a SimHost finds what it acknowledged when it is killed at any step and the power goes", async () => {
  for (const seed of seeds("store on a simulated host", 3)) {
    const choices = new SeededChoices(seed);
    const whole = new SimHost({ choices: new SeededChoices(seed) });
    await whole.run(() => work(whole));
    for (let i = 0; i < 15; i++) {
      const host = new SimHost({ choices: new SeededChoices(seed) });
      let acknowledged = 0;
      await host.runFor(choices.choose(whole.trace.steps), async () => {
        const store = await openStoreOn(host, "/store", options);
        for (let lsn = 1; lsn <= 20; lsn++) {
          await store.timeline().append([{ key: `${lsn}`, value: "x".repeat(3000) }]);
          if (lsn % 3 === 0) acknowledged = await store.timeline().sync();
        }
        await store.close();
      });
      const left = choices.choose(2) === 0
        ? host.engine.disk.killed(choices)
        : host.engine.disk.crash(choices);
      const next = new SimHost({ disk: left, choices });
      const found = await next.run(async () => {
        const store = await openStoreOn(next, "/store", options);
        const { lastLsn } = store.timeline();
        for (let lsn = 1; lsn <= lastLsn; lsn++) {
          assertEquals((await store.timeline().get(`${lsn}`))?.length, 3000);
        }
        await store.close();
        return lastLsn;
      });
      assert(found >= acknowledged, `${found} LSNs are left, ${acknowledged} were acknowledged`);
    }
  }
});
