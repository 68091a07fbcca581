import { assertEquals, assertRejects } from "@std/assert";
import { BufferedWriter, BufferPool, type IoEngine, type IoFile, openIo } from "../../src/io/mod.ts";

const block = 4096;

interface Writes {
  plain: number;
  durable: number;
  failing: boolean;
}

/** Opens a file twice, as a segment does, and counts the writes of each. */
async function withWriter(
  test: (writer: BufferedWriter, counts: Writes) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const io = await openIo(directory);
  const { engine } = io;
  const file = await engine.open(`${directory}/file`, {
    access: "write",
    direct: io.writeDirect,
    create: true,
  });
  const opened: IoFile[] = [file];
  const counts: Writes = { plain: 0, durable: 0, failing: false };
  const counting: IoEngine = Object.create(engine, {
    write: {
      value: (batch: Parameters<IoEngine["write"]>[0]) => {
        for (const transfer of batch) counts[transfer.file === file ? "plain" : "durable"]++;
        if (!counts.failing) return engine.write(batch);
        for (const transfer of batch) transfer.error = new Error("broken");
        return Promise.resolve();
      },
    },
    allocateMemory: { value: (length: number) => engine.allocateMemory(length) },
  });
  const durableFile = async () => {
    const durable = await engine.open(`${directory}/file`, {
      access: "write",
      direct: io.writeDirect,
      durable: true,
    });
    opened.push(durable);
    return durable;
  };
  const pool = new BufferPool(engine, { bufferBytes: 16 * block, budgetBytes: 64 * block });
  const writer = new BufferedWriter(counting, pool, file, { durableFile });
  try {
    await test(writer, counts);
  } finally {
    await writer.close({ tail: "drop" });
    for (const other of opened) await engine.close(other);
    await engine.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Asks twice, so that the durable file is open. */
async function openDurable(writer: BufferedWriter): Promise<void> {
  assertEquals(writer.flushDurably(0), undefined);
  assertEquals(writer.flushDurably(0), undefined);
  while (writer.flushDurably(writer.position) === undefined) {
    writer.appendZeros(block);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await writer.flushTo(writer.position);
}

Deno.test("BufferedWriter.flushDurably() writes small groups through the durable file once it is open", async () => {
  await withWriter(async (writer, counts) => {
    await openDurable(writer);
    const before = { ...counts };
    for (let i = 0; i < 5; i++) {
      writer.appendZeros(block);
      const flushed = writer.flushDurably(writer.position);
      await (flushed ?? writer.flushTo(writer.position));
      assertEquals(writer.written, writer.position);
    }
    // A group that straddles two buffers goes the longer way.
    assertEquals(counts.durable - before.durable >= 4, true);
  });
});

Deno.test("BufferedWriter.flushDurably() refuses while a write is in flight and where more is missing than one buffer has", async () => {
  await withWriter(async (writer) => {
    await openDurable(writer);
    writer.appendZeros(block);
    const flush = writer.flushTo(writer.position);
    writer.appendZeros(block);
    assertEquals(writer.flushDurably(writer.position), undefined);
    await flush;
    writer.appendZeros(32 * block);
    assertEquals(writer.flushDurably(writer.position), undefined);
    await writer.flushTo(writer.position);
  });
});

Deno.test("BufferedWriter.flushDurably() rejects and poisons the writer when its write fails", async () => {
  await withWriter(async (writer, counts) => {
    await openDurable(writer);
    counts.failing = true;
    writer.appendZeros(block);
    const offset = writer.position;
    await assertRejects(() => writer.flushDurably(offset) ?? writer.flushTo(offset), Error, "broken");
    assertEquals(writer.failure?.message, "broken");
  });
});
