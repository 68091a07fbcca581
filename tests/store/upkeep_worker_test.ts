/** Layers that real Workers seal and merge, and Workers that end at any moment. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Store, StoreOptions, Timeline } from "../../mod.ts";
import {
  type Host,
  type IoEngine,
  openIo,
  systemHost,
  type WorkerLink,
  type Workers,
} from "../../src/io/mod.ts";
import { openStoreOn } from "../../src/store/mod.ts";
import { Random, seeds } from "../random.ts";
import { patterned } from "./bytes.ts";
import { inProcess } from "./in_process.ts";
import { Place, subjects, test } from "./matrix.ts";

const MiB = 1024 * 1024;
const systemWorkers = systemHost({} as IoEngine, true).workers as Workers;

/** Real Workers for which every job is worth it, and that can be ended as if they had ended by themselves. */
class TestWorkers implements Workers {
  worthBytes = 0;
  started = 0;
  readonly #running = new Map<WorkerLink, (reason: Error) => void>();

  start(module: URL): WorkerLink | { readonly refusal: string } {
    this.started++;
    const link = systemWorkers.start(module);
    if ("refusal" in link) return link;
    const running = this.#running;
    running.set(link, () => {});
    return {
      post: (message) => link.post(message),
      listen: (take) => link.listen(take),
      watch: (ended) => {
        running.set(link, ended);
        link.watch(ended);
      },
      terminate: () => {
        running.delete(link);
        link.terminate();
      },
    };
  }

  get spareBytes(): number {
    return systemWorkers.spareBytes;
  }

  takeMemory(byteLength: number): SharedArrayBuffer {
    return systemWorkers.takeMemory(byteLength);
  }

  takeZeros(byteLength: number): SharedArrayBuffer {
    return systemWorkers.takeZeros(byteLength);
  }

  giveBack(memory: SharedArrayBuffer): void {
    systemWorkers.giveBack(memory);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Ends what runs; returns whether anything did. */
  kill(): boolean {
    const running = [...this.#running];
    for (const [link, ended] of running) {
      link.terminate();
      this.#running.delete(link);
      ended(new Error("it was killed"));
    }
    return running.length > 0;
  }
}

/** Runs a body with a store on real Workers. */
async function withStore(
  options: StoreOptions & { path: string },
  workers: Workers,
  body: (store: Store) => Promise<void>,
): Promise<void> {
  const { path, ioEngine, ioMode, strict, ...rest } = options;
  const { engine } = await openIo(path, { ioEngine, ioMode, strict });
  const host: Host = { ...systemHost(engine), workers };
  try {
    const store = await openStoreOn(host, path, { ioMode, strict, ...rest });
    try {
      await body(store);
    } finally {
      await store.close();
    }
  } finally {
    await engine.shutdown();
  }
}

/** Appends batches to a layer and freezes it. */
async function addLayer(timeline: Timeline, batches = 60): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const lsn = timeline.lastLsn + 1;
    await timeline.append([
      { key: `k${lsn % 97}`, value: patterned(lsn * 7 % 900, lsn) },
      { key: `n${lsn}`, value: patterned(lsn % 300, lsn) },
      lsn % 4 === 0 ? { key: `d${lsn % 5}`, delete: true } : { key: `d${lsn % 5}`, value: patterned(9, lsn) },
    ]);
  }
  await timeline.freeze();
}

async function check(store: Store, lastLsn: number): Promise<void> {
  const timeline = store.timeline();
  assertEquals(timeline.lastLsn, lastLsn);
  for (let lsn = 1; lsn <= lastLsn; lsn += 7) {
    const [k, n, d] = await timeline.getMany([`k${lsn % 97}`, `n${lsn}`, `d${lsn % 5}`], { lsn });
    assertEquals(k, patterned(lsn * 7 % 900, lsn));
    assertEquals(n, patterned(lsn % 300, lsn));
    assertEquals(d, lsn % 4 === 0 ? undefined : patterned(9, lsn));
  }
  assertEquals((await Array.fromAsync(store.verify())).map(({ error }) => error.message), []);
}

/** The files in a directory that were removed and that this process holds open all the same, where the system tells. */
function openAndRemoved(directory: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(directory) && path.endsWith(" (deleted)") ? [path] : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

for (const { ioEngine, ioMode, name, skip } of subjects) {
  Deno.test({
    name: `Store seals and merges in a Worker (${name})${skip === undefined ? "" : ` — absent: ${skip}`}`,
    ignore: skip !== undefined,
    fn: async () => {
      await using place = await Place.make();
      const workers = new TestWorkers(), options = { path: place.path, ioEngine, ioMode, strict: true };
      await withStore({ ...options, segmentBytes: 64 * 1024 }, workers, async (store) => {
        const timeline = store.timeline();
        for (let i = 0; i < 3; i++) await addLayer(timeline);
        const { seals, workerJobs } = store.metrics();
        assertEquals(workerJobs, seals);
        assert(seals >= 3);
        const { spareIndexBytes, totalBytes } = store.metrics().memory;
        assert(spareIndexBytes > 0, "the memory of what was sealed waits for the next one");
        assert(totalBytes >= spareIndexBytes);
        const [report] = await Promise.all([
          timeline.compact(),
          addLayer(timeline),
          timeline.getMany(["k1", "n9"]),
        ]);
        assert(report.merges > 0);
        assert(store.metrics().workerJobs > seals + report.merges);
        await timeline.compact();
        assertEquals([store.metrics().workerFailures, store.io.notes], [0, []]);
        await check(store, 240);
        assertEquals(place.files(/\.(seg|delta)$/).length, timeline.layers().length);
        assertEquals(openAndRemoved(place.path), []);
      });
      assertEquals([workers.started, workers.running], [1, 0]);
      await using again = await place.open({ ioEngine, ioMode });
      await check(again, 240);
    },
  });
}

for (const ioEngine of ["threads", "node"] as const) {
  const skip = subjects.find((subject) => subject.ioEngine === ioEngine)?.skip;
  Deno.test({
    name: `Store loses nothing when Workers end at any moment (${ioEngine})`,
    ignore: skip !== undefined,
    fn: async () => {
      for (const seed of seeds("workers end", 4)) {
        await using place = await Place.make();
        const workers = new TestWorkers(), random = new Random(seed);
        let kills = 0, lastLsn = 0;
        await withStore({ path: place.path, ioEngine, segmentBytes: 256 * 1024 }, workers, async (store) => {
          const timeline = store.timeline();
          // What a Worker does takes some milliseconds once it runs.
          await addLayer(timeline);
          let isOver = false;
          const killing = (async () => {
            while (!isOver) {
              await new Promise((resolve) => setTimeout(resolve, random.from(0, 25)));
              if (kills < 2 && timeline.lastLsn > 60 && workers.kill()) kills++;
            }
          })();
          for (let i = 0; i < 8; i++) await addLayer(timeline, 200);
          await timeline.compact();
          isOver = true;
          await killing;
          lastLsn = timeline.lastLsn;
          assert(kills > 0, "no Worker was killed");
          assertEquals(store.metrics().workerFailures, kills);
          assert(store.io.notes.filter((note) => note.includes("it was killed")).length >= kills);
          await check(store, lastLsn);
          assertEquals(place.files(/\.(seg|delta)$/).length, timeline.layers().length);
        });
        await using again = await place.open({ ioEngine });
        await check(again, lastLsn);
      }
    },
  });
}

test("Store starts no Worker for a little work, and one for more", async (place) => {
  const workers = new TestWorkers();
  workers.worthBytes = systemWorkers.worthBytes;
  await withStore({ path: place.path }, workers, async (store) => {
    const timeline = store.timeline();
    await addLayer(timeline, 500);
    await addLayer(timeline, 500);
    await timeline.compact();
    assertEquals([workers.started, store.metrics().workerJobs], [0, 0]);
  });
  assertEquals(workers.started, 0);
  await withStore({ path: place.path }, workers, async (store) => {
    const timeline = store.timeline();
    for (let i = 0; i < 1000; i++) {
      const keys = Array.from({ length: 80 }, (_, j) => ({ key: `${i} ${j}`, value: "" }));
      await timeline.append(keys);
    }
    await timeline.freeze();
    assertEquals([workers.started, store.metrics().workerJobs], [1, 1]);
    assertEquals(await timeline.count({ prefix: "7 " }), 80);
  });
});

test("Store.open() takes Workers by itself, and slices when they are asked for", async (place) => {
  for (const [upkeep, jobs] of [[undefined, 1], ["worker", 1], ["slices", 0]] as const) {
    await using store = await place.open({ upkeep });
    for (let i = 0; i < 1000; i++) {
      await store.timeline().append(Array.from({ length: 80 }, (_, j) => ({ key: `${i} ${j}`, value: "" })));
    }
    await store.timeline().freeze();
    assertEquals([store.metrics().workerJobs, store.io.notes], [jobs, []]);
  }
});

test("Store says that an engine that was passed in has no Workers, when one is asked for", async (place) => {
  const { engine } = await openIo(place.path, { ioEngine: "node" });
  for (const upkeep of ["worker", undefined] as const) {
    await using store = await place.open({ upkeep, ioEngine: engine });
    const notes = store.io.notes.filter((note) => note.startsWith("Upkeep"));
    assertEquals(notes.length, upkeep === "worker" ? 1 : 0);
  }
  await engine.shutdown();
});

test("Store works in slices where the module of a Worker may not be read, says so, and asks nobody", async (place) => {
  const grants = [`--allow-read=${place.path}`, `--allow-write=${place.path}`];
  const told = await inProcess(grants, ["upkeep", place.path]);
  const [jobs, failures, seals, ...notes] = JSON.parse(told);
  assertEquals([jobs, failures, seals], [0, 1, 1]);
  const note = notes.find((text: string) => text.startsWith("Upkeep"));
  assertStringIncludes(note, 'Upkeep "worker" is not to be had, "slices" is: Requires read access to "');
  // These are our words: the runtime, which would have printed an error, was not asked.
  assert(note.endsWith('entry.ts"'), note);
});

test("Store that is not closed lets its process end, also after a Worker was started", async (place) => {
  const told = await inProcess(["--allow-all"], ["upkeep", place.path, '{"leave":true}']);
  assertEquals(JSON.parse(told).slice(0, 3), [1, 0, 1]);
});

test("Store.metrics() counts the buffers of a Worker with what merging holds", async (place) => {
  const mostHeld = async (name: string, workers: TestWorkers | undefined) => {
    let most = 0;
    const path = `${place.path}/${name}`, upkeep = workers === undefined ? "slices" : "worker";
    await Deno.mkdir(path);
    await withStore({ path, upkeep }, workers ?? new TestWorkers(), async (store) => {
      const timeline = store.timeline();
      for (let layer = 0; layer < 2; layer++) {
        await timeline.append(
          Array.from({ length: 40 }, (_, i) => ({ key: `${i}`, value: patterned(50_000, i + layer) })),
        );
        await timeline.freeze();
      }
      await timeline.compact({
        progress: () => most = Math.max(most, store.metrics().memory.upkeepBytes),
      });
      assertEquals(store.metrics().memory.upkeepBytes, 0);
    });
    return most;
  };
  const workers = new TestWorkers();
  const inSlices = await mostHeld("slices", undefined), inWorker = await mostHeld("worker", workers);
  assert(workers.started > 0);
  // The same, and at least a buffer that is read into and one that is written from.
  assert(inSlices > 0 && inWorker >= inSlices + 2 * MiB, `${inSlices} ${inWorker}`);
});
