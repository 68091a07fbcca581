/** Compaction of one timeline on a disk in memory: its one commit point, what it waits for, and how it ends early. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { CorruptionError, IoError, PoisonedError } from "../../../src/base/mod.ts";
import { timeMarkBytes } from "../../../src/layer/mod.ts";
import { SimEngine } from "../../../src/sim/mod.ts";
import { errno, Gate, type Operation } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { isSettled, quiet } from "../write/held.ts";
import { directory, keyOf, valueOf, WriterFixture } from "../write/writer_fixture.ts";

const KiB = 1024;
const nothing = { merges: 0, inputLayers: 0, outputLayers: 0, inputBytes: 0, outputBytes: 0 };

/** A timeline with so many layers of five batches each. */
async function layered(engine: SimEngine, layers: number = 6): Promise<WriterFixture> {
  const t = await WriterFixture.open(engine);
  for (let i = 0; i < layers; i++) await addLayer(t);
  return t;
}

async function addLayer(t: WriterFixture): Promise<void> {
  for (let i = 0; i < 5; i++) await t.appendNext();
  await t.writer.freeze();
}

/** The files of a timeline on a disk. */
function filesOf({ disk }: SimEngine): string[] {
  return disk.paths().filter((path) => path.startsWith(directory));
}

/** Checks that the files of a timeline are those that its manifest names. */
function assertNoOthers(engine: SimEngine, t: WriterFixture): void {
  const named = [...t.state.layers, ...t.state.segments].map(({ sequence }) => sequence);
  const found = filesOf(engine).map((path) => parseInt(path.split("-")[1], 16));
  assertEquals(found.sort(), named.sort());
}

/** Waits until the files of a timeline are those that its manifest names: what reads needed goes when they have ended. */
async function untilNoOthers(engine: SimEngine, t: WriterFixture): Promise<void> {
  const count = () => t.state.layers.length + t.state.segments.length;
  for (let i = 0; i < 200 && filesOf(engine).length > count(); i++) await quiet();
  assertNoOthers(engine, t);
}

/** Opens what is on a disk, and checks that it is whole, that nothing is left over, and that it can be compacted. */
async function assertOpens(engine: SimEngine, lastLsn: number): Promise<void> {
  const t = await WriterFixture.open(engine);
  assertEquals(t.writer.lastLsn, lastLsn);
  await t.assertMade();
  assertNoOthers(engine, t);
  await t.timeline.compact();
  await t.assertMade();
  await t.close();
  assertEquals(engine.openFiles, 0);
}

Deno.test("Timeline.compact() merges all layers into some side by side, says what it did, and does nothing again", async () => {
  const engine = new SimEngine();
  const t = await layered(engine, 20);
  const before = t.state.layers, size = before.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const told: { bytes: number; totalBytes: number }[] = [];
  const report = await t.timeline.compact({ progress: (progress) => told.push(progress) });
  const layers = t.state.layers;
  assertEquals([report.merges, report.inputLayers > before.length, report.inputBytes > size], [
    3,
    true,
    true,
  ]);
  assert(layers.every(({ kind }) => kind === "delta"));
  assertEquals([...t.writer.layers.map.stored()].length, layers.length);
  const written = layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert(report.outputBytes >= written && report.outputLayers >= layers.length);
  for (let i = 1; i < told.length; i++) {
    assert(told[i].bytes >= told[i - 1].bytes && told[i].totalBytes >= told[i - 1].totalBytes);
  }
  assertEquals(told.at(-1), { bytes: report.inputBytes, totalBytes: report.inputBytes });
  assertNoOthers(engine, t);
  await t.assertMade();
  assertEquals(await t.timeline.compact(), nothing);
  assertEquals(t.state.layers, layers);
  await t.close();
  await assertOpens(engine, 100);
});

Deno.test("Timeline.compact() of a timeline without layers does nothing", async () => {
  const t = await WriterFixture.open(new SimEngine());
  assertEquals(await t.timeline.compact(), nothing);
  await t.close();
});

Deno.test("Timeline.compact() seals what was appended before, and merges that too", async () => {
  const t = await WriterFixture.open(new SimEngine());
  for (let i = 0; i < 3; i++) await t.appendNext();
  assertEquals((await t.timeline.compact()).inputLayers, 1);
  assertEquals([t.writer.durableLsn, t.writer.layers.map.memory.length], [3, 0]);
  await t.assertMade();
  await t.close();
});

Deno.test("Timeline.compact() ends with one layer of batches without changes, however often there are some", async () => {
  const t = await WriterFixture.open(new SimEngine());
  for (let i = 0; i < 4; i++) {
    t.append();
    await t.timeline.compact();
    assertEquals(t.state.layers.map(({ lastLsn, versions }) => [lastLsn, versions]), [[i + 1, 0]]);
  }
  await t.close();
});

Deno.test("Timeline.compact() merges layers of one key for as long as they are small", async () => {
  const t = await WriterFixture.open(new SimEngine());
  for (let i = 0; i < 40; i++) {
    t.append({ key: "hot", value: `${i}` });
    if (i % 3 === 0) await t.timeline.compact();
    else await t.writer.freeze();
  }
  assertEquals(t.state.layers.length, 1);
  assertEquals((await Array.fromAsync(t.timeline.history("hot"))).length, 40);
  await t.close();
});

Deno.test("Timeline.compact() comes to an end with a key that fills more layers than are merged at once", async () => {
  const engine = new SimEngine(), t = await WriterFixture.open(engine);
  const value = new Uint8Array(8 * KiB);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 80; i++) {
      t.append({ key: "hot", value: value.with(0, i) }, { key: `a${i}`, value: "" }, {
        key: `z${i}`,
        value: "",
      });
      await t.writer.makeRoom();
    }
    const { merges } = await t.timeline.compact();
    assert(merges < 60, `${merges} merges`);
    assertEquals(await t.timeline.compact(), nothing);
  }
  const filled = t.state.layers.filter(({ keys, byteLength }) => keys === 1 && byteLength >= 64 * KiB);
  assert(filled.length > 16, `${filled.length} layers are filled by the key`);
  const versions = await Array.fromAsync(t.timeline.history("hot"));
  assertEquals(versions.map(({ lsn, value }) => [lsn, value?.[0]]), versions.map((_, i) => [i + 1, i % 80]));
  assertEquals(versions.length, 240);
  assertNoOthers(engine, t);
  await t.close();
});

Deno.test("Timeline.compact() is crashed at any operation, and what is left opens", async () => {
  const engine = new HookedSim(), t = await layered(engine, 9);
  const left: SimEngine[] = [];
  engine.hook = (operation) => {
    if (operation !== "read") left.push(new SimEngine({ disk: engine.disk.clone() }));
  };
  await t.timeline.compact();
  engine.hook = () => {};
  assert(left.length > 30, `${left.length} moments`);
  for (const disk of left) await assertOpens(disk, 45);
  await t.close();
});

Deno.test("Timeline.compact() removes what was merged only when an edit without it is durable", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  let removed = 0;
  engine.hook = async (operation, path) => {
    if (operation !== "remove") return;
    const sequence = parseInt(path.split("-")[1], 16);
    assert(t.state.layers.every((layer) => layer.sequence !== sequence), `${path} is in no manifest`);
    removed++;
    // What a reader that opens the store now is told.
    const reader = await WriterFixture.open(new SimEngine({ disk: engine.disk.clone() }), { readOnly: true });
    assert(reader.state.layers.every((layer) => layer.sequence !== sequence));
    await reader.close();
  };
  await t.timeline.compact();
  await t.close();
  assert(removed >= 6, `${removed} files`);
});

Deno.test("Timeline.compact() keeps files for as long as a snapshot from before needs them", async () => {
  const engine = new SimEngine(), t = await layered(engine);
  const before = filesOf(engine), first = t.timeline.snapshot(), second = t.timeline.snapshot(7);
  await t.timeline.compact();
  const after = t.timeline.snapshot();
  const values = async (snapshot: typeof first) => (await snapshot.getMany([keyOf(3), keyOf(20)]));
  first[Symbol.dispose]();
  await quiet();
  assertEquals(before.filter((path) => filesOf(engine).includes(path)), before);
  assertEquals(await values(second), [valueOf(3), undefined]);
  second[Symbol.dispose]();
  await quiet();
  assertEquals(before.filter((path) => filesOf(engine).includes(path)), []);
  assertNoOthers(engine, t);
  assertEquals(await values(after), [valueOf(3), valueOf(20)]);
  after[Symbol.dispose]();
  await t.close();
});

Deno.test("Timeline.compact() leaves what is sealed meanwhile to the next call", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  let sealed = 0;
  engine.hook = async (operation, path) => {
    // At each output there is another L0.
    if (operation === "open" && path.endsWith(".delta") && sealed < 20) {
      sealed++;
      await addLayer(t);
    }
  };
  await t.timeline.compact();
  engine.hook = () => {};
  assert(sealed > 0 && sealed < 20, `${sealed} were sealed`);
  assertEquals(t.state.layers.filter(({ kind }) => kind === "L0").length, sealed);
  await t.assertMade();
  assertEquals((await t.timeline.compact()).merges > 0, true);
  assert(t.state.layers.every(({ kind }) => kind === "delta"));
  await t.close();
});

Deno.test("TimelineWriter.close() removes what a snapshot held that nobody disposed of", async () => {
  const engine = new SimEngine(), t = await layered(engine), snapshot = t.timeline.snapshot();
  await t.timeline.compact();
  assertEquals(filesOf(engine).filter((path) => path.endsWith(".seg")).length, 6);
  await t.close();
  assertNoOthers(engine, t);
  assertEquals(snapshot.lsn, 30);
});

Deno.test("Timeline.compact() called at once merges once, one call behind the other", async () => {
  const engine = new SimEngine(), t = await layered(engine);
  const reports = await Promise.all(Array.from({ length: 4 }, () => t.timeline.compact()));
  assertEquals(reports.map(({ merges }) => merges > 0), [true, false, false, false]);
  assertNoOthers(engine, t);
  await t.assertMade();
  await t.close();
});

Deno.test("Timeline.compact() goes on beside appends, syncs, freezes and reads", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  let reads = Promise.resolve(), writes = Promise.resolve(), operations = 0;
  engine.hook = (operation, path) => {
    if (!path.endsWith(".delta") && !path.includes("manifest")) return;
    if (operation !== "write" || ++operations > 60) return;
    reads = reads.then(() => t.assertMade());
    writes = writes.then(async () => {
      await t.appendNext();
      if (operations % 3 === 0) await t.writer.sync();
      if (operations % 5 === 0) await t.writer.freeze();
    });
  };
  await Promise.all([t.timeline.compact(), t.timeline.compact()]);
  // What is awaited meets the hook too, which adds to it.
  let last: unknown;
  do {
    last = writes;
    await Promise.all([reads, writes]);
  } while (last !== writes);
  engine.hook = () => {};
  assert(t.writer.lastLsn > 35);
  await t.timeline.compact();
  await t.assertMade();
  await untilNoOthers(engine, t);
  const { lastLsn } = t.writer;
  await t.close();
  await assertOpens(engine, lastLsn);
});

/** Has a batch open a segment when a compaction does something for the first time; the segment's file waits. */
function appendAt(engine: HookedSim, t: WriterFixture, operation: Operation, path: string): Gate {
  const gate = new Gate();
  let isOpened = false;
  engine.hook = async (asked, at) => {
    if (asked === operation && at.endsWith(path) && !isOpened) {
      isOpened = true;
      await t.appendNext();
    }
    if (asked === "open" && at.endsWith(".seg")) await gate.wait();
  };
  return gate;
}

Deno.test("Timeline.compact() writes nothing before segments of smaller numbers are named", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  const gate = appendAt(engine, t, "read", ".seg"), compacted = t.timeline.compact();
  await gate.reached;
  assert(!await isSettled(compacted));
  assertEquals(filesOf(engine).filter((path) => path.endsWith(".delta")), []);
  gate.open();
  await compacted;
  const [{ sequence }] = t.state.segments;
  assert(t.state.layers.every((layer) => layer.sequence > sequence));
  await t.writer.sync();
  await t.assertMade();
  await t.close();
  await assertOpens(engine, 31);
});

Deno.test("Timeline.compact() does not take the number of a segment that is opened meanwhile", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  const gate = appendAt(engine, t, "write", ".delta"), compacted = t.timeline.compact();
  await gate.reached;
  await quiet();
  gate.open();
  await compacted;
  await t.writer.sync();
  const sequences = [...t.state.layers, ...t.state.segments].map(({ sequence }) => sequence);
  assertEquals([new Set(sequences).size, t.state.segments.length], [sequences.length, 1]);
  assert(t.state.nextSequence > Math.max(...sequences));
  await t.assertMade();
  await t.close();
  await assertOpens(engine, 31);
});

/** What compaction does on its files and on the manifest. */
const steps: readonly [operation: Operation, path: string][] = [
  ["open", ".delta"],
  ["write", ".delta"],
  ["sync", ".delta"],
  ["write", "manifest"],
  ["remove", ".seg"],
];

for (const [operation, path] of steps) {
  Deno.test(`TimelineWriter.close() ends a compaction at a ${operation} of a ${path}, and leaves nothing that stays`, async () => {
    for (let nth = 1, isReached = true; isReached; nth++) {
      const engine = new HookedSim(), t = await layered(engine, 9);
      const gate = new Gate();
      let count = 0;
      engine.hook = (asked, at) =>
        asked === operation && at.includes(path) && ++count === nth ? gate.wait() : undefined;
      const compacted = t.timeline.compact().catch((error: unknown) => error);
      isReached = await Promise.race([gate.reached.then(() => true), compacted.then(() => false)]);
      const closed = t.close();
      await quiet();
      gate.open();
      await closed;
      assertEquals(engine.openFiles, 0);
      const ended = await compacted;
      if (ended instanceof Error) assertInstanceOf(ended, Deno.errors.BadResource);
      await assertRejects(() => t.timeline.compact(), Deno.errors.BadResource);
      await assertOpens(new SimEngine({ disk: engine.disk }), 45);
    }
  });

  Deno.test(`TimelineWriter.close() ends a compaction when the disk is full at every ${operation} of a ${path}`, async () => {
    const engine = new HookedSim(), t = await layered(engine, 9);
    engine.hook = (asked, at) => {
      if (asked === operation && at.includes(path)) throw errno("ENOSPC", asked, at);
    };
    const compacted = t.timeline.compact().catch((error: unknown) => error);
    await quiet();
    await t.close();
    const ended = await compacted;
    if (operation !== "remove") {
      assert(
        ended instanceof IoError || ended instanceof Deno.errors.BadResource ||
          ended instanceof PoisonedError,
      );
    }
    assertEquals(engine.openFiles, 0);
    await assertOpens(new SimEngine({ disk: engine.disk }), 45);
  });
}

for (const path of [".delta", "manifest"]) {
  Deno.test(`Timeline.compact() is refused when a write of the ${path} finds no room, and goes on when there is some`, async () => {
    for (let nth = 1, isReached = true; isReached; nth++) {
      const engine = new HookedSim(), t = await layered(engine);
      let count = 0;
      engine.hook = (operation, at) => {
        if (operation === "write" && at.includes(path) && ++count >= nth) {
          throw errno("ENOSPC", operation, at);
        }
      };
      const compacted = await t.timeline.compact().catch((error: unknown) => error);
      isReached = count >= nth;
      engine.hook = () => {};
      if (isReached) {
        assertInstanceOf(compacted, IoError);
        assertEquals([compacted.code, t.writer.health.state], ["ENOSPC", "open"]);
        assert(t.state.layers.some(({ kind }) => kind === "L0"));
        await t.assertMade();
        await t.appendNext();
        await t.writer.sync();
        assert((await t.timeline.compact()).merges > 0);
      }
      await t.assertMade();
      // What an edit may have named that failed is removed by now too.
      assertNoOthers(engine, t);
      const { lastLsn } = t.writer;
      await t.close();
      await assertOpens(engine, lastLsn);
    }
  });
}

Deno.test("Timeline.compact() poisons writing when its commit fails, and reads go on", async () => {
  const engine = new HookedSim(), t = await layered(engine);
  engine.hook = (operation, path) => {
    if (operation === "write" && path.includes("manifest")) throw errno("EIO", operation, path);
  };
  await assertRejects(() => t.timeline.compact(), PoisonedError);
  engine.hook = () => {};
  assertEquals(t.writer.health.state, "poisoned");
  await assertRejects(() => t.timeline.append([{ key: "a", value: "1" }]), PoisonedError);
  await assertRejects(() => t.timeline.compact(), PoisonedError);
  await t.assertMade();
  await assertRejects(() => t.close(), PoisonedError);
  assertEquals(engine.openFiles, 0);
  await assertOpens(new SimEngine({ disk: engine.disk }), 30);
});

Deno.test("Timeline.compact() ends with a damaged layer, which stays as it is with those beside it", async () => {
  const engine = new HookedSim();
  const first = await layered(engine);
  const [, { firstLsn }] = first.state.layers;
  const path = filesOf(engine)[1], bytes = engine.disk.contents(path);
  await first.close();
  // Its first record stands behind the header and a time mark.
  const offset = 4096 + timeMarkBytes;
  bytes[offset + 40] ^= 1;
  engine.disk.put(path, bytes);
  const t = await WriterFixture.open(engine), before = t.state.layers;
  const error = await assertRejects(() => t.timeline.compact(), CorruptionError);
  assertEquals([error.path, error.offset], [path, offset]);
  assertEquals(t.state.layers, before);
  assertNoOthers(engine, t);
  for (let lsn = 1; lsn <= 30; lsn++) {
    if (lsn === firstLsn) await assertRejects(() => t.timeline.get(keyOf(lsn)), CorruptionError);
    else if (lsn % 9 !== 0) assertEquals(await t.timeline.get(keyOf(lsn)), valueOf(lsn));
  }
  await t.appendNext();
  await t.writer.sync();
  assertEquals([t.writer.health.state, await t.timeline.get(keyOf(31))], ["open", valueOf(31)]);
  await t.close();
});

Deno.test("Timeline.compact() is stopped by its signal, and keeps the merges that are done", async () => {
  const lefts = new Set<number>();
  for (let nth = 1, isReached = true; isReached; nth++) {
    const engine = new SimEngine(), t = await layered(engine, 18), controller = new AbortController();
    const reason = new Error("enough");
    let count = 0, done = t.state.layers;
    const progress = () => {
      if (++count !== nth) return;
      controller.abort(reason);
      done = t.state.layers;
    };
    const ended = await t.timeline.compact({ signal: controller.signal, progress }).catch((error: unknown) =>
      error
    );
    isReached = count >= nth;
    if (isReached) {
      assert(ended === reason);
      assertEquals([count, t.state.layers], [nth, done]);
      lefts.add(done.filter(({ kind }) => kind === "L0").length);
    }
    assertNoOthers(engine, t);
    await t.assertMade();
    await t.timeline.compact();
    await t.close();
    assertEquals(engine.openFiles, 0);
  }
  assertEquals([...lefts], [18, 12, 5, 0]);
});

Deno.test("Timeline.compact() does not begin when its signal is aborted", async () => {
  const engine = new SimEngine(), t = await layered(engine);
  const before = t.state.layers, reason = new Error("enough");
  const error = await assertRejects(() => t.timeline.compact({ signal: AbortSignal.abort(reason) }));
  assert(error === reason);
  assertEquals(t.state.layers, before);
  await t.close();
});

/** What a compaction waits for, and how it is made to. */
const waits: Readonly<Record<string, (engine: HookedSim, t: WriterFixture) => Gate>> = {
  "for a seal": (engine, t) => {
    t.append({ key: "a", value: "1" });
    return holdAt(engine, "sync", ".seg");
  },
  "for another compaction": (engine, t) => {
    void t.timeline.compact();
    return holdAt(engine, "write", ".delta");
  },
  "for a segment that is not named": (engine, t) => appendAt(engine, t, "read", ".seg"),
};

function holdAt(engine: HookedSim, operation: Operation, path: string): Gate {
  const gate = new Gate();
  engine.hook = (asked, at) => asked === operation && at.endsWith(path) ? gate.wait() : undefined;
  return gate;
}

for (const [words, hold] of Object.entries(waits)) {
  Deno.test(`Timeline.compact() ends at once by its signal while it waits ${words}`, async () => {
    const engine = new HookedSim(), t = await layered(engine), controller = new AbortController();
    const gate = hold(engine, t);
    const compacted = t.timeline.compact({ signal: controller.signal }).catch((error: unknown) => error);
    await gate.reached;
    assert(!await isSettled(compacted));
    controller.abort("enough");
    assertEquals(await compacted, "enough");
    gate.open();
    await t.timeline.compact();
    assert(t.state.layers.every(({ kind }) => kind === "delta"));
    assertNoOthers(engine, t);
    await t.close();
    assertEquals(engine.openFiles, 0);
  });
}
