/** What is said of a call that cannot be: which option, what may stand there, and what stands there. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Log } from "../../log.ts";
import { SimLog } from "./log_fixture.ts";

const MiB = 1024 * 1024, any = (value: unknown) => value as never;

/** What a call says that throws or rejects. */
async function saidBy(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing";
}

Deno.test("Log.open() names the option that is wrong, and what may stand there", async () => {
  const t = new SimLog();
  const cases: [unknown, string][] = [
    [{ retain: 3 }, 'Cannot open log with "retain": expected options, found number'],
    [
      { retain: { byte: 3 } },
      'Cannot open log with "retain": unknown option "byte", expected bytes, milliseconds',
    ],
    [
      { segmentBytes: 150_000.5 },
      'Cannot open log: expected "segmentBytes" to be a whole number from 65536 to 1073741824, found 150000.5',
    ],
  ];
  for (const [options, message] of cases) assertEquals(await saidBy(() => t.open(any(options))), message);
});

Deno.test("Log names the limit, the largest offset and the option in what it refuses", async () => {
  const t = new SimLog();
  await using log = await t.open();
  const long = new Uint8Array(64 * MiB + 1), whole = "to be a whole number from 0 to 9007199254740991, found";
  const cases: [(log: Log) => unknown, string][] = [
    [() => log.append(long), "Cannot append a payload of 67108865 bytes: the limit is 67108864"],
    [
      () => log.append(Array(9).fill(long.subarray(1))),
      "Cannot append 603979776 bytes at once: the limit is 536870912",
    ],
    [() => log.readable({ to: -1 }), `Cannot read: expected "to" ${whole} -1`],
    [() => log.readable({ from: 2 ** 53 }), `Cannot read: expected "from" ${whole} 9007199254740992`],
    [() => log.readable({ from: any("1") }), 'Cannot read: expected "from" to be a number, found string'],
    [
      () => log.readable({ signal: any({}) }),
      'Cannot read: expected "signal" to be an AbortSignal, found Object',
    ],
    [() => log.truncateBefore(0.5), `Cannot truncate: expected "offset" ${whole} 0.5`],
    [
      () => log.offsetAt(new Date(NaN)),
      "Cannot look up a date: expected a valid Date, found an invalid Date",
    ],
    [() => log.offsetAt(any("today")), "Cannot look up a date: expected a valid Date, found string"],
  ];
  for (const [call, message] of cases) assertEquals(await saidBy(() => call(log)), message);
});

Deno.test("Log.append() that is not awaited says how much may wait, and how much does", async () => {
  const t = new SimLog();
  await using log = await t.open({ segmentBytes: 1024 * MiB });
  const payload = new Uint8Array(60 * MiB), waiting: Promise<number>[] = [];
  for (let i = 0; i < 5; i++) waiting.push(log.append(payload));
  const said = await saidBy(() => log.append(payload));
  assertMatch(
    said,
    /^Cannot append: \d+ bytes wait in memory, the limit is 268435456: await earlier appends first$/,
  );
  await Promise.all(waiting);
});
