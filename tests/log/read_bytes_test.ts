/** What reads of a log take from its files: no more than who reads asks for, also where records are damaged. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CorruptionError, type Log } from "../../log.ts";
import { fill, placeOf, SimLog } from "./log_fixture.ts";

const KiB = 1024, MiB = 1024 * KiB;
const records = 40_000;

/** A log of one segment of over 4 MiB, which was closed. */
async function closedLog(): Promise<{ t: SimLog; path: string }> {
  const t = new SimLog(), log = await t.open({ segmentBytes: 8 * MiB });
  await fill(log, records);
  await log.close();
  return { t, path: log.segments()[0].path };
}

/** Opens a log to be read; counts what is read of its files from then on. */
async function counted(t: SimLog): Promise<{ log: Log; read: { bytes: number } }> {
  const log = await t.open({ readOnly: true }), { engine } = t, real = engine.read.bind(engine);
  const read = { bytes: 0 };
  engine.read = async (batch) => {
    for (const { bytes } of batch) read.bytes += bytes.length;
    await real(batch);
  };
  return { log, read };
}

Deno.test("Log.readable() reads few bytes for who takes few records, and no more while nobody takes any", async () => {
  const { t } = await closedLog(), { log, read } = await counted(t);
  const reader = log.readable().getReader();
  assertEquals((await reader.read()).value?.offset, 0);
  await new Promise((go) => setTimeout(go, 10));
  assert(read.bytes > 0 && read.bytes <= 32 * KiB, `${read.bytes} bytes`);
  while ((await reader.read()).value?.offset !== 20_000);
  const { bytes } = read;
  await new Promise((go) => setTimeout(go, 10));
  // Two pieces of 512 KiB are read ahead of the one that is taken.
  assert(bytes < 20_000 * 120 + 2 * MiB, `${bytes} bytes`);
  assertEquals(read.bytes, bytes);
  await reader.cancel();
  await log.close();
  t.checkClosed();
});

Deno.test("Log.readable() reads no rest of a segment only to tell that a record in front of it is damaged", async () => {
  const { t, path } = await closedLog(), bytes = t.disk.contents(path);
  const from = placeOf(bytes, 50);
  bytes.fill(0xff, from, from + 20);
  t.disk.put(path, bytes);
  const { log, read } = await counted(t), reader = log.readable().getReader();
  let next = 0;
  const error = await assertRejects(async () => {
    while (!(await reader.read()).done) next++;
  }, CorruptionError);
  assertEquals(error.path, path);
  assertEquals(next, 50);
  assert(read.bytes <= 64 * KiB, `${read.bytes} bytes`);
  await log.close();
  t.checkClosed();
});
