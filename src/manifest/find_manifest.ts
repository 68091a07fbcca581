/**
 * Finds the manifest that counts: the newest version, damaged or not (M4).
 *
 * @module
 */

import { CorruptionError, maxManifestBytes } from "../base/mod.ts";
import type { ManifestHome } from "./manifest_file.ts";
import { manifestName, parseManifestName } from "./names.ts";
import { type ManifestContents, readManifest } from "./read_manifest.ts";

/** The manifest that counts, and the others. */
export interface FoundManifest {
  /** What it says. */
  readonly contents: ManifestContents;
  /** The versions below it that are there too, ascending. */
  readonly older: number[];
}

/** How often a reader tries anew when a writer gets in its way. */
const mostTries = 16;

/**
 * Reads the newest manifest.
 *
 * Whoever may write makes it durable before it is trusted. For whoever may not, somebody else may be writing: a file
 * that goes while it is looked for, or that grows while it is read, looks like damage once, and then no more.
 *
 * @param home Where.
 * @param readOnly Whether nothing may be written.
 * @returns What it says, or `undefined` if there is none.
 * @throws {CorruptionError} If it is damaged.
 */
export async function findManifest(
  home: ManifestHome,
  readOnly: boolean,
): Promise<FoundManifest | undefined> {
  let known: CorruptionError | undefined;
  for (let tries = 1;; tries++) {
    const older = (await home.root.list()).map(parseManifestName).filter((version) => version !== undefined);
    const version = older.sort((a, b) => a - b).pop();
    if (version === undefined) return undefined;
    try {
      return { contents: await read(home, version, readOnly), older };
    } catch (error) {
      if (!readOnly || !(error instanceof CorruptionError)) throw error;
      if (error.message === known?.message || tries === mostTries) throw error;
      known = error;
    }
  }
}

async function read(home: ManifestHome, version: number, readOnly: boolean): Promise<ManifestContents> {
  const name = manifestName(version);
  const path = `${home.directory}/${name}`;
  if (!readOnly) await home.root.settle(name);
  const bytes = await home.root.read(name, maxManifestBytes);
  if (bytes === undefined) {
    throw new CorruptionError({ path, offset: 0, expected: "a manifest", found: "no file" });
  }
  const contents = await readManifest(path, bytes, version, home.host.turns);
  if (!contents.isSuperseded) return contents;
  const expected = "a manifest of a later version, which took its place";
  throw new CorruptionError({ path, offset: contents.end.offset, expected, found: "none" });
}
