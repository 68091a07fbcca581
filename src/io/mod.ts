/**
 * Floor 1: files. Engines, aligned buffers, and the double-buffered writer over them.
 *
 * @module
 */

export { probeNamePattern } from "./alignment.ts";
export * from "./buffer.ts";
export * from "./buffer_pool.ts";
export * from "./buffered_writer.ts";
export * from "./direct_file.ts";
export * from "./engine.ts";
export { type Io, type IoMode, type IoOptions, type IoReport, openIo } from "./open_io.ts";
export * from "./sequential_reader.ts";
