/**
 * A durable log of records in segments: append, sync, read from any offset, follow.
 *
 * ```ts
 * import { Log } from "@varve/varve/log";
 *
 * await using log = await Log.open(await Deno.makeTempDir());
 * const offset = await log.append(new TextEncoder().encode("a record"), { sync: true });
 * for await (const { payload } of log.readable({ from: offset })) console.log(payload.length); // 8
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
export type { EngineName, IoMode, IoReport } from "./src/io/mod.ts";
export {
  Log,
  type LogAppendOptions,
  type LogEntry,
  type LogOptions,
  type LogReadOptions,
  type LogRetention,
  OffsetError,
  type OffsetErrorContext,
  type SegmentInfo,
} from "./src/log/mod.ts";
