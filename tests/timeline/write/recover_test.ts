import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, type Lsn } from "../../../src/base/mod.ts";
import { recoverSegments, settleRecovery } from "../../../src/timeline/write/recover.ts";
import { block } from "../../segment/segment_fixture.ts";
import { HookedSim } from "../hooked_sim.ts";
import { MadeLog, type MadeSegment } from "./made_log.ts";
import { closeContext, directory, openContext, timelineId, WriterFixture } from "./writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

/** What is found. */
interface Found {
  /** The last LSN. */
  readonly lastLsn: Lsn;
  /** The sequences of segments that are part of history, and where they end. */
  readonly kept: readonly (readonly [sequence: number, end: number])[];
  /** Whether the last of them goes on. */
  readonly goesOn: boolean;
  /** The sequences of those that are not. */
  readonly dropped: readonly number[];
}

/** What is refused. */
interface Refused {
  /** Where the damage is said to be. */
  readonly damaged: { readonly path: string; readonly offset: number };
}

/** Makes segments; returns what must come of it. */
type Case = (log: MadeLog) => Found | Refused;

/** Three batches, the first two synced: the sync of the third was not known to be over. */
function synced(log: MadeLog): MadeSegment {
  const segment = log.segment().batches(2).pad();
  const { end } = segment;
  return segment.batches().pad(end, log.lastLsn - 1);
}

const cases: Readonly<Record<string, Case>> = {
  "no segments": () => ({ lastLsn: 0, kept: [], goesOn: false, dropped: [] }),
  "a whole segment that was not closed": (log) => {
    const { end } = synced(log);
    return { lastLsn: 3, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a tail torn behind a pad": (log) => {
    const { end } = synced(log);
    log.segments[0].append(new Uint8Array(3 * block).fill(0xaa));
    return { lastLsn: 3, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a tail torn in the midst of a block and of a batch": (log) => {
    const segment = log.segment().batches(2);
    const { end } = segment;
    segment.batches(2).cut(end + 30);
    return { lastLsn: 2, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a pad alone torn": (log) => {
    const segment = log.segment().batches(2);
    const { end } = segment;
    segment.pad().flip(end + 50);
    return { lastLsn: 2, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a torn batch with a later proof": (log) => {
    const segment = synced(log).flip(block + 30);
    return { damaged: { path: segment.path, offset: block } };
  },
  "a torn batch whose sync nothing proves to have ended": (log) => {
    const segment = log.segment().batches(2).pad();
    const { end } = segment;
    segment.batches().pad(end, 2).flip(end + 30);
    return { lastLsn: 2, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "an empty file": (log) => {
    log.segment().cut(0);
    return { lastLsn: 0, kept: [], goesOn: false, dropped: [1] };
  },
  "a header and nothing else": (log) => {
    log.segment().append(new Uint8Array(4 * block));
    return { lastLsn: 0, kept: [], goesOn: false, dropped: [1] };
  },
  "an empty first segment, and one behind it that proves nothing": (log) => {
    log.segment().batches(2).cut(0);
    log.segment().batches(3).pad();
    return { lastLsn: 0, kept: [], goesOn: false, dropped: [1, 2] };
  },
  "a torn first segment, and one behind it that proves nothing": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.batches().pad().flip(end + 10);
    log.segment().batches(2).pad();
    log.segment().batches(2).pad();
    return { lastLsn: 2, kept: [[1, end]], goesOn: false, dropped: [2, 3] };
  },
  "a torn first segment, and one behind it that proves": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.batches().pad().flip(end + 10);
    log.segment().batches(2).pad(0, 3);
    return { damaged: { path: first.path, offset: end } };
  },
  "a torn first segment, and one behind it that proves in a pad behind its own damage": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.batches().pad().flip(end + 10);
    log.segment().batches(2).pad(0, 3).flip(block + 10);
    return { damaged: { path: first.path, offset: end } };
  },
  "a torn first segment, and one behind it that the manifest says was closed": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.batches().pad().flip(end + 10);
    const second = log.segment().batches(2).pad();
    second.witness = { offset: second.end, lsn: 5, isEnd: false };
    return { damaged: { path: first.path, offset: end } };
  },
  "a missing header, which a later segment proves": (log) => {
    const first = log.segment().batches(2).pad().flip(0);
    log.segment().batches().pad(0, 2);
    return { damaged: { path: first.path, offset: 0 } };
  },
  "a hole of a whole segment, which a later one proves": (log) => {
    const first = log.segment().batches(2).pad();
    log.segment().batches(2).pad().cut(0);
    log.segment().batches().pad(0, 4);
    return { damaged: { path: first.path, offset: first.end } };
  },
  "a whole first segment whose pad alone is torn, and one behind it": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.pad().flip(end + 40);
    const second = log.segment().batches(2).pad(0, 2);
    return { lastLsn: 4, kept: [[1, end], [2, second.end]], goesOn: false, dropped: [] };
  },
  "a segment that was closed cleanly": (log) => {
    const segment = synced(log);
    segment.witness = { offset: segment.end, lsn: 3, isEnd: false };
    return { lastLsn: 3, kept: [[1, segment.end]], goesOn: true, dropped: [] };
  },
  "a segment that was closed cleanly and is shorter": (log) => {
    const segment = synced(log);
    segment.witness = { offset: segment.end, lsn: 3, isEnd: false };
    segment.cut(segment.end - block);
    return { damaged: { path: segment.path, offset: segment.end } };
  },
  "a segment that was closed cleanly and is damaged in its last pad": (log) => {
    const segment = log.segment().batches();
    const { end } = segment;
    segment.pad();
    segment.witness = { offset: segment.end, lsn: 1, isEnd: false };
    segment.flip(segment.end - 1);
    return { damaged: { path: segment.path, offset: end } };
  },
  "a segment that was closed cleanly and then written to": (log) => {
    const segment = synced(log);
    segment.witness = { offset: segment.end, lsn: 3, isEnd: false };
    const { end } = segment.batches(2).pad(segment.end, 3);
    segment.append(new Uint8Array(block).fill(1));
    return { lastLsn: 5, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a segment that was closed cleanly, with something behind it": (log) => {
    const segment = synced(log);
    const { end } = segment;
    segment.witness = { offset: end, lsn: 3, isEnd: false };
    segment.append(new Uint8Array(block).fill(0xee));
    return { lastLsn: 3, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "a segment that was closed cleanly, with another behind it": (log) => {
    const first = synced(log);
    first.witness = { offset: first.end, lsn: 3, isEnd: false };
    const second = log.segment().batches().pad(0, 3);
    return { lastLsn: 4, kept: [[1, first.end], [2, second.end]], goesOn: false, dropped: [] };
  },
  "an end that is settled, with garbage behind it": (log) => {
    const segment = synced(log);
    const { end } = segment;
    segment.witness = { offset: end, lsn: 3, isEnd: true };
    segment.append(new Uint8Array(3 * block).fill(0x55));
    return { lastLsn: 3, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "an end that is settled, with batches and proofs behind it": (log) => {
    const segment = log.segment().batches(2);
    const { end } = segment;
    segment.witness = { offset: end, lsn: 2, isEnd: true };
    segment.batches(3).pad().batches().pad(3 * block, 6);
    return { lastLsn: 2, kept: [[1, end]], goesOn: false, dropped: [] };
  },
  "an end that is settled in a file that is damaged before it": (log) => {
    const segment = log.segment().batches(2);
    const { end } = segment;
    segment.batches().pad();
    segment.witness = { offset: segment.end, lsn: 3, isEnd: true };
    segment.flip(end + 25);
    return { damaged: { path: segment.path, offset: end } };
  },
  "a settled end, and a segment that was begun behind it": (log) => {
    const first = log.segment().batches(2);
    const { end } = first;
    first.append(new Uint8Array(block).fill(0x77));
    first.witness = { offset: end, lsn: 2, isEnd: true };
    const second = log.segment().batches(2).pad(0, 2);
    return { lastLsn: 4, kept: [[1, end], [2, second.end]], goesOn: false, dropped: [] };
  },
  "the header of another store": (log) => {
    const segment = log.segment({ storeId: "ab".repeat(16) }).batches().pad();
    return { damaged: { path: segment.path, offset: 0 } };
  },
  "the header of another timeline": (log) => {
    const segment = log.segment({ timelineId: timelineId + 1 }).batches().pad();
    return { damaged: { path: segment.path, offset: 0 } };
  },
  "a copy of a layer in place of a segment": (log) => {
    const segment = log.segment({ kind: "delta" }).batches().pad();
    return { damaged: { path: segment.path, offset: 0 } };
  },
  "a copy of the first segment in place of the second": (log) => {
    const first = log.segment().batches().pad();
    const second = log.segment().batches().pad();
    second.bytes = first.bytes.slice();
    return { damaged: { path: second.path, offset: 0 } };
  },
};

/** What recovery says, in the terms of the table. */
async function recover(memory: SimEngine): Promise<Found | Error> {
  const context = await openContext(memory);
  try {
    const recovery = await recoverSegments(context);
    await settleRecovery(context, recovery);
    const { segments } = context.manifest.state.timelines[0];
    assertEquals(segments.map(({ sequence }) => sequence), recovery.segments.map((r) => r.segment.sequence));
    const left = memory.disk.paths().filter((path) => path.startsWith(directory));
    assertEquals(left, recovery.segments.map(({ object }) => object.path).sort());
    const goesOn = recovery.segments.at(-1)?.isClean === true;
    recovery.segments.forEach(({ end, lastLsn }, i) => {
      const isEnd = !(goesOn && i === segments.length - 1);
      assertEquals(segments[i].witness, { offset: end, lsn: lastLsn, isEnd });
    });
    return {
      lastLsn: recovery.lastLsn,
      kept: recovery.segments.map(({ segment, end }) => [segment.sequence, end] as const),
      goesOn,
      dropped: recovery.dropped.map(({ sequence }) => sequence),
    };
  } catch (error) {
    return error as Error;
  } finally {
    await closeContext(context);
  }
}

for (const [words, make] of Object.entries(cases)) {
  Deno.test(`recoverSegments() of ${words}`, async () => {
    const log = new MadeLog();
    const expected = make(log);
    const memory = await log.disk();
    const before = new SimEngine({ disk: memory.disk.clone() });
    const found = await recover(memory);
    if ("damaged" in expected) {
      assertInstanceOf(found, CorruptionError);
      assertEquals({ path: found.path, offset: found.offset }, expected.damaged);
      for (const { path } of log.segments) {
        assertEquals(memory.disk.contents(path), before.disk.contents(path));
      }
      await assertRejects(
        () => WriterFixture.open(new SimEngine({ disk: before.disk.clone() }), { readOnly: true }),
        CorruptionError,
      );
      return;
    }
    assertEquals(found, expected);
    for (const { path } of log.segments) {
      if (memory.disk.paths().includes(path)) {
        assertEquals(memory.disk.contents(path), before.disk.contents(path));
      }
    }
    assertEquals(await recover(memory), { ...expected, dropped: [] }, "the same is found again");
    for (const disk of [memory, before]) {
      for (let i = 0; i < 2; i++) {
        const t = await WriterFixture.open(disk);
        assertEquals([t.writer.lastLsn, t.writer.durableLsn], [expected.lastLsn, expected.lastLsn]);
        await t.assertMade();
        await t.close();
      }
    }
  });

  Deno.test(`TimelineWriter.open() to read only changes nothing of ${words}`, async () => {
    const log = new MadeLog();
    const expected = make(log);
    if ("damaged" in expected) return;
    const memory = await log.disk();
    const before = new SimEngine({ disk: memory.disk.clone() });
    const t = await WriterFixture.open(memory, { readOnly: true });
    assertEquals(t.writer.lastLsn, expected.lastLsn);
    assert(t.writer.durableLsn <= t.writer.lastLsn);
    await t.assertMade();
    await t.close();
    assertEquals(memory.disk.paths(), before.disk.paths());
    for (const path of memory.disk.paths()) {
      assertEquals(memory.disk.contents(path), before.disk.contents(path));
    }
  });
}

Deno.test("recoverSegments() makes a segment durable before it reads it", async () => {
  const log = new MadeLog();
  log.segment().batches(3).pad();
  log.segment().batches(2).pad(0, 3);
  const engine = new HookedSim((await log.disk()).disk);
  const context = await openContext(engine);
  const synced = new Set<string>(), read = new Set<string>();
  engine.hook = (operation, path) => {
    if (operation === "datasync") synced.add(path);
    if (operation === "read") {
      assert(synced.has(path), `${path} is read before it is synced`);
      read.add(path);
    }
  };
  await recoverSegments(context);
  assertEquals([...read], log.segments.map(({ path }) => path));
  await closeContext(context);
});

Deno.test("settleRecovery() removes nothing that a durable manifest still names", async () => {
  const log = new MadeLog();
  const first = log.segment().batches(2);
  const { end } = first;
  first.batches().pad().flip(end + 10);
  log.segment().batches(2).pad();
  log.segment().batches(2).pad();
  const memory = await log.disk(), engine = new HookedSim(memory.disk);
  const context = await openContext(engine);
  const recovery = await recoverSegments(context);
  assertEquals(recovery.dropped.map(({ sequence }) => sequence), [2, 3]);
  const named: number[][] = [];
  engine.hook = async (operation, path) => {
    if (operation !== "remove" || !path.endsWith(".seg")) return;
    const left = await openContext(new SimEngine({ disk: memory.disk.clone() }), { readOnly: true });
    named.push(left.manifest.state.timelines[0].segments.map(({ sequence }) => sequence));
    await closeContext(left);
  };
  await settleRecovery(context, recovery);
  assertEquals(named, [[1], [1]]);
  await closeContext(context);
});
