/**
 * Floor 1: files. Engines, aligned buffers, and the double-buffered writer over them.
 *
 * @module
 */

export type { EngineChoice, OpenEngine } from "./choose_engine.ts";
export { probeNamePattern } from "./direct_support.ts";
export * from "./engine.ts";
export * from "./host.ts";
export * from "./memory/buffer_pool.ts";
export * from "./memory/drop_memory.ts";
export * from "./memory/io_buffer.ts";
export { type Io, type IoMode, type IoOptions, type IoReport, openEngine, openIo } from "./open_io.ts";
export { directoryOf } from "./posix/namespace.ts";
export * from "./stream/buffered_writer.ts";
export * from "./stream/sequential_reader.ts";
export * from "./transfer/once.ts";
export { giveWay } from "./workers/give_way.ts";
export { SharedMemoryPool } from "./workers/shared_memory.ts";
export { parentLink } from "./workers/system_workers.ts";
export * from "./workers/workers.ts";
