/** Whatever operation fails: what was acknowledged stays, and what was not is not applied. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { isShortage, PoisonedError } from "../../src/base/mod.ts";
import { MemoryRoot } from "./memory_root.ts";
import { work, Worker } from "./worker.ts";

/** Ways to fail: before anything is done, after all of it, with a part written. */
const ways = [
  { name: "before", done: false, part: 0 },
  { name: "after", done: true, part: 1 },
  { name: "in the first half", done: false, part: 0.5 },
  { name: "but for the first block", done: false, part: -4096 },
];

/** Works while the nth operation fails; tells the worker, or that there were fewer operations. */
async function workWithFailure(
  nth: number,
  code: string,
  way: typeof ways[number],
  forEver: boolean,
): Promise<{ worker: Worker; error: unknown } | undefined> {
  const root = new MemoryRoot();
  root.leave = (old, bytes) => {
    const found = old.slice();
    if (way.part < 0) found.set(bytes.subarray(-way.part), -way.part);
    else found.set(bytes.subarray(0, Math.ceil(bytes.length * way.part / 512) * 512));
    return found;
  };
  root.fail(nth, code, { done: way.done, forEver });
  const worker = new Worker(root);
  const error = await work(worker).then(() => undefined, (error) => error);
  if (!root.hasFailed) {
    assertEquals(error, undefined);
    return undefined;
  }
  return { worker, error };
}

/** What the next process finds, and does. */
async function checkNext({ root, acknowledged, asked }: Worker): Promise<void> {
  const next = new Worker(new MemoryRoot(root.files));
  [next.acknowledged, next.asked] = [acknowledged, asked];
  if (acknowledged === 0) return;
  await next.open();
  await next.commit();
  await next.close();
  await next.open();
  assert(next.root.names.length <= 2, `leftovers: ${next.root.names}`);
}

for (const way of ways) {
  Deno.test(`Manifest survives a full disk, whatever operation finds it: ${way.name}`, async () => {
    for (let nth = 1;; nth++) {
      const result = await workWithFailure(nth, "ENOSPC", way, false);
      if (result === undefined) break;
      if (result.error !== undefined) throw result.error;
      await checkNext(result.worker);
      assert(nth < 200);
    }
  });

  Deno.test(`Manifest applies nothing while the disk stays full: ${way.name}`, async () => {
    for (let nth = 1;; nth++) {
      const result = await workWithFailure(nth, "ENOSPC", way, true);
      if (result === undefined) break;
      const { worker, error } = result;
      // Only a frame that says that the file was closed, or superseded, is done without.
      assert(error === undefined || isShortage(error), `${error}`);
      if (isShortage(error) && worker.acknowledged > 0) {
        await worker.close();
        assertEquals(worker.manifest.state.generation, worker.acknowledged);
      }
      await checkNext(worker);
    }
  });

  Deno.test(`Manifest writes nothing more after another failure, whatever operation it hits: ${way.name}`, async () => {
    for (let nth = 1;; nth++) {
      const result = await workWithFailure(nth, "EIO", way, false);
      if (result === undefined) break;
      const { worker, error } = result;
      // An old file that cannot be removed changes nothing of what counts.
      assert(
        error !== undefined || worker.root.failed === "remove",
        `a failure is told: ${worker.root.failed}`,
      );
      if (error instanceof PoisonedError) {
        assert(error.cause instanceof Error);
        worker.root.log = [];
        await assertRejects(() => worker.manifest.commit([]), PoisonedError);
        await worker.manifest.close();
        assertEquals(worker.root.log, []);
      }
      await checkNext(worker);
    }
  });
}
