/**
 * The datasets that lie ready to be read, one for each family of peers: made when they are first asked for, or taken
 * over from a work that filled one. Old ones may outlive the run, for another one to read them:
 *
 * ```
 *   kept/random-100-30000000-old/rocksdb/…
 * ```
 *
 * What stands there is whole: a dataset is built in the workspace, and renamed when it is done.
 */

import type { Peer } from "./peer.ts";
import { progress } from "./print.ts";
import { type Dataset, datasetName } from "./work.ts";
import type { Workspace } from "./machine/workspace.ts";

/** The datasets of a run. */
export class Datasets {
  readonly #workspace: Workspace;
  readonly #kept: string | undefined;
  readonly #paths = new Map<string, Promise<string>>();

  /** Has none yet; old ones are looked for, and left, in `kept`, a directory on the disk of the workspace. */
  constructor(workspace: Workspace, kept?: string) {
    this.#workspace = workspace;
    this.#kept = kept;
  }

  /** Where a dataset is; it is made if it is not there, and not tried again if that fails. */
  path(peer: Peer, dataset: Dataset): Promise<string> {
    const key = keyOf(peer, dataset);
    let path = this.#paths.get(key);
    if (path === undefined) this.#paths.set(key, path = this.#findOrMake(peer, dataset));
    return path;
  }

  /** Takes over a directory that holds a dataset whole, unless there is one already. */
  async adopt(peer: Peer, dataset: Dataset, directory: string): Promise<void> {
    if (this.#paths.has(keyOf(peer, dataset)) || await this.#find(peer, dataset) !== undefined) return;
    const made = await this.#workspace.directory("data");
    await Deno.rename(directory, made);
    this.#paths.set(keyOf(peer, dataset), this.#keep(peer, dataset, made));
  }

  /** Removes those that are not among `wanted` and are not kept. */
  async keepOnly(wanted: readonly (Dataset | undefined)[]): Promise<void> {
    const names = new Set(wanted.filter((dataset) => dataset !== undefined).map(datasetName));
    for (const [key, path] of this.#paths) {
      if (names.has(key.split("/")[0])) continue;
      this.#paths.delete(key);
      const directory = await path.catch(() => undefined);
      if (directory?.startsWith(this.#workspace.path)) await Deno.remove(directory, { recursive: true });
    }
  }

  async #findOrMake(peer: Peer, dataset: Dataset): Promise<string> {
    const found = await this.#find(peer, dataset);
    if (found !== undefined) {
      progress(`  ${peer.name.padEnd(24)} reads ${found}, which was there`);
      return found;
    }
    const begin = performance.now();
    const made = await this.#workspace.directory("data");
    await peer.prepare(dataset, made);
    const seconds = (performance.now() - begin) / 1000;
    progress(`  ${peer.name.padEnd(24)} prepared ${datasetName(dataset)} in ${seconds.toFixed(1)} s`);
    return await this.#keep(peer, dataset, made);
  }

  async #find(peer: Peer, dataset: Dataset): Promise<string | undefined> {
    const path = this.#keptPath(peer, dataset);
    if (path === undefined) return undefined;
    try {
      await Deno.stat(path);
      return path;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Moves what was made to where it is kept, if it is one that is. */
  async #keep(peer: Peer, dataset: Dataset, made: string): Promise<string> {
    const path = this.#keptPath(peer, dataset);
    if (path === undefined) return made;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.rename(made, path);
    return path;
  }

  #keptPath(peer: Peer, dataset: Dataset): string | undefined {
    if (this.#kept === undefined || dataset.age === undefined) return undefined;
    return `${this.#kept}/${datasetName(dataset)}/${peer.family.replace(/[^\w.-]+/g, "_")}`;
  }
}

function keyOf(peer: Peer, dataset: Dataset): string {
  return `${datasetName(dataset)}/${peer.family}`;
}
