/**
 * Names of manifest files: generated from a version, parsed strictly.
 *
 * @module
 */

import { assert } from "../base/mod.ts";

const pattern = /^manifest-([0-9]{12})$/;

/** The file name of a manifest. */
export function manifestName(version: number): string {
  assert(Number.isInteger(version) && version > 0 && version < 1e12, `version ${version}`);
  return `manifest-${String(version).padStart(12, "0")}`;
}

/** The version in the file name of a manifest, or `undefined` if it is not one. */
export function parseManifestName(name: string): number | undefined {
  const match = pattern.exec(name);
  const version = match === null ? 0 : Number(match[1]);
  return version > 0 ? version : undefined;
}
