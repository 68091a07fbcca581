/**
 * The engine `node`: `node:fs` with numeric flags, and no FFI. It works under path-scoped `--allow-read` and
 * `--allow-write` alone, and on every system; direct IO it has where `node:fs` knows `O_DIRECT`, which is Linux.
 *
 * Memory is carved out of WebAssembly memories, which stand at page boundaries; an `ArrayBuffer` does not.
 *
 * @module
 */

import { constants, fdatasync, fstatSync, fsync, ftruncate, open, read, write } from "node:fs";
import { promisify } from "node:util";
import { blockBytes, hasCode, IoError } from "../../base/mod.ts";
import type { IoEngine, OpenOptions } from "../engine.ts";
import { type Attempt, attemptOn, classify } from "../posix/errno.ts";
import type { FileKind, Files } from "../posix/files.ts";
import { runtimeNames } from "../posix/namespace.ts";
import { SystemEngine } from "../posix/system_engine.ts";
import type { Transport } from "../posix/transport.ts";
import { type TransferCalls, TransferQueue } from "../transfer/transfer_queue.ts";
import { type DescriptorBudget, NodeFile } from "./node_file.ts";
import { PageArena } from "./page_arena.ts";

/** Transfers in flight: half of the runtime's thread pool, which serves the whole process. */
const nodeDepth = 16;
/** Descriptors beyond the first of each file, so that an engine stays far below the usual limit of 1024. */
const spareDescriptors = 256;

const openOf = promisify(open);
const datasyncOf = promisify(fdatasync);
const syncOf = promisify(fsync);
const truncateOf = promisify(ftruncate);

/** Makes an engine on `node:fs`. */
export function nodeEngine(): IoEngine {
  const calls = new NodeCalls();
  return new SystemEngine("node", { files: calls, names: runtimeNames, transport: calls });
}

/**
 * What `node:fs` has. It cannot seek for data, reserve room or say what direct IO needs, and it has no durable write: a
 * sync follows.
 */
class NodeCalls implements Files<NodeFile>, Transport<NodeFile>, TransferCalls<NodeFile> {
  readonly writesDurably = false;
  readonly #queue = new TransferQueue<NodeFile>(this, nodeDepth);
  readonly #arena = new PageArena();
  readonly #budget: DescriptorBudget = { left: spareDescriptors };

  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer> {
    return this.#arena.allocate(byteLength);
  }

  async open(path: string, options: OpenOptions): Promise<NodeFile> {
    const { direct, create } = options;
    if (direct && !constants.O_DIRECT) {
      throw new IoError({ code: "EINVAL", operation: create ? "create" : "open", path });
    }
    const again = openFlags(options);
    const flags = create ? again | constants.O_CREAT | constants.O_EXCL : again;
    return new NodeFile(await openOf(path, flags, 0o600), { path, direct }, again, this.#budget);
  }

  kind(file: NodeFile): FileKind {
    const status = fstatSync(file.fd);
    return { isFile: status.isFile(), isDirectory: status.isDirectory() };
  }

  close(file: NodeFile): void {
    file.close();
  }

  size(file: NodeFile): number {
    return fstatSync(file.fd).size;
  }

  truncate(file: NodeFile, length: number): Promise<void> {
    return truncateOf(file.fd, length);
  }

  readonly transfer: Transport<NodeFile>["transfer"] = (...batch) => this.#queue.transfer(...batch);

  datasync(file: NodeFile): Promise<void> {
    return datasyncOf(file.fd);
  }

  sync(file: NodeFile): Promise<void> {
    return syncOf(file.fd);
  }

  read(file: NodeFile, bytes: Uint8Array, offset: number): Promise<number> {
    return callOnce("read", file, bytes, offset);
  }

  write(file: NodeFile, bytes: Uint8Array, offset: number): Promise<number> {
    const writePart = (part: Uint8Array) => callOnce("write", file, part, offset);
    return file.direct ? writeBlocks(bytes, writePart) : writePart(bytes);
  }
}

/** Systems that lack a flag define no constant for it. */
function openFlags({ access, direct }: OpenOptions): number {
  const { O_RDWR, O_RDONLY, O_DIRECT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return (access === "write" ? O_RDWR : O_RDONLY) | (direct ? O_DIRECT : 0) | O_NOFOLLOW | O_NONBLOCK;
}

type Call = (
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  offset: number,
  done: (error: Error | null, count: number) => void,
) => void;

/** Calls `node:fs` once; resolves to the count of bytes. */
function callOnce(
  operation: "read" | "write",
  file: NodeFile,
  bytes: Uint8Array,
  offset: number,
): Promise<number> {
  const call: Call = operation === "read" ? read : write;
  const once = (fd: number) =>
    new Promise<number>((resolve, reject) => {
      call(fd, bytes, 0, bytes.length, offset, (error, count) => error ? reject(error) : resolve(count));
    });
  return untilUninterrupted(attemptOn(file, operation, offset), () => file.lend(once));
}

/**
 * Writes to a direct file.
 *
 * The runtime itself goes on after a short write, from wherever it ended. That may be within a block, which the kernel
 * refuses. Whole blocks are then written one by one, so that either they all succeed or the true error appears.
 *
 * @param bytes What to write.
 * @param write Writes once, from the same offset.
 * @returns The count of bytes, which is that of the first block after such a refusal.
 */
export async function writeBlocks(
  bytes: Uint8Array,
  write: (part: Uint8Array) => Promise<number>,
): Promise<number> {
  try {
    return await write(bytes);
  } catch (error) {
    if (!hasCode(error, "EINVAL") || bytes.length <= blockBytes) throw error;
    return await write(bytes.subarray(0, blockBytes));
  }
}

/** Calls again when a signal interrupts, and classifies every other error. */
export async function untilUninterrupted(attempt: Attempt, call: () => Promise<number>): Promise<number> {
  for (;;) {
    try {
      return await call();
    } catch (cause) {
      const error = classify(cause, attempt);
      if (!hasCode(error, "EINTR")) throw error;
    }
  }
}
