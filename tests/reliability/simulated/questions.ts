/** What a timeline is asked, and what it must answer. */

import { type ChangeBatch, LsnError, type Snapshot, type Timeline } from "../../../mod.ts";
import { collect, sameBytes } from "../../store/bytes.ts";
import type { Version, Versions } from "./versions.ts";

const decoder = new TextDecoder();
/** Keys that nobody writes: before, between and behind those that are written. */
const absent: readonly string[] = ["A", "aab", "zz"];

/** Asks a timeline one thing as of an LSN; throws unless it answers as the model does. The horizon may move meanwhile. */
export type Question = (
  timeline: Timeline,
  model: Versions,
  lsn: number,
  horizonNow: () => number,
) => Promise<void>;

/** What can be asked, the cheapest first. */
export const questions: readonly Question[] = [
  askMany,
  askHistories,
  askScan,
  askReverse,
  askVectored,
  askCount,
  askOne,
  askChanges,
  askDifferences,
];

async function askMany(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  const keys = [...model.keys, ...absent];
  const values = await timeline.getMany(keys, { lsn });
  keys.forEach((key, i) => check("getMany", key, lsn, values[i], model.at(key, lsn)));
}

async function askHistories(
  timeline: Timeline,
  model: Versions,
  lsn: number,
  horizonNow: () => number,
): Promise<void> {
  for (const key of [...model.keys, absent[1]]) {
    // It begins where the horizon is in the turn of the call.
    const from = horizonNow(), found = await collect(timeline.history(key, { to: lsn }));
    checkHistory(found, key, model.history(key, from, lsn));
  }
}

/** Asks a snapshot what every key is and became, from the horizon on that there was when it was taken. */
export async function askSnapshot(snapshot: Snapshot, model: Versions, horizon: number): Promise<void> {
  const { lsn } = snapshot, keys = [...model.keys, ...absent];
  const values = await snapshot.getMany(keys);
  keys.forEach((key, i) => check("getMany", key, lsn, values[i], model.at(key, lsn)));
  checkScan(await collect(snapshot.scan()), model.scan("", lsn), lsn);
  for (const key of model.keys) {
    checkHistory(await collect(snapshot.history(key)), key, model.history(key, horizon, lsn));
  }
}

function checkHistory(
  found: readonly { lsn: number; value: Uint8Array | undefined }[],
  key: string,
  expected: readonly Version[],
): void {
  checkList("history", found.map(({ lsn }) => lsn), expected.map(({ lsn }) => lsn));
  found.forEach(({ value }, i) => check("history", key, expected[i].lsn, value, expected[i]));
}

async function askScan(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  const found = await collect(timeline.scan({}, { lsn }));
  checkScan(found, model.scan("", lsn), lsn);
}

async function askReverse(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  const start = model.keys[model.keys.length >>> 1] ?? "a";
  const found = await collect(timeline.scan({ start, reverse: true }, { lsn }));
  checkScan(found, model.scan(start, lsn).reverse(), lsn);
}

async function askVectored(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  const keys = [...model.keys, ...model.keys, ...absent].reverse();
  const found = await collect(timeline.getVectored(keys, { lsn }));
  checkList("getVectored", found.map(({ key }) => decoder.decode(key)), keys);
  found.forEach((entry, i) => check("getVectored", keys[i], lsn, entry.value, model.at(keys[i], lsn)));
}

async function askCount(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  const start = model.keys[1] ?? "a";
  const found = await timeline.count({ start }, { lsn });
  checkList("count", [found], [model.scan(start, lsn).length]);
}

async function askOne(timeline: Timeline, model: Versions, lsn: number): Promise<void> {
  for (const key of [...model.keys, absent[1]]) {
    check("get", key, lsn, await timeline.get(key, { lsn }), model.at(key, lsn));
  }
}

async function askChanges(
  timeline: Timeline,
  model: Versions,
  lsn: number,
  horizonNow: () => number,
): Promise<void> {
  // No batch is told as of LSN 0; whether it can be read, a difference tells.
  if (lsn === 0) return await askDifferences(timeline, model, lsn, horizonNow);
  const horizon = horizonNow(), from = Math.max(1, Math.min(horizon, lsn));
  await unlessPassed(horizon, horizonNow, async () => {
    const found = await collect(timeline.changes({ from, to: lsn }));
    checkChanges(found, model.changes(from, lsn));
  });
}

/** Checks what a feed told. */
export function checkChanges(found: readonly ChangeBatch[], expected: readonly Version[]): void {
  checkList("changes", found.map(({ lsn }) => lsn), [...new Set(expected.map(({ lsn }) => lsn))]);
  const changes = found.flatMap(({ changes }) => changes);
  checkList("changes", changes.map(({ key }) => decoder.decode(key)), expected.map(({ key }) => key));
  changes.forEach((change, i) => {
    const { key, lsn, patch } = expected[i], told = "value" in change ? change.value : undefined;
    if (!("patch" in change)) check("changes", key, lsn, told, expected[i]);
    else if (!sameBytes(change.patch, patch)) {
      throw new Error(`changes: a patch of key ${key} at LSN ${lsn}`);
    }
  });
}

async function askDifferences(
  timeline: Timeline,
  model: Versions,
  lsn: number,
  horizonNow: () => number,
): Promise<void> {
  const horizon = horizonNow(), before = Math.min(horizon, lsn);
  await unlessPassed(horizon, horizonNow, async () => {
    const found = await collect(timeline.diff(before, lsn));
    const expected = model.keys.filter((key) =>
      !sameBytes(model.at(key, before)?.value, model.at(key, lsn)?.value)
    );
    checkList("diff", found.map(({ key }) => decoder.decode(key)), expected);
    found.forEach((one, i) => {
      check("diff", expected[i], before, one.before, model.at(expected[i], before));
      check("diff", expected[i], lsn, one.after, model.at(expected[i], lsn));
    });
  });
}

/** Asks from the horizon on, which may move past that meanwhile. */
async function unlessPassed(
  horizon: number,
  horizonNow: () => number,
  ask: () => Promise<void>,
): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (!(error instanceof LsnError) || horizonNow() === horizon) throw error;
  }
}

function checkScan(
  found: readonly { key: Uint8Array; value: Uint8Array | undefined }[],
  expected: readonly Version[],
  lsn: number,
): void {
  checkList(`scan at ${lsn}`, found.map(({ key }) => decoder.decode(key)), expected.map(({ key }) => key));
  found.forEach(({ value }, i) => check("scan", expected[i].key, lsn, value, expected[i]));
}

function checkList(question: string, found: readonly unknown[], expected: readonly unknown[]): void {
  if (found.length === expected.length && found.every((one, i) => one === expected[i])) return;
  throw new Error(`${question}: found ${short(found)}, expected ${short(expected)}`);
}

function short(list: readonly unknown[]): string {
  return `[${list.map((one) => String(one).slice(0, 20)).join(", ")}]`;
}

function check(question: string, key: string, lsn: number, found?: Uint8Array, version?: Version): void {
  if (sameBytes(found, version?.value)) return;
  throw new Error(
    `${question} of key ${key.slice(0, 20)} at LSN ${lsn}: found ${found?.length} bytes, expected ` +
      `${version?.value?.length} bytes of LSN ${version?.lsn}`,
  );
}
