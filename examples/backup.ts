// deno-lint-ignore-file no-console
/**
 * Backup of a store into another while it is written to: what there is now in one pipe, or all of its history, batch by
 * batch at the same LSNs. A backup of history that was broken off goes on where it ended, and so does one of yesterday.
 *
 * @module
 */

import { type Change, type Lsn, Store, type Timeline } from "@varve/varve";

/** Changes of one LSN. */
interface Moment {
  lsn: Lsn;
  changes: Change[];
}

/** LSNs that are copied at once: what they changed is held in memory. */
const mostLsns = 4096;

/** Copies what every key is now; its history is left out. */
export async function backUpNow(source: Timeline, target: Timeline): Promise<void> {
  await source.scan().pipeTo(target.writable());
}

/** Copies all of history that the target does not have yet. */
export async function backUp(source: Timeline, target: Timeline): Promise<void> {
  await ReadableStream.from(moments(source, target.lastLsn, source.lastLsn)).pipeTo(
    new WritableStream({
      async write({ lsn, changes }) {
        await target.append(changes, { lsn });
      },
      async close() {
        await target.sync();
      },
    }),
  );
}

/** What was changed after one LSN, up to another. */
async function* moments(source: Timeline, after: Lsn, last: Lsn): AsyncGenerator<Moment> {
  for (let from = after + 1; from <= last; from += mostLsns) {
    const to = Math.min(last, from + mostLsns - 1);
    const changes = new Map<Lsn, Change[]>();
    for await (const { key, lsn: newest } of source.scan({ keysOnly: true, deleted: true }, { lsn: to })) {
      if (newest < from) continue;
      for await (const { lsn, value } of source.history(key, { from, to })) {
        const change: Change = value === undefined ? { key, delete: true } : { key, value };
        const others = changes.get(lsn);
        if (others === undefined) changes.set(lsn, [change]);
        else others.push(change);
      }
    }
    // A batch without changes takes an LSN too, so that the target's last one is the source's.
    if (!changes.has(to)) changes.set(to, []);
    for (const lsn of [...changes.keys()].sort((a, b) => a - b)) {
      yield { lsn, changes: changes.get(lsn) ?? [] };
    }
  }
}

if (import.meta.main) {
  const [from, to] = Deno.args;
  if (from === undefined || to === undefined) {
    console.error("Usage: backup.ts <store> <backup>");
    Deno.exit(2);
  }
  // Another process may be writing the store meanwhile.
  await using source = await Store.open(from, { readOnly: true });
  await using target = await Store.open(to);
  await backUp(source.timeline(), target.timeline());
  console.log(`The backup in ${target.path} goes up to LSN ${target.timeline().lastLsn}`);
}
