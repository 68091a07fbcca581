/**
 * Of what a directory is: a store, or a log, told by the names of the manifests in it.
 *
 * @module
 */

import { VarveError } from "../base/mod.ts";
import { type ManifestStem, parseManifestName } from "./names.ts";

/** What has a directory, in a word for messages, and how its manifest is named. */
export interface DirectoryKind {
  /** Such as `store`. */
  readonly word: string;
  /** Of what its manifest is. */
  readonly stem: ManifestStem;
  /** What to do with one where another is wanted, for messages. */
  readonly advice: string;
}

/** A store. */
export const storeKind: DirectoryKind = { word: "store", stem: "manifest", advice: "" };
/** A log. */
export const logKind: DirectoryKind = { word: "log", stem: "log", advice: ' (see "varve log info")' };

/** Whether there is a manifest of a kind, damaged or not. */
export function holdsManifest(names: readonly string[], { stem }: DirectoryKind): boolean {
  return names.some((name) => parseManifestName(name, stem) !== undefined);
}

/**
 * Refuses a log where a store is wanted, and a store where a log is.
 *
 * @param action What cannot be done then, and with what, such as `open store "path"`.
 * @param names The names in the directory.
 * @param wanted Of what it should be.
 * @throws {VarveError} If it has a manifest of the other kind, and none of its own.
 */
export function refuseOther(action: string, names: readonly string[], wanted: DirectoryKind): void {
  const other = wanted.stem === storeKind.stem ? logKind : storeKind;
  if (holdsManifest(names, wanted) || !holdsManifest(names, other)) return;
  throw new VarveError(`Cannot ${action}: it is a ${other.word}${other.advice}`);
}
