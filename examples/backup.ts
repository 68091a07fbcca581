// deno-lint-ignore-file no-console
/**
 * Backup of the timeline `main` into another store while it is written to: what there is now in one pipe, or its history,
 * batch by batch at the same LSNs, patches as they are. Where history was given up it begins with what every key is as of
 * the horizon. A backup of history that was broken off behind that goes on where it ended, and so does one of yesterday.
 *
 * @module
 */

import { Batch, type Lsn, Store, type Timeline } from "@varve/varve";

/** Of what keys are as of the horizon one batch has so many changes and bytes: they are held in memory. */
const mostChanges = 65_536, mostBytes = 16 * 1024 * 1024;

/** Copies what every key is now; its history is left out. */
export async function backUpNow(source: Timeline, target: Timeline): Promise<void> {
  await source.scan().pipeTo(target.writable());
}

/** Copies all of history that the target does not have yet, from the horizon on. */
export async function backUp(source: Timeline, target: Timeline, horizon: Lsn = 0): Promise<void> {
  const to = source.lastLsn;
  if (horizon > 0 && target.lastLsn === 0) await copyState(source, target, horizon);
  if (target.lastLsn < to) {
    for await (const { lsn, changes } of source.changes({ from: target.lastLsn + 1, to })) {
      await target.append(changes, { lsn });
    }
  }
  // A batch without changes takes an LSN too, so that the target's last one is the source's.
  if (target.lastLsn < to) await target.append([], { lsn: to });
  await target.sync();
}

/** Copies what every key is at an LSN; the last batch of it is at that LSN. */
async function copyState(source: Timeline, target: Timeline, lsn: Lsn): Promise<void> {
  const batch = new Batch();
  for await (const { key, value } of source.scan({}, { lsn })) {
    batch.put(key, value);
    const isFull = batch.size >= mostChanges || batch.byteLength >= mostBytes;
    if (!isFull || target.lastLsn + 1 >= lsn) continue;
    await target.append(batch);
    batch.clear();
  }
  await target.append(batch, { lsn });
}

if (import.meta.main) {
  const [from, to, redo] = Deno.args;
  if (from === undefined || to === undefined) {
    console.error("Usage: backup.ts <store> <backup> [module that exports redo]");
    Deno.exit(2);
  }
  const module = redo && new URL(redo, `file://${Deno.cwd()}/`);
  // Another process may be writing the store meanwhile.
  await using source = await Store.open(from, { readOnly: true, ...(module && { redo: { module } }) });
  const isNew = await Deno.stat(to).then(() => false, () => true);
  const horizon = source.timelines().find(({ name }) => name === "main")?.horizon ?? 0;
  let lastLsn = 0;
  try {
    await using target = await Store.open(to);
    const copy = target.timeline();
    await backUp(source.timeline(), copy, horizon).finally(() => lastLsn = copy.lastLsn);
  } catch (error) {
    // Without all that there was at the horizon it cannot be gone on with.
    if (isNew && lastLsn < horizon) await Deno.remove(to, { recursive: true });
    throw error;
  }
  console.log(`The backup in ${to} goes up to LSN ${lastLsn}`);
  if (horizon > 0) console.log(`It has no history below LSN ${horizon}, nor does the store`);
  for (const { name, ancestor } of source.timelines().filter(({ name }) => name !== "main")) {
    console.log(`Not copied: timeline ${name}${ancestor ? `, a branch of ${ancestor.name}` : ""}`);
  }
}
