/** Rotation, giving up, reading, following, a second reader and closing, all at once. */

import { assert, assertEquals } from "@std/assert";
import { type Log, OffsetError } from "../../log.ts";
import { Random } from "../random.ts";
import { isSame, payloadOf, smallSegments, testEach } from "./log_fixture.ts";

const records = 6000;

/** Reads from an offset on, until the end, or until the log has given up what comes next; returns where. */
async function readOn(log: Log, from: number, slowly: Random | undefined): Promise<number> {
  let next = from;
  try {
    for await (const { offset, payload } of log.readable({ from, follow: true })) {
      assertEquals(offset, next++);
      assert(isSame(payload, payloadOf(offset, 150)), `payload ${offset}`);
      if (slowly?.once(100)) await new Promise((resolve) => setTimeout(resolve, 1));
      if (next === records) break;
    }
  } catch (error) {
    // Who is too slow is told so, at the end of a segment, and begins again with what there is.
    if (!(error instanceof OffsetError)) throw error;
    assertEquals(error.offset, next);
    assert(error.firstOffset > next, `${next} is there`);
    return await readOn(log, log.firstOffset, slowly);
  }
  return next;
}

testEach("Log loses, repeats and reorders nothing while all of it overlaps", async ({ open }) => {
  const log = await open({ ...smallSegments, retain: { bytes: 400_000 } });
  const followers = [0, 1, 2, 3].map((seed) => readOn(log, 0, seed === 0 ? undefined : new Random(seed)));
  const other = open({ readOnly: true }).then(async (reader) => {
    let first = 0;
    for (let i = 0; i < 8; i++) {
      const from = reader.firstOffset, read = reader.readable({ from, follow: true }).getReader();
      for (let count = 0; count < 50; count++) {
        const { value } = await read.read().catch((error) => {
          assert(error instanceof OffsetError, `${error}`);
          return { value: undefined };
        });
        if (value === undefined) break;
        assertEquals(value.offset, from + count);
        assert(isSame(value.payload, payloadOf(value.offset, 150)));
      }
      await read.cancel().catch(() => {});
      assert(reader.firstOffset >= first);
      first = reader.firstOffset;
    }
    await reader.close();
  });
  const random = new Random(7);
  while (log.nextOffset < records) {
    const { nextOffset } = log, count = Math.min(records - nextOffset, 1 + random.below(20));
    await log.append(Array.from({ length: count }, (_, i) => payloadOf(nextOffset + i, 150)), {
      sync: random.once(30),
    });
    if (random.once(200)) await log.truncateBefore(Math.max(log.firstOffset, nextOffset - 2500));
    if (random.once(20)) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(await Promise.all(followers), [records, records, records, records]);
  await other;
  const late = log.readable({ from: log.firstOffset, follow: true }).getReader();
  await late.read();
  await log.close();
  assert(log.firstOffset > 0);
});
