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
  AssertionError,
  DirectIoError,
  IoError,
  type IoErrorContext,
  LimitError,
  PoisonedError,
  ReadOnlyError,
  VarveError,
} from "./src/base/mod.ts";
export {
  type BufferOwner,
  BufferPool,
  type BufferPoolOptions,
  DirectFile,
  type DirectFileOptions,
  type EngineName,
  IoBuffer,
  IoBufferMut,
  type IoEngine,
  type IoFile,
  type IoMode,
  type IoReport,
  type MemorySource,
  type OpenOptions,
  type Transfer,
} from "./src/io/mod.ts";
