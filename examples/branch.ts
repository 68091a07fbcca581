// deno-lint-ignore-file no-console
/**
 * Branches: prices are tried out on a branch, compared with what they go on from, and taken over or thrown away.
 *
 * @module
 */

import { type Change, type Lsn, Store, type Timeline } from "@varve/varve";

const text = new TextDecoder();

/** Makes a branch of today's prices, or of those of an earlier LSN. It costs the same however many there are. */
export async function tryOut(store: Store, name: string, lsn?: Lsn): Promise<Timeline> {
  return await store.createTimeline(name, { ancestor: "main", lsn });
}

/** Where a branch goes on from its ancestor. */
function branchLsn(store: Store, branch: Timeline): Lsn {
  const info = store.timelines().find(({ name }) => name === branch.name);
  return info?.ancestor?.lsn ?? 0;
}

/** What was changed on a branch since it was made, all of it as of one LSN: nothing that is as it was then. */
export async function changes(store: Store, branch: Timeline): Promise<Change[]> {
  const changed: Change[] = [];
  for await (const { key, after } of branch.diff(branchLsn(store, branch), branch.lastLsn)) {
    changed.push(after === undefined ? { key, delete: true } : { key, value: after });
  }
  return changed;
}

/** Takes over what was changed on a branch, as one batch, and deletes the branch. */
export async function takeOver(store: Store, branch: Timeline): Promise<Lsn> {
  const lsn = await store.timeline().append(await changes(store, branch), { sync: true });
  await store.deleteTimeline(branch.name);
  return lsn;
}

/** All prices of a timeline. */
export async function prices(timeline: Timeline): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key, value } of timeline.scan()) found[text.decode(key)] = text.decode(value);
  return found;
}

if (import.meta.main) {
  await using ended = new AsyncDisposableStack();
  const [path = await Deno.makeTempDir()] = Deno.args;
  if (Deno.args.length === 0) ended.defer(() => Deno.remove(path, { recursive: true }));
  await using store = await Store.open(path);
  const main = store.timeline();
  await main.append([{ key: "bread", value: "3.20" }, { key: "cake", value: "24.00" }]);
  const summer = await tryOut(store, "summer");
  await summer.append([{ key: "ice", value: "2.50" }, { key: "cake", delete: true }]);
  // Both go on for themselves.
  await main.append([{ key: "bread", value: "3.40" }]);
  console.log("main", await prices(main), "summer", await prices(summer));
  await takeOver(store, summer);
  console.log("taken over", await prices(main), store.timelines().length);
}
