/**
 * The engine `threads`: `pread`, `pwrite` and their like on the runtime's thread pool, through FFI on the C library.
 *
 * @module
 */

import type { IoEngine } from "../engine.ts";
import type { LibcCalls } from "../posix/libc.ts";
import { LibcFiles } from "../posix/libc_files.ts";
import { SystemEngine } from "../posix/system_engine.ts";
import { ThreadsTransport } from "./threads_transport.ts";

/** Makes an engine that owns `libc` and unloads it when it is shut down. */
export function threadsEngine(libc: LibcCalls): IoEngine {
  const files = new LibcFiles(libc);
  return new SystemEngine("threads", files, new ThreadsTransport(files));
}
