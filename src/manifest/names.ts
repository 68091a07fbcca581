/**
 * Names of manifest files: generated from a version, parsed strictly.
 *
 * @module
 */

import { assert } from "../base/mod.ts";

/** Of what a manifest is, as its files are named: of a store, or of a log, so that neither is taken for the other. */
export type ManifestStem = "manifest" | "log";

const patterns: Readonly<Record<ManifestStem, RegExp>> = {
  manifest: /^manifest-([0-9]{12})$/,
  log: /^log-([0-9]{12})$/,
};

/** The file name of a manifest. */
export function manifestName(version: number, stem: ManifestStem = "manifest"): string {
  assert(Number.isInteger(version) && version > 0 && version < 1e12, `version ${version}`);
  return `${stem}-${String(version).padStart(12, "0")}`;
}

/** The version in the file name of a manifest, or `undefined` if it is not one. */
export function parseManifestName(name: string, stem: ManifestStem = "manifest"): number | undefined {
  const match = patterns[stem].exec(name);
  const version = match === null ? 0 : Number(match[1]);
  return version > 0 ? version : undefined;
}
