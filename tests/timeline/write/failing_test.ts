/** What happens when the system refuses: an error ends writing for good, a full disk only for as long as it is full. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, IoError, PoisonedError } from "../../../src/base/mod.ts";
import { errno, Gate, type Operation } from "../../store/hooked_engine.ts";
import { HookedSim } from "../hooked_sim.ts";
import { batchOf, CrampedEngine } from "./held.ts";
import { changesOf, encoded, WriterFixture } from "./writer_fixture.ts";
import { SimEngine } from "../../../src/sim/mod.ts";

const batches = 40;

/** The operations that writing uses. */
const operations: readonly Operation[] = [
  "open",
  "allocate",
  "write",
  "datasync",
  "sync",
  "truncate",
  "syncDirectory",
];

/** How a trial went. */
interface Outcome {
  /** The last LSN that a sync made durable. */
  durable: number;
  /** The first error. */
  error: unknown;
}

/** Appends, syncs and seals until something fails. */
async function write(t: WriterFixture): Promise<Outcome> {
  const outcome: Outcome = { durable: t.writer.durableLsn, error: undefined };
  try {
    while (t.writer.lastLsn < batches) {
      const lsn = await t.appendNext();
      if (lsn % 3 !== 0) continue;
      await t.writer.sync();
      outcome.durable = t.writer.durableLsn;
    }
    await t.writer.freeze();
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

/** Fails the nth operation of a kind, and those after it if `forever`; returns whether it came to that. */
function failNth(
  engine: HookedSim,
  operation: Operation,
  nth: number,
  code: string,
  forever = false,
): () => boolean {
  let count = 0;
  engine.hook = (asked, path) => {
    if (asked === operation && (++count === nth || forever && count > nth)) {
      throw errno(code, operation, path);
    }
  };
  return () => count >= nth;
}

/** Runs a body with the first, second, … operation failing, until the work needs no more of them. */
async function sweep(
  body: (engine: HookedSim, nth: number) => Promise<boolean>,
): Promise<void> {
  for (let nth = 1, reached = true; reached; nth++) {
    const engine = new HookedSim();
    reached = await body(engine, nth);
    assertEquals(engine.openFiles, 0);
    assert(nth < 300, "the work needs a bounded number of operations");
  }
}

async function assertPoisoned(t: WriterFixture, error: unknown): Promise<void> {
  assertInstanceOf(error, PoisonedError);
  assertInstanceOf(error.cause, Error);
  assertThrows(() => t.writer.append(encoded([]), undefined), PoisonedError);
  await assertRejects(() => t.writer.sync(), PoisonedError);
  await assertRejects(() => t.writer.freeze(), PoisonedError);
  await t.assertMade();
}

for (const operation of operations) {
  Deno.test(`TimelineWriter is poisoned and still reads when any ${operation} fails`, async () => {
    await sweep(async (engine, nth) => {
      const t = await WriterFixture.open(engine);
      const reached = failNth(engine, operation, nth, "EIO");
      const { durable, error } = await write(t);
      if (error !== undefined) await assertPoisoned(t, error);
      const closed = await t.close().then(() => undefined, (error: unknown) => error);
      if (error !== undefined) assertInstanceOf(closed, PoisonedError);
      engine.hook = () => {};
      const found = await WriterFixture.open(engine);
      assert(
        found.writer.lastLsn >= durable,
        `${found.writer.lastLsn} LSNs are left, ${durable} were durable`,
      );
      if (error === undefined && closed === undefined) assertEquals(found.writer.lastLsn, batches);
      await found.assertMade();
      await found.close();
      return reached();
    });
  });

  Deno.test(`TimelineWriter.close() ends and releases everything when the disk is full from any ${operation} on`, async () => {
    await sweep(async (engine, nth) => {
      const t = await WriterFixture.open(engine);
      const reached = failNth(engine, operation, nth, "ENOSPC", true);
      for (let i = 0; i < 30; i++) await t.appendNext().catch(() => {});
      await t.close().catch((error: unknown) => {
        assert(error instanceof PoisonedError || error instanceof IoError, `${error}`);
      });
      const durable = t.writer.durableLsn;
      assertEquals(engine.openFiles, 0);
      const isReached = reached();
      await WriterFixture.open(engine).then((again) => again.close()).catch((error: unknown) => {
        assert(error instanceof PoisonedError || error instanceof IoError, `${error}`);
      });
      assertEquals(engine.openFiles, 0);
      engine.hook = () => {};
      const found = await WriterFixture.open(engine);
      assert(found.writer.lastLsn >= durable);
      await found.assertMade();
      await found.close();
      return isReached;
    });
  });
}

// A sync that failed is never tried again, whatever the reason.
for (const operation of operations.filter((name) => !/sync/.test(name))) {
  Deno.test(`TimelineWriter goes on after a full disk when any ${operation} finds one`, async () => {
    await sweep(async (engine, nth) => {
      const t = await WriterFixture.open(engine);
      const reached = failNth(engine, operation, nth, "ENOSPC", true);
      const { error } = await write(t);
      if (error !== undefined) {
        assertInstanceOf(error, IoError);
        assertEquals(error.code, "ENOSPC");
      }
      await t.assertMade();
      engine.hook = () => {};
      await t.writer.sync();
      while (t.writer.lastLsn < batches) await t.appendNext();
      await t.writer.freeze();
      assertEquals(t.writer.durableLsn, batches);
      await t.close();
      const found = await WriterFixture.open(engine);
      assertEquals(found.writer.lastLsn, batches);
      await found.assertMade();
      await found.close();
      return reached();
    });
  });
}

for (const late of [".seg", "manifest"]) {
  Deno.test(`TimelineWriter.sync() is not refused for a write of the ${late} that was begun when the disk was full`, async () => {
    const engine = new HookedSim();
    const t = await WriterFixture.open(engine, { settings: { segmentBytes: 16 * 1024 } });
    const gate = new Gate();
    let isHeld = false;
    engine.hook = async (operation, path) => {
      if (operation !== "write") return;
      if (!isHeld && path.includes(late) && t.writer.lastLsn > 8) {
        isHeld = true;
        await gate.wait();
      }
      if (t.writer.lastLsn > 8) throw errno("ENOSPC", operation, path);
    };
    while (t.writer.health.state === "open") {
      t.append(...changesOf(t.writer.lastLsn + 1));
      await new Promise((resolve) => setTimeout(resolve));
    }
    await gate.reached;
    engine.hook = () => {};
    const { lastLsn } = t.writer;
    const synced = t.writer.sync();
    gate.open();
    await synced;
    assertEquals([t.writer.health.state, t.writer.durableLsn], ["open", lastLsn]);
    await t.writer.freeze();
    await t.assertMade();
    await t.close();
  });
}

Deno.test("TimelineWriter.sync() does not share a sync that has failed already of a full disk", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  await t.appendNext();
  await t.writer.sync();
  failNth(engine, "write", 1, "ENOSPC");
  await t.appendNext();
  const { health } = t.writer;
  const { promise: full, resolve } = Promise.withResolvers<void>();
  const end = health.watch(() => resolve());
  await Promise.all([t.writer.sync(), full.then(() => t.writer.sync())]);
  end();
  assertEquals([t.writer.health.state, t.writer.durableLsn], ["open", 2]);
  await t.close();
});

Deno.test("TimelineWriter.append() is refused once after a full disk, and asks to try again", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  await t.appendNext();
  failNth(engine, "write", 1, "ENOSPC", true);
  await assertRejects(() => t.writer.sync(), IoError, "ENOSPC");
  for (let i = 0; i < 3; i++) {
    assertThrows(() => t.append({ key: "refused", value: "" }), IoError, "ENOSPC");
    await assertRejects(() => t.writer.sync(), IoError, "ENOSPC");
  }
  assertEquals(t.writer.lastLsn, 1);
  engine.hook = () => {};
  assertThrows(() => t.append({ key: "refused", value: "" }), IoError, "ENOSPC");
  assertEquals(await t.appendNext(), 2);
  await t.writer.sync();
  assertEquals(t.writer.durableLsn, 2);
  await t.close();
});

Deno.test("TimelineWriter.sync() is refused when the file of a new segment finds a full disk", async () => {
  const engine = new HookedSim();
  const t = await WriterFixture.open(engine);
  failNth(engine, "open", 1, "ENOSPC", true);
  await t.appendNext();
  await assertRejects(() => t.writer.sync(), IoError, "ENOSPC");
  assertEquals([t.writer.lastLsn, t.writer.durableLsn], [1, 0]);
  await t.assertMade();
  engine.hook = () => {};
  await t.writer.sync();
  assertEquals(t.writer.durableLsn, 1);
  await t.close();
});

for (
  const operation of ["open", "read", "size", "nextData", "list", "datasync", "write", "remove"] as const
) {
  Deno.test(`TimelineWriter.open() rejects and releases everything when any ${operation} fails`, async () => {
    const memory = new SimEngine();
    const first = await WriterFixture.open(memory);
    for (let i = 0; i < 12; i++) await first.appendNext();
    await first.writer.sync();
    const torn = new SimEngine({ disk: memory.disk.clone() });
    const { segments } = first.state;
    await first.close();
    const [path] = torn.disk.paths().filter((name) => name.endsWith(".seg")).slice(-1);
    assert(segments.length > 0 && path !== undefined);
    torn.disk.put(path.replace(/-[0-9a-f]{8}(-[0-9a-f]{8}\.seg)$/, "-00000099$1"), new Uint8Array(4096));
    for (let nth = 1, reached = true; reached; nth++) {
      const engine = new HookedSim(torn.disk.clone());
      let count = 0;
      engine.hook = (asked, at) => {
        if (asked === operation && ++count === nth) throw errno("EIO", operation, at);
      };
      const opened = await WriterFixture.open(engine).catch((error: unknown) => error);
      reached = count >= nth;
      engine.hook = () => {};
      if (opened instanceof WriterFixture) await opened.close().catch(() => {});
      else assert(opened instanceof Error && !(opened instanceof CorruptionError), `${opened}`);
      assertEquals(engine.openFiles, 0);
      const found = await WriterFixture.open(engine);
      assertEquals(found.writer.lastLsn, 12);
      await found.assertMade();
      await found.close();
    }
  });
}

for (const code of ["EIO", "ENOSPC"]) {
  for (const operation of ["write", "datasync"] as const) {
    Deno.test(`TimelineWriter.sync() makes nothing durable when its ${operation} fails with ${code}`, async () => {
      const engine = new HookedSim();
      const t = await WriterFixture.open(engine);
      t.append(...batchOf(100));
      await t.writer.sync();
      // Too much for one durable write.
      t.append(...batchOf(20_000));
      failNth(engine, operation, 1, code, true);
      await assertRejects(() => t.writer.sync());
      assertEquals([t.writer.durableLsn, t.writer.lastLsn], [1, 2]);
      engine.hook = () => {};
      await t.close().catch(() => {});
    });
  }
}

Deno.test("TimelineWriter is poisoned when there is no memory for a batch, and loses nothing of those before it", async () => {
  for (let buffersLeft = 0; buffersLeft < 3; buffersLeft++) {
    const engine = new CrampedEngine();
    const t = await WriterFixture.open(engine);
    await t.appendNext();
    await t.writer.sync();
    engine.buffersLeft = buffersLeft;
    const error = assertThrows(() => t.append(...batchOf(40_000)), PoisonedError);
    assertInstanceOf(error.cause, RangeError);
    engine.buffersLeft = Infinity;
    await assertPoisoned(t, error);
    assertEquals([t.writer.lastLsn, t.writer.durableLsn], [1, 1]);
    await assertRejects(() => t.close(), PoisonedError);
    const found = await WriterFixture.open(engine);
    assertEquals(found.writer.lastLsn, 1);
    await found.assertMade();
    await found.close();
  }
});

Deno.test("TimelineWriter is poisoned when there is no memory for a segment, and opens again", async () => {
  const engine = new CrampedEngine();
  const t = await WriterFixture.open(engine);
  engine.buffersLeft = 0;
  const error = assertThrows(() => t.append(...batchOf(100)), PoisonedError);
  assertInstanceOf(error.cause, RangeError);
  engine.buffersLeft = Infinity;
  await assertPoisoned(t, error);
  await assertRejects(() => t.close(), PoisonedError);
  const found = await WriterFixture.open(engine);
  assertEquals(found.writer.lastLsn, 0);
  await found.appendNext();
  await found.close();
});
