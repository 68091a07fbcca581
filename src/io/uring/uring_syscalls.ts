/**
 * The system calls of io_uring, as the ring uses them. A test gives its own to force what a kernel may answer.
 *
 * Errors are returned as −errno, which is right for the synchronous calls. After the nonblocking call errno is
 * another thread's, so that it returns only whether it failed.
 *
 * @module
 */

import type { LibcCalls } from "../posix/libc.ts";
import { uringSyscall } from "./uring_abi.ts";

/** The system calls of io_uring. */
export interface UringSyscalls {
  /** Makes a ring. Returns its file descriptor, or −errno. */
  setup(entries: number, params: Uint8Array<ArrayBuffer>): number;
  /** Asks a ring about itself. Returns ≥ 0, or −errno. */
  register(fd: number, opcode: number, argument: Uint8Array<ArrayBuffer>, count: number): number;
  /** Submits entries, and does not wait. Returns the number of entries taken, or −errno. */
  enter(fd: number, submit: number, flags: number): number;
  /**
   * Waits for completions on another thread. Resolves with −1 if the wait failed, timeouts included.
   *
   * @param argument The address of the wait argument.
   */
  wait(fd: number, complete: number, flags: number, argument: bigint): Promise<number>;
  /**
   * Waits for completions on this thread. Returns ≥ 0, or −errno, which it is of a timeout too.
   *
   * @param argument The address of the wait argument.
   */
  block(fd: number, complete: number, flags: number, argument: bigint): number;
  /** Closes a ring. */
  close(fd: number): void;
}

/** The length in bytes of the wait argument of enter. */
const waitArgumentBytes = 24n;

/**
 * Returns the system calls of the machine.
 *
 * @param libc The C library.
 * @returns The calls, or why there are none.
 */
export function uringSyscalls(libc: LibcCalls): UringSyscalls | { reason: string } {
  const { syscall, uringEnter, uringWait, close } = libc.symbols;
  if (!syscall || !uringEnter || !uringWait) {
    return { reason: `io_uring needs the function "syscall": "${libc.path}" lacks it` };
  }
  const address = (bytes: Uint8Array<ArrayBuffer>) => BigInt(libc.addressOf(bytes));
  const checked = (result: number) => result < 0 ? -libc.errno() : result;
  // A BigInt that exists is passed in half the time that a number takes for a 64-bit parameter (160 against 390 ns).
  const enterNumber = BigInt(uringSyscall.enter);
  return {
    setup(entries, params) {
      const number = BigInt(uringSyscall.setup);
      return checked(Number(syscall(number, BigInt(entries), address(params), 0n, 0n, 0n, 0n)));
    },
    register(fd, opcode, argument, count) {
      const number = BigInt(uringSyscall.register);
      const bytes = address(argument);
      return checked(Number(syscall(number, BigInt(fd), BigInt(opcode), bytes, BigInt(count), 0n, 0n)));
    },
    enter: (fd, submit, flags) => checked(uringEnter(enterNumber, fd, submit, 0, flags, 0n, 0n)),
    wait: (fd, complete, flags, argument) =>
      uringWait(enterNumber, fd, 0, complete, flags, argument, waitArgumentBytes),
    block: (fd, complete, flags, argument) =>
      checked(uringEnter(enterNumber, fd, 0, complete, flags, argument, waitArgumentBytes)),
    close: (fd) => void close(fd),
  };
}
