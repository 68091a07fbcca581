/** Reads as streams: stopped, left, paused, outlived by their store, and never seeing half of anything. */

import { setImmediate } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Store, Timeline } from "../../mod.ts";
import { collect, patterned, sameBytes } from "../store/bytes.ts";
import { HookedEngine } from "../store/hooked_engine.ts";
import { Place, test, testEach } from "../store/matrix.ts";

const keys = 400;
const valueBytes = 40_000;

/** A store with more values than one window of a read holds, in sealed layers. */
async function filled(place: Place): Promise<{ store: Store; timeline: Timeline }> {
  const store = await place.open();
  const timeline = store.timeline();
  for (let i = 0; i < keys; i++) {
    const value = patterned(valueBytes, i);
    await timeline.append([{ key: keyOf(i), value }, { key: "versions", value }]);
  }
  await timeline.freeze();
  return { store, timeline };
}

function keyOf(i: number): string {
  return `k${String(i).padStart(4, "0")}`;
}

function allKeys(): string[] {
  return Array.from({ length: keys }, (_, i) => keyOf(i));
}

/** Every kind of stream, over everything. */
const kinds: Readonly<Record<string, (timeline: Timeline, signal?: AbortSignal) => ReadableStream<unknown>>> =
  {
    getVectored: (timeline, signal) => timeline.getVectored(allKeys(), { signal }),
    scan: (timeline, signal) => timeline.scan({}, { signal }),
    "reverse scan": (timeline, signal) => timeline.scan({ reverse: true }, { signal }),
    "scan of a snapshot that was disposed of": (timeline, signal) => {
      using snapshot = timeline.snapshot();
      return snapshot.scan({}, { signal });
    },
    "getVectored that reports damage": (timeline, signal) =>
      timeline.getVectored(allKeys(), { signal, damage: "report" }),
    history: (timeline, signal) => timeline.history("versions", { signal }),
  };

/** Waits until reads that were stopped have given up what was in flight. */
async function idle(store: Store): Promise<void> {
  for (let i = 0; i < 5000 && store.metrics().views > 0; i++) await delay(1);
  assertEquals(store.metrics().views, 0);
}

/** A stream of each kind. */
function streams(timeline: Timeline, signal?: AbortSignal): ReadableStream<unknown>[] {
  return Object.values(kinds).map((stream) => stream(timeline, signal));
}

test("Timeline stops a read when its stream is cancelled", async (place) => {
  const { store, timeline } = await filled(place);
  for (const stream of Object.values(kinds)) {
    const reader = stream(timeline).getReader();
    assertEquals((await reader.read()).done, false);
    assertEquals(store.metrics().views, 1);
    await reader.cancel();
    assertEquals(store.metrics().views, 0);
    const { valueReadBytes } = store.metrics();
    assertEquals(await timeline.get(keyOf(0)), patterned(valueBytes, 0));
    // The next read finds nothing of the cancelled one still going on.
    assert(store.metrics().valueReadBytes - valueReadBytes < 2 * valueBytes);
  }
  assert(store.metrics().valueReadBytes < Object.keys(kinds).length * keys * valueBytes);
});

test("Timeline stops a read when it is cancelled between a request and its answer", async (place) => {
  const { store, timeline } = await filled(place);
  for (const stream of streams(timeline)) {
    const reader = stream.getReader();
    const asked = reader.read();
    await reader.cancel();
    assertEquals((await asked).done, true);
  }
  assertEquals(store.metrics().views, 0);
});

test("Timeline stops a read when its signal is aborted", async (place) => {
  const { store, timeline } = await filled(place);
  for (const stream of Object.values(kinds)) {
    const controller = new AbortController();
    const reason = new Error("enough");
    await assertRejects(
      async () => {
        let seen = 0;
        for await (const _ of stream(timeline, controller.signal)) if (++seen === 3) controller.abort(reason);
      },
      Error,
      "enough",
    );
    await idle(store);
  }
});

test("Timeline gives up what a stream holds when its signal is aborted and nobody asks", async (place) => {
  const { store, timeline } = await filled(place);
  for (const isPaused of [false, true]) {
    for (const stream of Object.values(kinds)) {
      const controller = new AbortController();
      const reader = stream(timeline, controller.signal).getReader();
      if (isPaused) await reader.read();
      assertEquals(store.metrics().views, 1);
      controller.abort();
      await idle(store);
      await assertRejects(async () => {
        while (!(await reader.read()).done);
      }, DOMException);
    }
  }
});

test("Timeline refuses to read when the signal is aborted already", async (place) => {
  const { store, timeline } = await filled(place);
  const signal = AbortSignal.abort(new Error("too late"));
  await assertRejects(() => timeline.get("a", { signal }), Error, "too late");
  await assertRejects(() => timeline.getMany(["a"], { signal }), Error, "too late");
  for (const stream of Object.values(kinds)) assertThrows(() => stream(timeline, signal), Error, "too late");
  assertEquals(store.metrics().views, 0);
});

test("Timeline stops gets when their signal is aborted", async (place) => {
  const { store, timeline } = await filled(place);
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("enough");
  const reads = [timeline.get(keyOf(1), { signal }), timeline.getMany(allKeys(), { signal })];
  controller.abort(reason);
  const outcomes = await Promise.all(reads.map((read) => read.catch((error: unknown) => error)));
  assertEquals(outcomes, [reason, reason]);
  assertEquals(store.metrics().views, 0);
});

test("Timeline reads on when many other streams are paused or were never read", async (place) => {
  const { store, timeline } = await filled(place);
  const paused: ReadableStreamDefaultReader<unknown>[] = [];
  const unread: ReadableStream<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    for (const stream of streams(timeline)) {
      const reader = stream.getReader();
      await reader.read();
      paused.push(reader);
    }
    unread.push(...streams(timeline));
  }
  // Each of them would hold buffers for a window, and all of them together more than there are.
  const values = await timeline.getMany(allKeys());
  values.forEach((value, i) => assert(sameBytes(value, patterned(valueBytes, i))));
  assertEquals(store.metrics().views, paused.length + unread.length);
  await Promise.all([...paused, ...unread].map((stream) => stream.cancel()));
  assertEquals(store.metrics().views, 0);
});

testEach("Store.close() ends reads when streams are paused, asked or were never read", async (place) => {
  const { store, timeline } = await filled(place);
  const snapshot = timeline.snapshot();
  const [paused, asked, unread] = streams(timeline).map((stream) => stream.getReader());
  const got = timeline.get(keyOf(7)).then(() => undefined, (error: unknown) => error);
  await paused.read();
  const answer = asked.read().then(() => undefined, (error: unknown) => error);
  await place.close(store);
  for (const error of [await answer, await got]) {
    assert(error === undefined || error instanceof Deno.errors.BadResource);
  }
  for (const reader of [paused, asked, unread]) {
    await assertRejects(async () => {
      while (!(await reader.read()).done);
    }, Deno.errors.BadResource);
  }
  const message = `Cannot use store "${place.path}": it is closed`;
  await assertRejects(() => snapshot.get(keyOf(1)), Deno.errors.BadResource, message);
  await assertRejects(() => timeline.get(keyOf(1)), Deno.errors.BadResource, message);
  assertThrows(() => timeline.scan(), Deno.errors.BadResource, message);
  snapshot[Symbol.dispose]();
  assertEquals(store.metrics().views, 0);
}, { segmentBytes: 2 ** 20 });

test("Timeline opens no file when a stream is first read from after the store was closed", async () => {
  await using engine = new HookedEngine();
  await using place = await Place.make({ ioEngine: engine, ioMode: "buffered" });
  const { store, timeline } = await filled(place);
  const unread = streams(timeline);
  await place.close(store);
  for (const stream of unread) await assertRejects(() => collect(stream), Deno.errors.BadResource);
  assertEquals([...engine.files], []);
});

testEach("Timeline shows all of a batch or none when reads and appends go on together", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  const names = Array.from({ length: 8 }, (_, i) => `k${i}`);
  let isWriting = true;
  const write = async () => {
    for (let i = 1; i <= 150; i++) {
      await timeline.append(names.map((key) => ({ key, value: patterned(i % 7 === 0 ? 9000 : 300, i) })), {
        sync: i % 10 === 0,
      });
    }
    isWriting = false;
  };
  const read = async (ask: () => Promise<(Uint8Array | undefined)[]>) => {
    while (isWriting) {
      // What is in memory is read without the event loop's turn, which the writer needs.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const [first, ...others] = await ask();
      for (const other of others) assert(sameBytes(first, other), "half of a batch");
    }
  };
  await Promise.all([
    write(),
    read(() => timeline.getMany(names)),
    read(async () => (await collect(timeline.getVectored(names))).map(({ value }) => value)),
    read(async () => (await collect(timeline.scan({ reverse: true }))).map(({ value }) => value)),
    read(async () => {
      using snapshot = timeline.snapshot();
      return [await snapshot.get("k0"), await snapshot.get("k7")];
    }),
  ]);
  assert(store.metrics().seals > 0);
}, { segmentBytes: 64 * 1024, cacheBytes: 64 * 1024 });

testEach(
  "Timeline keeps the view of a read when its layers are frozen and sealed meanwhile",
  async (place) => {
    const timeline = (await place.open()).timeline();
    const write = (round: number) =>
      timeline.append(
        Array.from({ length: 60 }, (_, i) => ({ key: keyOf(i), value: patterned(900, i + round) })),
      );
    await write(0);
    const readers = [timeline.scan(), timeline.getVectored(allKeys().slice(0, 60))].map((stream) =>
      stream.getReader()
    );
    const firsts = await Promise.all(readers.map((reader) => reader.read()));
    const unread = timeline.scan();
    for (let round = 1; round < 6; round++) {
      await write(round);
      await timeline.freeze();
    }
    for (const [nth, reader] of readers.entries()) {
      const rest = [firsts[nth].value];
      for (let next = await reader.read(); !next.done; next = await reader.read()) rest.push(next.value);
      assertEquals(rest.map((entry) => entry?.lsn), Array(60).fill(1));
      rest.forEach((entry, i) => assert(sameBytes(entry?.value, patterned(900, i))));
    }
    (await collect(unread)).forEach(({ value }, i) => assert(sameBytes(value, patterned(900, i))));
  },
  { segmentBytes: 64 * 1024 },
);

test("Timeline gives values and keys that are the caller's when they are changed afterwards", async (place) => {
  const timeline = (await place.open()).timeline();
  const key = new Uint8Array([1, 2, 3]), value = new Uint8Array([4, 5, 6]);
  const appended = timeline.append([{ key, value }]);
  key.fill(0);
  value.fill(0);
  await appended;
  for (let round = 0; round < 2; round++) {
    const asked = new Uint8Array([1, 2, 3]);
    const got = timeline.get(asked), history = timeline.history(asked);
    const scanned = timeline.scan({ start: asked });
    asked.fill(9);
    const found = await got as Uint8Array;
    assertEquals(found, new Uint8Array([4, 5, 6]));
    assertEquals((await collect(history)).map(({ lsn }) => lsn), [1]);
    for (const entry of await collect(scanned)) {
      entry.key.fill(0);
      entry.value?.fill(0);
    }
    found.fill(0);
    await timeline.freeze();
  }
});

test("Timeline reads large values that are asked for twice", async (place) => {
  const timeline = (await place.open()).timeline();
  await timeline.append([{ key: "a", value: patterned(700_000, 1) }, {
    key: "b",
    value: patterned(300_000, 2),
  }]);
  for (let round = 0; round < 2; round++) {
    const found = await timeline.getMany(["b", "a", "a", "b", "a"]);
    found.forEach((value, i) => {
      assert(sameBytes(value, "baaba"[i] === "a" ? patterned(700_000, 1) : patterned(300_000, 2)));
    });
    await timeline.freeze();
  }
});
