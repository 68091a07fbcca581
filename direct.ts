/**
 * Files with direct IO: append, sync and read past the page cache, from TypeScript.
 *
 * ```ts
 * import { DirectFile } from "@varve/varve/direct";
 *
 * await using file = await DirectFile.open(`${await Deno.makeTempDir()}/file`);
 * await file.append(new Uint8Array(1024));
 * await file.sync();
 * ```
 *
 * @module
 */

export {
  type CorruptionContext,
  CorruptionError,
  DirectIoError,
  IoError,
  type IoErrorContext,
  LimitError,
  type LimitErrorContext,
  LockedError,
  PoisonedError,
  ReadOnlyError,
  VarveError,
} from "./src/base/mod.ts";
export { type ByteRange, DirectFile, type DirectFileOptions } from "./src/direct/mod.ts";
export type { EngineName, IoMode, IoReport } from "./src/io/mod.ts";
