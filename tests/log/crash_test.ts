/** A crash at any operation leaves a prefix of the log, at or beyond the last sync that was acknowledged. */

import { assert, assertEquals } from "@std/assert";
import type { LogOptions } from "../../log.ts";
import type { FaultPlan, SimDisk } from "../../src/sim/mod.ts";
import { SimEngine } from "../../src/sim/mod.ts";
import { Log } from "../../log.ts";
import { checkRecords, fill, payloadOf, SimLog, smallSegments } from "./log_fixture.ts";

const path = "/store/log";

/** What may be left, and what was acknowledged by then. */
interface Left {
  readonly disk: SimDisk;
  readonly durable: number;
  readonly first: number;
}

/** A log whose disk is looked at before every operation. */
class Watched implements FaultPlan {
  readonly engine: SimEngine;
  readonly left: Left[] = [];
  durable = 0;
  first = 0;
  /** A first offset that may be there by now. */
  appended = 0;
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(limit: number) {
    this.engine = new SimEngine({ faults: this });
    this.#limit = limit;
  }

  faultOf(): undefined {
    const { durable, first } = this;
    for (const disk of this.engine.disk.crashStates({ limit: this.#limit })) {
      const state = `${disk.hash()} ${durable} ${first}`;
      if (!this.#seen.has(state)) this.left.push({ disk, durable, first });
      this.#seen.add(state);
    }
    return undefined;
  }

  async sync(log: Log): Promise<void> {
    this.durable = Math.max(this.durable, await log.sync());
  }
}

/** Opens what is left, twice: it is a prefix at or beyond what was acknowledged, the same each time, and goes on. */
async function check({ disk, durable, first }: Left, options: LogOptions): Promise<number> {
  const t = new SimLog(disk), found: number[][] = [];
  for (let i = 0; i < 2; i++) {
    const log = await t.open(options);
    found.push([log.firstOffset, log.nextOffset]);
    assert(log.nextOffset >= durable, `${log.nextOffset} records of ${durable}`);
    assert(log.firstOffset >= first, `from ${log.firstOffset}, ${first} were given up`);
    await checkRecords(log, log.firstOffset, log.nextOffset, 700);
    await log.close();
  }
  assertEquals(found[0], found[1]);
  const log = await t.open(options), { nextOffset, firstOffset } = log;
  await fill(log, nextOffset + 3, 700);
  await log.close();
  const reader = await t.open({ ...options, readOnly: true });
  await checkRecords(reader, firstOffset, nextOffset + 3, 700);
  await reader.close();
  t.checkClosed();
  return nextOffset;
}

for (const tail of ["pad", "rewrite"] as const) {
  const options: LogOptions = { ...smallSegments, tail };

  Deno.test(`Log that crashes at any operation keeps what was synced, tail "${tail}"`, async () => {
    const watched = new Watched(40), log = await Log.open(path, { ...options, ioEngine: watched.engine });
    for (let i = 0; i < 12; i++) {
      await fill(log, log.nextOffset + 1, 700);
      await watched.sync(log);
      await fill(log, log.nextOffset + 2 + i * 3, 700);
    }
    await log.close();
    watched.durable = log.durableOffset;
    watched.faultOf();
    const ends = new Set<number>();
    for (const left of watched.left) ends.add(await check(left, options));
    assert(watched.left.length > 50, `${watched.left.length} states`);
    assert(ends.size >= 6, `${ends.size} ends`);
  });

  Deno.test(`Log that crashes while it rotates, seals and gives up keeps the rest, tail "${tail}"`, async () => {
    const watched = new Watched(10), log = await Log.open(path, { ...options, ioEngine: watched.engine });
    for (let round = 0; round < 3; round++) {
      await fill(log, log.nextOffset + 120, 700);
      await watched.sync(log);
      const first = log.nextOffset - 100;
      await log.truncateBefore(first);
      watched.first = first;
    }
    await log.close();
    for (const left of watched.left) await check(left, options);
    assert(watched.left.length > 100, `${watched.left.length} states`);
  });
}

Deno.test("Log that was killed has everything that was written, and loses nothing that was synced", async () => {
  const t = new SimLog(), log = await t.open({ ...smallSegments, flushMilliseconds: 1 });
  await fill(log, 1000);
  await log.append(payloadOf(1000), { sync: true });
  await fill(log, 1005);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const left = new SimLog(t.disk.killed());
  const after = await left.open();
  assertEquals(after.nextOffset, 1005);
  await checkRecords(after, 0, 1005);
  await after.close();
  await log.close();
});

Deno.test("Log has made durable what it gives up, so that nothing else comes in its place", async () => {
  for (const tail of ["pad", "rewrite"] as const) {
    const t = new SimLog(), log = await t.open({ ...smallSegments, tail });
    await fill(log, 20, 700);
    await log.truncateBefore(15);
    for (const disk of t.disk.crashStates({ limit: 100 })) {
      await check({ disk, durable: 15, first: 15 }, { tail });
    }
    await log.close();
  }
});
