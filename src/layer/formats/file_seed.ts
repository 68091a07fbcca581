/**
 * What binds the checksums of a file's records and pages to it.
 *
 * @module
 */

import { crc32 } from "../../base/mod.ts";
import { putLong } from "./long.ts";

/** Returns the seed of a file's checksums: the checksum of its id. */
export function fileSeed(fileId: number): number {
  const bytes = new Uint8Array(8);
  putLong(new DataView(bytes.buffer), 0, fileId);
  return crc32(bytes);
}
