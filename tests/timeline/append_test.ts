/** Appending: what becomes of changes, batches and streams of them, and who waits. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Batch, type Change, LimitError, type Timeline } from "../../mod.ts";
import { patterned } from "../store/bytes.ts";
import { testEach } from "../store/matrix.ts";
import { hold, isSettled, test } from "./write/held.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

async function lsnsOf(timeline: Timeline, key: string): Promise<number[]> {
  return (await Array.fromAsync(timeline.history(key))).map(({ lsn }) => lsn);
}

testEach("Timeline.append() bounds what waits when it is awaited", async (place) => {
  const store = await place.open();
  const timeline = store.timeline();
  let waiting = 0, frozen = 0;
  for (let i = 0; i < 300; i++) {
    await timeline.append([{ key: `k${i}`, value: patterned(50 * KiB, i) }]);
    waiting = Math.max(waiting, store.metrics().waitingBytes);
    frozen = Math.max(frozen, store.metrics().frozenLayers);
  }
  assert(frozen <= 4, `${frozen} frozen layers`);
  assert(waiting <= 10 * MiB, `${waiting} bytes waited`);
  await timeline.sync();
  assertEquals(timeline.durableLsn, 300);
}, { segmentBytes: 64 * KiB });

test(
  "Timeline.append() waits for durability when it is asked to, and for sealing too",
  async ({ timeline, writer }, engine) => {
    const gate = hold(engine, "sync");
    const append = (i: number) =>
      timeline.append([{ key: `k${i}`, value: patterned(40 * KiB, i) }], { sync: true });
    for (let i = 0; i < 3; i++) {
      assertEquals(await append(i), i + 1);
      assertEquals(timeline.durableLsn, i + 1);
    }
    const held = append(3);
    assertEquals(await timeline.sync(), 4);
    assertEquals([await isSettled(held), writer.layers.frozenCount], [false, 3]);
    gate.open();
    assertEquals(await held, 4);
  },
);

test(
  "Timeline.append() waits for room, and shows what was appended meanwhile",
  async ({ timeline }, engine) => {
    const gate = hold(engine);
    const value = patterned(64 * KiB, 1);
    const held = timeline.append([{ key: "a", value }]);
    assertEquals([await isSettled(held), timeline.lastLsn, await timeline.get("a")], [false, 1, value]);
    gate.open();
    assertEquals(await held, 1);
  },
);

test(
  "Timeline.append() is refused at once when too much waits, and its LSN is not taken",
  async ({ timeline }, engine) => {
    const gate = hold(engine);
    const value = patterned(64 * KiB, 1);
    const appended: Promise<number>[] = [];
    while (timeline.lastLsn === appended.length) appended.push(timeline.append([{ key: "a", value }]));
    await assertRejects(() => appended.pop() as Promise<number>, LimitError, "wait in memory");
    gate.open();
    assertEquals(await Promise.all(appended), appended.map((_, i) => i + 1));
    assertEquals(await timeline.append([{ key: "after", value: "1" }], { sync: true }), appended.length + 1);
  },
  { settings: { waitingBytes: MiB } },
);

test("Timeline.append() keeps what changes yield when they append themselves", async ({ timeline }) => {
  await timeline.append([{ key: "first", value: "0" }]);
  const inner: Promise<number>[] = [];
  function* changes(): Generator<Change> {
    yield { key: "a", value: "1" };
    inner.push(timeline.append([{ key: "inner", value: "2" }]));
    yield { key: "b", value: "3" };
  }
  assertEquals([await timeline.append(changes()), await inner[0]], [3, 2]);
  assertEquals(await Promise.all(["a", "inner", "b"].map((key) => lsnsOf(timeline, key))), [[3], [2], [3]]);
});

test("Timeline.append() applies nothing of a batch when one of its changes is wrong", async ({ timeline, writer }) => {
  const wrong = { key: "", value: "" };
  await assertRejects(() => timeline.append([{ key: "a", value: "1" }, wrong]), LimitError);
  function* failing(): Generator<Change> {
    yield { key: "a", value: "1" };
    throw new Error("no more");
  }
  await assertRejects(() => timeline.append(failing()), Error, "no more");
  assertEquals([timeline.lastLsn, await timeline.get("a"), writer.counters.batches], [0, undefined, 0]);
  assertEquals(await timeline.append([{ key: "b", value: "1" }]), 1);
  assertEquals(await timeline.get("a"), undefined);
});

test("Timeline.append() says which change of a batch is wrong", async ({ timeline }) => {
  const good = { key: "a", value: "1" };
  const wrong: [unknown, RegExp][] = [
    [{ key: "b" }, /^Cannot add change: .* \(changes\[3\]\)$/],
    [{ key: "b", value: 5 }, /^Cannot use value: .* \(changes\[3\]\)$/],
    [{ key: "", value: "1" }, /^Cannot use key: .* \(changes\[3\]\)$/],
    [null, /^Cannot add change: .* \(changes\[3\]\)$/],
  ];
  for (const [change, message] of wrong) {
    const error = await assertRejects(
      () => timeline.append([good, good, good, change as Change, good]),
      Error,
    );
    assertMatch(error.message, message);
  }
  // What changes throw themselves is theirs.
  const own = new TypeError("mine");
  const changes = function* () {
    yield good;
    throw own;
  };
  assert(await assertRejects(() => timeline.append(changes())) === own);
  assertEquals([own.message, timeline.lastLsn], ["mine", 0]);
});

test("Timeline.append() takes an LSN for changes and batches that are empty", async ({ timeline, writer }) => {
  assertEquals(await timeline.append([]), 1);
  assertEquals(await timeline.append(new Batch(), { lsn: 7 }), 7);
  assertEquals([writer.counters.batches, writer.counters.changes], [2, 0]);
  await timeline.freeze();
  assertEquals(await Array.fromAsync(timeline.scan()), []);
  assertEquals(timeline.layers().map(({ lastLsn, versions }) => [lastLsn, versions]), [[7, 0]]);
});

test("Timeline.writable() makes one batch of each change, array and batch", async ({ timeline }) => {
  const chunks: (Change | Change[] | Batch)[] = [
    { key: "a", value: "1" },
    [{ key: "a", value: "2" }, { key: "b", value: "2" }],
    new Batch().put("b", "3").delete("a"),
    [],
  ];
  await ReadableStream.from(chunks).pipeTo(timeline.writable());
  assertEquals([timeline.lastLsn, timeline.durableLsn], [4, 4]);
  assertEquals([await lsnsOf(timeline, "a"), await lsnsOf(timeline, "b")], [[1, 2, 3], [2, 3]]);
});

test("Timeline.writable() makes each chunk durable before the next when it was asked to", async ({ timeline }) => {
  const writer = timeline.writable({ sync: true }).getWriter();
  for (let i = 1; i <= 5; i++) {
    await writer.write({ key: "a", value: `${i}` });
    assertEquals(timeline.durableLsn, i);
  }
  await writer.close();
});

test("Timeline.writable() leaves what was written when it is aborted", async ({ timeline }) => {
  const writer = timeline.writable().getWriter();
  await writer.write({ key: "a", value: "1" });
  await writer.abort(new Error("enough"));
  assertEquals([timeline.lastLsn, await lsnsOf(timeline, "a")], [1, [1]]);
  assertEquals(await timeline.append([{ key: "a", value: "2" }]), 2);
});

test("Timeline.writable() fails and applies nothing of a chunk when the chunk is wrong", async ({ timeline }) => {
  const writer = timeline.writable().getWriter();
  await writer.write({ key: "a", value: "1" });
  await assertRejects(() => writer.write([{ key: "b", value: "2" }, { key: "", value: "" }]), LimitError);
  await assertRejects(() => writer.closed, LimitError);
  assertEquals([timeline.lastLsn, await timeline.get("b")], [1, undefined]);
});

test(
  "Timeline.writable() holds its source back when the disk is slow",
  async ({ timeline, writer }, engine) => {
    const gate = hold(engine);
    let produced = 0;
    const source = new ReadableStream<Change>({
      pull: (controller) => {
        if (produced === 200) return controller.close();
        controller.enqueue({ key: `k${produced}`, value: patterned(4 * KiB, produced++) });
      },
    });
    const piped = source.pipeTo(timeline.writable());
    await gate.reached;
    // A few buffers of 8 KiB, and a queue of 64 chunks that were not written.
    assertEquals(await isSettled(piped), false);
    assert(produced < 90, `${produced} chunks were produced`);
    assert(writer.layers.waitingBytes <= 64 * KiB, `${writer.layers.waitingBytes} bytes wait`);
    gate.open();
    await piped;
    assertEquals(timeline.durableLsn, 200);
  },
  { settings: { segmentBytes: MiB } },
);
