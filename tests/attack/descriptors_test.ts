/** Descriptors that run out: reads wait for their turn, and the writer is refused for as long as there are none. */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { IoError, PoisonedError } from "../../mod.ts";
import type { IoFile, OpenOptions } from "../../src/io/engine.ts";
import { collect, patterned } from "../store/bytes.ts";
import { errno, HookedEngine } from "../store/hooked_engine.ts";
import { Place } from "../store/matrix.ts";

const layers = 60;

/** An engine whose files, and directories while they are listed or synced, share few descriptors. */
class ScarceEngine extends HookedEngine {
  /** How many descriptors there are. */
  descriptors = Infinity;
  #taken = 0;
  /** How often there was none. */
  refusals = 0;

  async #take<T>(operation: string, path: string, work: () => Promise<T>, keeps: boolean): Promise<T> {
    if (this.#taken >= this.descriptors) {
      this.refusals++;
      throw errno("EMFILE", operation, path);
    }
    this.#taken++;
    let isKept = false;
    try {
      const done = await work();
      isKept = keeps;
      return done;
    } finally {
      if (!isKept) this.#taken--;
    }
  }

  override open(path: string, options: OpenOptions): Promise<IoFile> {
    return this.#take("open", path, () => super.open(path, options), true);
  }

  override async close(file: IoFile): Promise<void> {
    await super.close(file);
    this.#taken--;
  }

  override list(path: string): Promise<string[]> {
    return this.#take("list", path, () => super.list(path), false);
  }

  override syncDirectory(path: string): Promise<void> {
    return this.#take("sync directory", path, () => super.syncDirectory(path), false);
  }

  /** Takes all that are left. */
  exhaust(): void {
    this.descriptors = this.#taken;
  }
}

async function inPlace(body: (place: Place, engine: ScarceEngine) => Promise<void>): Promise<void> {
  await using engine = new ScarceEngine();
  await using place = await Place.make({ ioEngine: engine, segmentBytes: 64 * 1024, ioMode: "buffered" });
  await body(place, engine);
}

Deno.test("Timeline reads and writes many layers when there are few descriptors", async () => {
  await inPlace(async (place, engine) => {
    const first = await place.open();
    for (let i = 0; i < layers; i++) {
      const values = Array.from({ length: 5 }, (_, k) => ({ key: `k${k}/${i}`, value: patterned(5000, i) }));
      await first.timeline().append(values);
      await first.timeline().freeze();
    }
    await place.close(first);
    engine.descriptors = 12;
    const timeline = (await place.open({ cacheBytes: 64 * 1024 })).timeline();
    const keys = Array.from({ length: layers }, (_, i) => `k${i % 5}/${i}`);
    const write = async () => {
      for (let i = 0; i < 20; i++) {
        await timeline.append([{ key: `new${i}`, value: patterned(9000, i) }], { sync: true });
        if (i % 4 === 3) await timeline.freeze();
      }
    };
    const reads = await Promise.all([
      ...keys.map((key) => timeline.get(key)),
      ...keys.map((key) => timeline.get(key, { signal: new AbortController().signal })),
      timeline.getMany(keys).then((values) => values.at(-1)),
      collect(timeline.scan({ prefix: "k" })).then((entries) => entries.at(-1)?.value),
      write().then(() => patterned(5000, 0)),
    ]);
    assertEquals(reads.map((value) => value?.length), reads.map(() => 5000));
    assertEquals(engine.refusals > 0, true);
    assertEquals(await timeline.count({ prefix: "new" }), 20);
  });
});

Deno.test("Timeline goes on writing when others had taken every descriptor at any moment", async () => {
  for (let moment = 1, isReached = true; isReached; moment += 3) {
    await inPlace(async (place, engine) => {
      const store = await place.open();
      const timeline = store.timeline();
      isReached = false;
      let operations = 0;
      engine.hook = () => {
        if (++operations !== moment) return;
        isReached = true;
        engine.exhaust();
      };
      for (let i = 0; i < 9; i++) {
        const append = () =>
          timeline.append([{ key: `k${i}`, value: patterned(20_000, i) }], { sync: i % 3 === 0 });
        await append().catch((error) => {
          assertInstanceOf(error, IoError, `${error.stack}`);
          assertEquals(error.code, "EMFILE");
          engine.descriptors = Infinity;
          return error.appliedLsn === undefined ? append() : undefined;
        });
      }
      engine.hook = () => {};
      engine.descriptors = Infinity;
      // What was begun before may have found none still.
      await timeline.sync().catch(() => timeline.sync());
      await timeline.freeze();
      assertEquals([timeline.durableLsn, await timeline.count()], [9, 9]);
      await place.close(store);
      assertEquals([...engine.files], []);
    });
  }
});

Deno.test("Timeline.append() is refused with EMFILE, and not for good, while there is no descriptor", async () => {
  await inPlace(async (place, engine) => {
    const timeline = (await place.open()).timeline();
    engine.exhaust();
    const append = () => timeline.append([{ key: "a", value: "1" }], { sync: true });
    for (let i = 0; i < 3; i++) {
      const error = await assertRejects(append, IoError);
      assertEquals([error.code, error instanceof PoisonedError], ["EMFILE", false]);
    }
    engine.descriptors = Infinity;
    await timeline.sync();
    assertEquals(await timeline.append([{ key: "b", value: "2" }], { sync: true }), timeline.lastLsn);
  });
});

Deno.test("Timeline.sync() beside sealing leaves no descriptor of a sealed segment open", async () => {
  await inPlace(async (place, engine) => {
    const timeline = (await place.open()).timeline();
    const commit = async (_: unknown, who: number) => {
      for (let i = 0; i < 25; i++) {
        await timeline.append([{ key: `${who}/${i}`, value: patterned(4000, i) }], { sync: true });
      }
    };
    await Promise.all(Array.from({ length: 16 }, commit));
    await timeline.freeze();
    assertEquals([...engine.files].map(({ path }) => path).filter((path) => path.endsWith(".seg")), []);
  });
});
