/** Logs on every engine in every mode and on a disk in memory, and what they hold. */

import { assert, assertEquals } from "@std/assert";
import { Log, type LogOptions } from "../../log.ts";
import { ListedFaults, SimDisk, SimEngine } from "../../src/sim/mod.ts";
import { recordsIn } from "../reliability/corrupt/golden.ts";
import { bytesOf, isSame } from "../direct/fixture.ts";
import { subjects } from "../store/matrix.ts";

export { bytesOf, isSame };

/** The smallest segments there are. */
export const smallSegments: LogOptions = { segmentBytes: 64 * 1024 };

/** Where a log lies. */
export interface Ground {
  /** Its directory. */
  readonly path: string;
  /** Opens it. */
  open(options?: LogOptions): Promise<Log>;
}

/** Declares a test on every engine in every mode, and on a disk in memory. */
export function testEach(name: string, body: (ground: Ground) => Promise<void>): void {
  Deno.test(`${name} (sim)`, async () => {
    const t = new SimLog();
    await body({ path: t.path, open: (options) => t.open(options) });
    t.checkClosed();
  });
  for (const { name: subject, ioEngine, ioMode, skip } of subjects) {
    Deno.test({
      name: `${name} (${subject})${skip === undefined ? "" : ` — absent: ${skip}`}`,
      ignore: skip !== undefined,
      fn: () => onDisk(body, { ioEngine, ioMode, strict: true }),
    });
  }
}

/** Declares a test on whatever engine and mode is chosen by default. */
export function test(name: string, body: (ground: Ground) => Promise<void>): void {
  Deno.test(name, () => onDisk(body, {}));
}

async function onDisk(body: (ground: Ground) => Promise<void>, own: LogOptions): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_" }), path = `${directory}/log`;
  try {
    await body({ path, open: (options) => Log.open(path, { ...own, ...options }) });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A log on a disk in memory. */
export class SimLog implements Ground {
  readonly path: string = "/store/log";
  readonly disk: SimDisk;
  readonly faults: ListedFaults = new ListedFaults();
  readonly engine: SimEngine;

  /** Takes a disk, or an empty one. */
  constructor(disk: SimDisk = new SimDisk()) {
    this.disk = disk;
    this.engine = new SimEngine({ disk, faults: this.faults });
  }

  /** See {@linkcode Ground.open}. */
  open(options: LogOptions = {}): Promise<Log> {
    return Log.open(this.path, { ioEngine: this.engine, ...options });
  }

  /** Checks that everything was closed. */
  checkClosed(): void {
    assertEquals(this.engine.openFiles, 0);
  }
}

/** The payload of a record that tells its offset. */
export function payloadOf(offset: number, length: number = 100): Uint8Array<ArrayBuffer> {
  return bytesOf(length, offset);
}

/** Where a record starts in a segment, or the time mark that stands before it: how many there are the clock says. */
export function placeOf(segment: Uint8Array<ArrayBuffer>, offset: number): number {
  const found = recordsIn(segment).find(({ lsn }) => lsn === offset + 1);
  assert(found !== undefined, `there is no record ${offset}`);
  return found.from;
}

/** Appends records up to an offset. */
export async function fill(log: Log, end: number, length: number = 100): Promise<void> {
  while (log.nextOffset < end) {
    const { nextOffset } = log;
    assertEquals(await log.append(payloadOf(nextOffset, length)), nextOffset);
  }
}

/** Reads records, which must be those from an offset to another. */
export async function checkRecords(log: Log, from: number, to: number, length: number = 100): Promise<void> {
  let next = from;
  for await (const { offset, payload } of log.readable({ from, to })) {
    assertEquals(offset, next++);
    assert(isSame(payload, payloadOf(offset, length)), `payload ${offset}`);
  }
  assertEquals(next, to);
}

/** Waits until a log is as it should be. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert(isSo());
}
