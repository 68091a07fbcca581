// deno-lint-ignore-file no-console
/**
 * Time travel: documents as they were at any LSN, what changed between two, and putting one back.
 *
 * @module
 */

import { type Change, type Lsn, type Snapshot, Store, type Timeline } from "@varve/varve";

const text = new TextDecoder();

/** Everything as of a moment, read from a snapshot that later writes do not change. */
export async function documents(moment: Snapshot): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key, value } of moment.scan()) found[text.decode(key)] = text.decode(value);
  return found;
}

/** The names of what was written or deleted after one LSN, up to another. */
export async function changed(timeline: Timeline, after: Lsn, to: Lsn): Promise<string[]> {
  const names: string[] = [];
  // Deleted ones count too, with the LSN of the deletion. No document is read.
  for await (const { key, lsn } of timeline.scan({ keysOnly: true, deleted: true }, { lsn: to })) {
    if (lsn > after) names.push(text.decode(key));
  }
  return names;
}

/** Makes a document what it was as of an LSN. What it was in between stays in its history. */
export async function revert(timeline: Timeline, name: string, lsn: Lsn): Promise<Lsn> {
  const value = await timeline.get(name, { lsn });
  const change: Change = value === undefined ? { key: name, delete: true } : { key: name, value };
  return await timeline.append([change], { sync: true });
}

/** When a document was what, oldest first. */
export async function story(timeline: Timeline, name: string): Promise<string[]> {
  return await Array.fromAsync(
    timeline.history(name),
    ({ lsn, value }) => `${lsn}: ${value === undefined ? "deleted" : text.decode(value)}`,
  );
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path);
  const timeline = store.timeline();
  const first = await timeline.append([{ key: "a", value: "draft" }, { key: "b", value: "note" }]);
  using moment = timeline.snapshot();
  await timeline.append([{ key: "a", value: "final" }, { key: "b", delete: true }]);
  console.log(await documents(moment), await changed(timeline, first, timeline.lastLsn));
  await revert(timeline, "b", first);
  console.log(await story(timeline, "b"));
}
