/**
 * Verifying a store, while it is open or without opening it.
 *
 * Every verification has objects of its own: it reads through other buffers, keeps no page that reads would want, and
 * what it finds poisons nothing.
 *
 * @module
 */

import { pathOf } from "../../base/mod.ts";
import type { IoEngine } from "../../io/mod.ts";
import type { VerifyFinding } from "../../layer/mod.ts";
import { refuseOther, storeKind, type StoreState } from "../../manifest/mod.ts";
import { Objects } from "../../objects/mod.ts";
import { durableEndsOf } from "../../timeline/mod.ts";
import type { OpenStore, OpenTimeline } from "../open_store.ts";
import type { StoreOptions } from "../options.ts";
import { Findings } from "./findings.ts";
import { inspect } from "./inspect.ts";
import { checkVerifyOptions, type VerifyOptions } from "./options.ts";
import { openUnopened } from "./unopened.ts";

/** The pages that a verification keeps, to look up records that were superseded. */
const cacheBytes = 1024 * 1024;

/**
 * Verifies a store that is open.
 *
 * @param store The store.
 * @param options See {@linkcode VerifyOptions}.
 */
export async function* verifyOpenStore(
  store: OpenStore,
  options: VerifyOptions,
): AsyncGenerator<VerifyFinding, void> {
  const { manifest, io, options: { readOnly }, objects: { host, directory } } = store;
  const objects = new Objects({ host, io, directory, cacheBytes });
  const timelines = [...store.timelines.values()];
  const isWanted = ({ state: { name } }: OpenTimeline) => name === (options.timeline ?? name);
  const views = timelines.filter(isWanted).map(({ views, writer }) =>
    views.open(writer.layers.map, writer.lastLsn, options.signal)
  );
  const ended = Promise.withResolvers<void>();
  let isPaused = false;
  const end = async () => {
    try {
      await objects.close();
    } finally {
      for (const view of views) view[Symbol.dispose]();
      ended.resolve();
    }
  };
  // Who closes the store does not wait for somebody who asks for no finding any more.
  for (const view of views) view.whenStopped(() => isPaused ? end() : ended.promise);
  const check = () => views.forEach((view) => view.check());
  const { end: written } = manifest, state = openStateOf(manifest.state, timelines);
  const durableEnds = new Map(
    timelines.map(({ state, writer }) => [state.id, durableEndsOf(writer.layers)]),
  );
  try {
    const findings = new Findings(host.turns, check, options.progress);
    const inspected = readOnly
      ? { objects, state, isForeign: true }
      : { objects, state, isForeign: false, committed: () => manifest.state, written, durableEnds };
    for await (const finding of inspect(inspected, findings, options.timeline)) {
      isPaused = true;
      yield finding;
      isPaused = false;
      check();
    }
  } finally {
    await end();
  }
}

/** What the manifest says of timelines that are open: the files of one that is being deleted may go at any moment. */
function openStateOf(state: StoreState, open: readonly OpenTimeline[]): StoreState {
  const ids = new Set(open.map(({ state: { id } }) => id));
  return { ...state, timelines: state.timelines.filter(({ id }) => ids.has(id)) };
}

/**
 * Verifies a store without opening it, also one that cannot be opened: where its manifest is damaged or missing, every
 * object is held against what it says of itself. It takes no lock and writes nothing. Where another process writes the
 * store meanwhile, open it with `readOnly` and ask {@linkcode Store.verify}: what is being written is no damage.
 *
 * @param path The store's directory, as a path or a `file:` URL.
 * @param options See {@linkcode VerifyOptions}, and how IO is done.
 * @yields What is found; nothing if all is well.
 * @throws {IoError} If there is no directory, or the system fails.
 * @throws {VarveError} If it is a log.
 * @throws {TypeError} If the path is not one, or an option is unknown or of a wrong type.
 *
 * @example Verify a store that is not open
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Store, verifyStore } from "@varve/varve";
 *
 * const path = await Deno.makeTempDir();
 * {
 *   await using store = await Store.open(path);
 *   await store.timeline().append([{ key: "a", value: "1" }], { sync: true });
 * }
 * assertEquals(await Array.fromAsync(verifyStore(path)), []);
 * ```
 */
export async function* verifyStore(
  path: string | URL,
  options: VerifyOptions & Pick<StoreOptions, "ioMode" | "ioEngine"> = {},
): AsyncGenerator<VerifyFinding, void> {
  const { ioMode, ioEngine, ...rest } = options, { signal } = rest;
  checkVerifyOptions(rest);
  const asked = pathOf("verify store", path), find = (engine: IoEngine) => findStore(engine, asked);
  await using unopened = await openUnopened({ ioMode, ioEngine }, find, cacheBytes);
  const { objects } = unopened;
  const findings = new Findings(objects.host.turns, () => signal?.throwIfAborted(), rest.progress);
  yield* inspect({ objects, isForeign: false }, findings, rest.timeline);
}

/** Finds a directory that is not that of a log. */
async function findStore(engine: IoEngine, path: string): Promise<string> {
  const directory = await engine.resolve(path);
  refuseOther(`verify store "${directory}"`, await engine.list(directory), storeKind);
  return directory;
}
