/**
 * Floor 2: where immutable files live: a directory.
 *
 * @module
 */

export { FileCache, FileLease } from "./file_cache.ts";
