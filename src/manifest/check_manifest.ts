/**
 * Checking the manifest: its snapshot and every frame of edits behind it, and that it says what was committed.
 *
 * @module
 */

import { CorruptionError, IoError, VarveError } from "../base/mod.ts";
import type { Inspector } from "../layer/mod.ts";
import { manifestName } from "./names.ts";
import { findManifest, type ManifestHome } from "./read_manifest.ts";
import type { StoreState } from "./state.ts";

/** How far a manifest was written: its version, and where the last frame ends that was acknowledged. */
export interface ManifestEnd {
  /** The version, which names the file. */
  readonly version: number;
  /** Where the next frame goes. */
  readonly offset: number;
}

/**
 * Reads and checks the newest manifest, and tells of older ones than the one before it.
 *
 * @param home Where.
 * @param written How far it was written at least; left out where nobody here writes it.
 * @param inspector Who is told.
 * @returns What it says; `undefined` if it cannot be read.
 */
export async function checkManifest(
  home: ManifestHome,
  written: ManifestEnd | undefined,
  inspector: Inspector,
): Promise<StoreState | undefined> {
  try {
    const read = await findManifest(home, true);
    if (read === undefined) throw missing(home.directory);
    const { contents: { state, end: { offset } }, older } = read, { version } = state;
    inspector.read(offset);
    for (const old of older.slice(0, -1)) tellOld(home, old, inspector);
    const isCut = written !== undefined &&
      (version < written.version || version === written.version && offset < written.offset);
    if (isCut) {
      const path = `${home.directory}/${manifestName(version, home.stem)}`, found = "bytes that do not check";
      const error = new CorruptionError({ path, offset, expected: "a frame that was acknowledged", found });
      inspector.found({ error, offset });
    }
    return state;
  } catch (error) {
    inspector.found(foundIn(home.directory, error));
    return undefined;
  }
}

function missing(path: string): CorruptionError {
  return new CorruptionError({ path, offset: 0, expected: "a manifest", found: "none" });
}

/** An error of reading a manifest as a finding; one of another version of the format is one too. */
function foundIn(directory: string, error: unknown): { error: CorruptionError | IoError; offset?: number } {
  // In a directory nothing stands at an offset.
  if (error instanceof CorruptionError) {
    return error.path === directory ? { error } : { error, offset: error.offset };
  }
  if (error instanceof IoError) return { error };
  if (!(error instanceof VarveError)) throw error;
  const expected = "a manifest that this release reads", found = error.message;
  return { error: new CorruptionError({ path: directory, offset: 0, expected, found, cause: error }) };
}

/** Tells of a manifest that nobody reads any more and that should be gone. */
function tellOld({ directory, stem }: ManifestHome, version: number, inspector: Inspector): void {
  const path = `${directory}/${manifestName(version, stem)}`;
  const expected = "no manifest but the newest and the one before it", found = `version ${version}`;
  const error = new CorruptionError({ path, offset: 0, expected, found });
  inspector.found({ severity: "warning", error });
}
