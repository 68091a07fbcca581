/** Sealing and merging in a Worker that may end at any message, on a machine on which that can be repeated. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { CorruptionError, IoError, PoisonedError } from "../../../../src/base/mod.ts";
import { type FaultPlan, SeededChoices, SimHost } from "../../../../src/sim/mod.ts";
import type { StoreOptions } from "../../../../src/store/mod.ts";
import { seeds } from "../../../random.ts";
import { addLayer, check, hostWithWorkers, next, open, program, strays, valueAt } from "./sim_upkeep.ts";

const lastLsn = 48;

/** The Workers of a machine that has them. */
function workersOf(host: SimHost) {
  assert(host.workers !== undefined);
  return host.workers;
}

Deno.test("WorkerUpkeep seals as slices do, byte for byte", async () => {
  const files: unknown[] = [];
  for (const upkeep of ["worker", "slices"] as const) {
    const host = hostWithWorkers(), { disk } = host.engine;
    await host.run(async () => {
      const store = await open(host, { upkeep });
      for (const batches of [1, 12, 40]) await addLayer(store, batches);
      assertEquals(store.metrics().workerJobs, upkeep === "worker" ? 3 : 0);
      await store.close();
    });
    files.push(
      disk.paths().filter((path) => path.endsWith(".seg")).map((path) => [path, disk.contents(path)]),
    );
  }
  assertEquals(files[0], files[1]);
});

Deno.test("WorkerUpkeep seals and merges as slices do, and leaves nothing behind", async () => {
  const layers: unknown[] = [];
  for (const upkeep of ["worker", "slices"] as const) {
    const host = hostWithWorkers(), workers = workersOf(host);
    await host.run(async () => {
      const store = await program(host, { upkeep });
      await check(store, lastLsn);
      const { workerJobs, workerFailures, seals } = store.metrics();
      assertEquals([seals, workerFailures, workerJobs > 5], [4, 0, upkeep === "worker"]);
      assertEquals(store.io.notes, []);
      assertEquals(strays(host, store), []);
      layers.push(
        store.timeline().layers().map(({ kind, byteLength, versions }) => [kind, byteLength, versions]),
      );
      await store.close();
    });
    assertEquals([workers.running, workers.takenBytes], [0, 0]);
    assertEquals(workers.started, upkeep === "worker" ? 1 : 0);
  }
  assertEquals(layers[0], layers[1]);
});

Deno.test("WorkerUpkeep gives up below a horizon what slices do, also of runs of merged layers", async () => {
  const layers: unknown[] = [];
  for (const upkeep of ["worker", "slices"] as const) {
    const host = hostWithWorkers();
    await host.run(async () => {
      const store = await program(host, { upkeep }), timeline = store.timeline();
      await addLayer(store);
      const before = store.metrics().workerJobs;
      // Runs under an L0, then runs alone.
      for (const lsns of [30, 3]) {
        const { horizonAfter, inputBytes, outputBytes } = await timeline.gc({ history: { lsns } });
        assertEquals(horizonAfter, 60 - lsns);
        assert(outputBytes < inputBytes, `${outputBytes} bytes of ${inputBytes}`);
        await check(store, 60);
        layers.push(timeline.layers().map(({ kind, byteLength, versions }) => [kind, byteLength, versions]));
      }
      assertEquals(store.metrics().workerJobs - before > 1, upkeep === "worker");
      assertEquals(strays(host, store), []);
      await store.close();
    });
    const after = next(host.engine.disk);
    await after.run(async () => {
      const store = await open(after);
      await check(store, 60);
      await store.close();
    });
  }
  assertEquals(layers.slice(0, 2), layers.slice(2));
});

Deno.test("WorkerUpkeep leaves in the manifest when batches were appended, as slices do, whenever the Worker ends", async () => {
  const pause = (host: SimHost) => new Promise<void>((resolve) => host.timers.after(1500, resolve));
  const dates: number[][] = [];
  // The Worker seals, or it ends when it is asked to, or nobody starts one.
  for (const ends of [undefined, 2, 3, 4, "slices"] as const) {
    const host = hostWithWorkers();
    if (typeof ends === "number") workersOf(host).crashAt.add(ends);
    await host.run(async () => {
      const store = await open(host, { upkeep: ends === "slices" ? ends : "worker" }),
        timeline = store.timeline();
      for (let lsn = 1; lsn <= 6; lsn++) {
        await timeline.append([{ key: `k${lsn}`, value: valueAt(lsn) }]);
        await pause(host);
      }
      const freezing = timeline.freeze();
      // What is appended while a layer is sealed is of the next segment.
      await timeline.append([{ key: "k7", value: valueAt(7) }]);
      await freezing;
      const { workerJobs, workerFailures } = store.metrics();
      assertEquals([workerJobs, workerFailures], [
        ends === undefined ? 1 : 0,
        typeof ends === "number" ? 1 : 0,
      ]);
      await timeline.sync();
      await store.close();
    });
    const after = next(host.engine.disk);
    await after.run(async () => {
      const store = await open(after), timeline = store.timeline();
      dates.push([1, 2, 3, 4, 5, 6, 7].map((lsn) => timeline.dateOf(lsn).getTime()));
      await store.close();
    });
  }
  const [first] = dates;
  for (const other of dates) assertEquals(other, first);
  assertEquals(new Set(first).size, 7);
});

Deno.test("WorkerUpkeep loses nothing when the Worker ends at any message", async () => {
  for (const seed of seeds("worker ends", 2)) {
    const whole = hostWithWorkers({ choices: new SeededChoices(seed) });
    await whole.run(async () => (await program(whole)).close());
    const { messages } = workersOf(whole);
    assert(messages > 20, `${messages} messages`);
    for (let crash = 1; crash <= messages; crash++) {
      const host = hostWithWorkers({ choices: new SeededChoices(seed) }), workers = workersOf(host);
      workers.crashAt.add(crash);
      await host.run(async () => {
        const store = await program(host);
        await check(store, lastLsn);
        assertEquals(strays(host, store), [], `message ${crash}`);
        const { workerFailures } = store.metrics();
        // The last messages are those of stopping.
        assertEquals(store.io.notes.length, workerFailures, `message ${crash}`);
        if (workerFailures > 0) assertStringIncludes(store.io.notes[0], "the Worker was killed");
        await store.close();
      });
      assertEquals(workers.running, 0);
      const after = next(host.engine.disk);
      await after.run(async () => {
        const store = await open(after);
        await check(store, lastLsn);
        await store.close();
      });
    }
  }
});

Deno.test("WorkerUpkeep goes on in slices after three Workers that ended, and says so", async () => {
  const host = hostWithWorkers(), workers = workersOf(host);
  await host.run(async () => {
    const store = await open(host);
    for (let i = 0; i < 5; i++) {
      // To open, a job, ready, and then the answer to the job.
      workers.crashAt.add(workers.messages + 4);
      await addLayer(store);
    }
    assertEquals([workers.started, store.metrics().workerFailures, store.metrics().workerJobs], [3, 3, 0]);
    assertEquals(store.io.notes.length, 4);
    assertEquals(store.io.notes[3], 'Upkeep "worker" is not to be had, "slices" is: the Worker was killed');
    await check(store, 60);
    assert(workers.takenBytes > 0, "what a Worker looked at that ended is not used again");
    await store.close();
  });
});

Deno.test("WorkerUpkeep works in slices when no Worker may start, or it cannot open the store, and says so", async () => {
  const refused = hostWithWorkers();
  workersOf(refused).refusal = "Requires read access";
  const unready = hostWithWorkers();
  workersOf(unready).faults = {
    faultOf: (operation) => operation === "lock" ? { kind: "error", code: "EACCES" } : undefined,
  };
  for (const [host, why] of [[refused, "Requires read access"], [unready, "EACCES"]] as const) {
    await host.run(async () => {
      const store = await program(host);
      await check(store, lastLsn);
      assertEquals([store.metrics().workerJobs, store.metrics().workerFailures], [0, 1]);
      assertEquals(store.io.notes.length, 1);
      assertStringIncludes(store.io.notes[0], 'Upkeep "worker" is not to be had, "slices" is: ');
      assertStringIncludes(store.io.notes[0], why);
      await store.close();
    });
    assertEquals(workersOf(host).running, 0);
  }
});

Deno.test("WorkerUpkeep is asked for and not to be had where there are no Workers", async () => {
  const host = new SimHost();
  for (const [upkeep, notes] of [["worker", 1], [undefined, 0], ["slices", 0]] as const) {
    await host.run(async () => {
      const store = await open(host, { upkeep });
      assertEquals(store.io.notes.length, notes);
      await store.close();
    });
  }
  const wrong = { upkeep: "thread" } as unknown as StoreOptions;
  await host.run(() =>
    assertRejects(() => open(host, wrong), RangeError, 'expected "upkeep" to be "worker" or')
  );
  const typed = { upkeep: 1 } as unknown as StoreOptions;
  await host.run(() => assertRejects(() => open(host, typed), TypeError, 'expected "upkeep" to be a string'));
});

Deno.test("WorkerUpkeep does what upkeep plans by itself, and does it again when the Worker ends in the midst of it", async () => {
  for (const seed of seeds("upkeep by itself", 8)) {
    const host = hostWithWorkers({ choices: new SeededChoices(seed) }), workers = workersOf(host);
    await host.run(async () => {
      const store = await open(host, { upkeep: "worker" });
      for (let i = 0; i < 9; i++) {
        await addLayer(store);
        // To whatever it says next.
        if (i === 4 && seed % 2 === 0) workers.crashAt.add(workers.messages + 1 + seed % 5);
      }
      const stateOf = () => store.metrics().upkeep.main.state;
      for (let turns = 0; stateOf() !== "idle"; turns++) {
        assert(turns < 100_000, `upkeep is ${stateOf()}`);
        await host.turns.turn();
      }
      const { workerJobs, workerFailures, seals, upkeep } = store.metrics();
      assert(upkeep.main.merges > 0);
      assert(workerFailures > 0 || workerJobs > seals, "layers are merged in the Worker");
      await check(store, 9 * 12);
      assertEquals(strays(host, store), []);
      await store.close();
    });
    assertEquals(workers.running, 0);
  }
});

Deno.test("WorkerUpkeep starts no Worker for what is not worth it, and stops one that has nothing to do", async () => {
  const host = hostWithWorkers(), workers = workersOf(host);
  workers.worthBytes = 1024 * 1024;
  await host.run(async () => {
    const store = await program(host);
    assertEquals([workers.started, store.metrics().workerJobs], [0, 0]);
    workers.worthBytes = 0;
    await addLayer(store);
    assertEquals([workers.started, workers.running], [1, 1]);
    await new Promise<void>((resolve) => host.timers.after(6000, resolve));
    for (let i = 0; i < 10 && workers.running > 0; i++) await host.turns.turn();
    assertEquals([workers.started, workers.running, store.metrics().workerFailures], [1, 0, 0]);
    await addLayer(store);
    assertEquals([workers.started, workers.running], [2, 1]);
    await store.close();
  });
  assertEquals([workers.running, workers.takenBytes], [0, 0]);
});

Deno.test("WorkerUpkeep keeps the index for views from before the seal, and gives its memory back then", async () => {
  const host = hostWithWorkers(), workers = workersOf(host);
  await host.run(async () => {
    const store = await open(host), timeline = store.timeline();
    await timeline.append([{ key: "a", value: "1" }]);
    const snapshot = timeline.snapshot(), held = workers.takenBytes;
    await addLayer(store);
    assertEquals(workers.takenBytes, held);
    assertEquals(new TextDecoder().decode(await snapshot.get("a")), "1");
    snapshot[Symbol.dispose]();
    await Promise.resolve();
    assertEquals(workers.takenBytes, 0);
    await store.close();
  });
});

Deno.test("WorkerUpkeep disturbs no read that began before a seal, and gives all memory back when the last has ended", async () => {
  for (const seed of seeds("reads across seals", 5)) {
    const host = hostWithWorkers({ choices: new SeededChoices(seed) }), workers = workersOf(host);
    await host.run(async () => {
      const store = await open(host), timeline = store.timeline(), decoder = new TextDecoder();
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 1500; i++) {
          await timeline.append([{ key: `${round} ${i}`, value: `${i}` }, { key: "hot", value: `${i}` }]);
        }
        const scan = timeline.scan({ prefix: `${round} ` }).getReader(),
          hot = timeline.history("hot").getReader();
        const first = [await scan.read(), await hot.read()];
        await timeline.freeze();
        assert(workers.takenBytes > 0, "what is read is kept");
        // Another layer would take the memory that was given back too early.
        await timeline.append([{ key: `x${round}`, value: "" }]);
        let count = 1;
        for (let next = await scan.read(); !next.done; next = await scan.read()) {
          const { key, value } = next.value;
          assertEquals(decoder.decode(key), `${round} ${decoder.decode(value)}`);
          count++;
        }
        let versions = 1;
        while (!(await hot.read()).done) versions++;
        assertEquals([first.some(({ done }) => done), count, versions], [false, 1500, (round + 1) * 1500]);
        await timeline.freeze();
        assertEquals(workers.takenBytes, 0);
      }
      assertEquals(store.metrics().workerJobs, store.metrics().seals);
      await store.close();
    });
  }
});

/** Fails operations of Workers on data files as long as it says so. */
class Failing implements FaultPlan {
  left = 0;
  constructor(readonly operation: string, readonly code: string) {}
  faultOf(operation: string, path: string) {
    if (operation !== this.operation || !/\.(seg|delta)$/.test(path) || this.left === 0) return undefined;
    this.left--;
    return { kind: "error", code: this.code } as const;
  }
}

for (const operation of ["open", "write", "truncate"] as const) {
  Deno.test(`WorkerUpkeep waits for a disk with room when ${operation} fails in the Worker`, async () => {
    const host = hostWithWorkers(),
      faults = new Failing(operation, operation === "open" ? "EMFILE" : "ENOSPC");
    workersOf(host).faults = faults;
    await host.run(async () => {
      const store = await open(host), timeline = store.timeline();
      // Who finds no descriptor looks again for some that others give up.
      faults.left = operation === "open" ? 10 : 1;
      const error = await assertRejects(() => addLayer(store), IoError);
      assertEquals([error.code, error.operation], [faults.code, operation]);
      faults.left = 0;
      assert(error.path.endsWith(".seg"), error.path);
      assertEquals(timeline.layers().map(({ kind }) => kind), ["frozen"]);
      await check(store, 12);
      await timeline.sync();
      await timeline.freeze();
      assertEquals(timeline.layers().map(({ kind }) => kind), ["L0"]);
      assertEquals([store.metrics().workerJobs, store.metrics().workerFailures], [1, 0]);
      await check(store, 12);
      await store.close();
    });
  });
}

for (const operation of ["write", "truncate", "datasync", "sync"] as const) {
  Deno.test(`WorkerUpkeep poisons the timeline when ${operation} fails in the Worker, and reads go on`, async () => {
    const host = hostWithWorkers(), faults = new Failing(operation, "EIO");
    workersOf(host).faults = faults;
    await host.run(async () => {
      const store = await open(host), timeline = store.timeline();
      faults.left = 1;
      const error = await assertRejects(() => addLayer(store), PoisonedError);
      let cause: unknown = error;
      while (cause instanceof PoisonedError) cause = cause.cause;
      assertInstanceOf(cause, IoError);
      assertEquals([cause.code, cause.operation], ["EIO", operation]);
      await check(store, 12);
      await assertRejects(() => timeline.append([{ key: "a", value: "1" }]), PoisonedError);
      await assertRejects(() => store.close(), PoisonedError);
    });
    assertEquals(workersOf(host).running, 0);
    const after = next(host.engine.disk);
    await after.run(async () => {
      const store = await open(after);
      await check(store, 12);
      await store.close();
    });
  });
}

for (
  const [operation, code] of [["write", "ENOSPC"], ["write", "EIO"], ["sync", "EIO"], [
    "read",
    "EIO",
  ]] as const
) {
  Deno.test(`WorkerUpkeep gives a merge up when ${operation} fails with ${code} in the Worker, and appends go on`, async () => {
    const host = hostWithWorkers(), faults = new Failing(operation, code);
    workersOf(host).faults = faults;
    await host.run(async () => {
      const store = await open(host), timeline = store.timeline();
      for (let i = 0; i < 3; i++) await addLayer(store);
      faults.left = 1;
      const error = await assertRejects(() => timeline.compact());
      const cause = error instanceof PoisonedError ? error.cause : error;
      assertInstanceOf(cause, IoError);
      assertEquals([cause.code, cause.operation], [code, operation]);
      assertEquals(strays(host, store), []);
      await addLayer(store);
      await timeline.compact();
      await check(store, 48);
      await store.close();
    });
  });
}

Deno.test("WorkerUpkeep tells of a merge that fails after it was aborted what it failed with", async () => {
  const host = hostWithWorkers(), stop = new AbortController(), faults = new Failing("sync", "EIO");
  workersOf(host).faults = {
    faultOf: (operation, path) => {
      const fault = faults.faultOf(operation, path);
      if (fault !== undefined) stop.abort(new Error("enough"));
      return fault;
    },
  };
  await host.run(async () => {
    const store = await open(host), timeline = store.timeline();
    for (let i = 0; i < 3; i++) await addLayer(store);
    faults.left = 1;
    const error = await assertRejects(() => timeline.compact({ signal: stop.signal }), PoisonedError);
    assertInstanceOf(error.cause, IoError);
    assertEquals(store.metrics().upkeep[timeline.name].failures, 1);
    assertEquals(strays(host, store), []);
    await store.close();
  });
});

Deno.test("WorkerUpkeep commits nothing of a timeline that was poisoned while the Worker sealed", async () => {
  const host = hostWithWorkers(), faults = new Failing("write", "EIO");
  workersOf(host).faults = new Failing("write", "EIO");
  host.engine.faults = faults;
  await host.run(async () => {
    const store = await open(host), timeline = store.timeline();
    await timeline.append([{ key: "a", value: "1" }], { sync: true });
    const freezing = assertRejects(() => timeline.freeze(), PoisonedError);
    faults.left = 1;
    await assertRejects(() => timeline.append([{ key: "b", value: "2" }], { sync: true }), PoisonedError);
    await freezing;
    await assertRejects(() => store.close(), PoisonedError);
    assertEquals([store.metrics().workerJobs, store.metrics().seals], [1, 0]);
  });
});

Deno.test("WorkerUpkeep passes damage of an input on, with its place", async () => {
  const host = hostWithWorkers();
  await host.run(async () => {
    const store = await open(host), timeline = store.timeline();
    for (let i = 0; i < 2; i++) await addLayer(store);
    workersOf(host).faults = undefined;
    const path = host.engine.disk.paths().find((path) => path.endsWith(".seg")) as string;
    const bytes = host.engine.disk.contents(path);
    bytes[4096 + 40] ^= 1;
    host.engine.disk.put(path, bytes);
    const error = await assertRejects(() => timeline.compact(), CorruptionError);
    assertEquals(error.path, path);
    assert(error.offset >= 4096);
    await store.close();
  });
});

Deno.test("WorkerUpkeep ends a merge when it is aborted or the store is closed, and removes what it wrote", async () => {
  const whole = hostWithWorkers();
  let from = 0;
  await whole.run(async () => {
    const store = await open(whole);
    for (let i = 0; i < 3; i++) await addLayer(store);
    from = workersOf(whole).messages;
    await store.timeline().compact();
    await store.close();
  });
  for (const how of ["abort", "close"] as const) {
    for (let at = from; at < from + 4; at++) {
      const host = hostWithWorkers(), workers = workersOf(host);
      await host.run(async () => {
        const store = await open(host), timeline = store.timeline(), stop = new AbortController();
        for (let i = 0; i < 3; i++) await addLayer(store);
        const compaction = timeline.compact({ signal: stop.signal }).then(() => "done", (error) => error);
        while (workers.messages < at) await host.turns.turn();
        const reason = new Error("enough");
        if (how === "abort") stop.abort(reason);
        else await store.close();
        const outcome = await compaction;
        // The numbers are there by then at the most, and nothing is copied yet.
        assert(outcome !== "done" || at > from + 3, `${how} at message ${at}`);
        if (outcome !== "done") {
          if (how === "abort") assertEquals(outcome, reason);
          else assertInstanceOf(outcome, Deno.errors.BadResource);
          assertEquals(store.metrics().upkeep[timeline.name].failures, 0);
        }
        if (how === "close") return;
        assertEquals(strays(host, store), []);
        await check(store, 36);
        await store.close();
      });
      assertEquals([workers.running, workers.takenBytes], [0, 0]);
      const after = next(host.engine.disk);
      await after.run(async () => {
        const store = await open(after);
        await check(store, 36);
        assertEquals(strays(after, store), []);
        await store.close();
      });
    }
  }
});

Deno.test("WorkerUpkeep ends a merge in the midst of it when it is aborted", async () => {
  let ended = 0;
  for (const seed of seeds("aborted merges", 20)) {
    const host = hostWithWorkers({ choices: new SeededChoices(seed) });
    await host.run(async () => {
      const store = await open(host), timeline = store.timeline(), stop = new AbortController();
      for (let i = 0; i < 3; i++) await addLayer(store);
      const compaction = timeline.compact({ signal: stop.signal }).catch((error) => error);
      // Its numbers are taken when it writes: from then on only the Worker itself can stop.
      while (!host.engine.disk.paths().some((path) => path.endsWith(".delta"))) await host.turns.turn();
      stop.abort(new Error("enough"));
      await compaction;
      if (timeline.layers().length === 3) ended++;
      assertEquals(strays(host, store), []);
      await check(store, 36);
      await store.close();
    });
  }
  assert(ended > 0, "no merge was ended");
});

Deno.test("WorkerUpkeep leaves what was acknowledged when the machine stops at any step, and the power goes", async () => {
  for (const seed of seeds("worker and power", 3)) {
    const choices = new SeededChoices(seed);
    const whole = hostWithWorkers({ choices: new SeededChoices(seed) });
    await whole.run(async () => (await program(whole)).close());
    for (let i = 0; i < 12; i++) {
      const host = hostWithWorkers({ choices: new SeededChoices(seed) });
      let acknowledged = 0;
      await host.runFor(choices.choose(whole.trace.steps), async () => {
        const store = await open(host);
        for (let layer = 0; layer < 4; layer++) {
          await addLayer(store);
          acknowledged = await store.timeline().sync();
          if (layer === 2) await store.timeline().compact();
        }
        await store.close();
      });
      const left = choices.choose(2) === 0
        ? host.engine.disk.killed(choices)
        : host.engine.disk.crash(choices);
      const after = next(left, choices);
      await after.run(async () => {
        const store = await open(after);
        await check(store, acknowledged);
        await store.close();
      });
    }
  }
});
