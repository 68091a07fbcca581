/**
 * The objects in a directory over which no store is open.
 *
 * @module
 */

import { type IoEngine, openEngine, openIo, systemHost } from "../../io/mod.ts";
import { Objects } from "../../objects/mod.ts";
import type { StoreOptions } from "../options.ts";

/** Objects that are read without a store. */
export interface Unopened extends AsyncDisposable {
  /** The objects. */
  readonly objects: Objects;
}

/**
 * Opens what lies in a directory to be read: no lock is taken and nothing is written.
 *
 * @param options How IO is done.
 * @param find Finds the directory; returns its absolute path.
 * @param cacheBytes The pages that are kept, in bytes.
 * @returns The objects. Dispose of them to close their files, and the engine if it was made for them.
 */
export async function openUnopened(
  { ioMode, ioEngine }: Pick<StoreOptions, "ioMode" | "ioEngine">,
  find: (engine: IoEngine) => Promise<string>,
  cacheBytes: number,
): Promise<Unopened> {
  const ioOptions = { ioMode, ioEngine, readOnly: true };
  const opened = await openEngine(ioOptions), { engine, ownsEngine } = opened;
  const end = async () => {
    if (ownsEngine) await engine.shutdown();
  };
  try {
    const directory = await find(engine);
    const io = await openIo(directory, ioOptions, opened);
    const objects = new Objects({ host: systemHost(engine), io, directory, cacheBytes });
    await objects.leases.take(await objects.listTimelines()).catch(async (error) => {
      await objects.close();
      throw error;
    });
    return { objects, [Symbol.asyncDispose]: () => objects.close().finally(end) };
  } catch (error) {
    await end();
    throw error;
  }
}
