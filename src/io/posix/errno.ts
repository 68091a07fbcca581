/**
 * What went wrong, in the words of Linux: errno numbers and names, and errors of every origin (FFI, `node:fs`,
 * `Deno`) turned into one kind, `IoError`, with the operation, the file and the offset.
 *
 * @module
 */

import { IoError, VarveError } from "../../base/mod.ts";
import type { IoFile } from "../engine.ts";

/** The names of 1 to 40 and so on, in order; `-` where Linux has no such number. The same on x86-64 and aarch64. */
const names: readonly string[] = [
  "- EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF",
  "ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV",
  "ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE",
  "EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY",
  "ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH",
  "ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT",
  "ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT",
  "ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC",
  "ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ",
  "EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL",
  "ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS",
  "ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL",
  "EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED",
  "EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON",
].flatMap((ten) => ten.split(" "));

/** The code of a failure whose errno could not be learnt. */
export const unknownCode = "EUNKNOWN";

/** What the runtime's own errors are where their message has no number. */
const codesOfClasses = [
  [Deno.errors.NotFound, "ENOENT"],
  [Deno.errors.AlreadyExists, "EEXIST"],
  [Deno.errors.PermissionDenied, "EACCES"],
  [Deno.errors.NotADirectory, "ENOTDIR"],
  [Deno.errors.IsADirectory, "EISDIR"],
  [Deno.errors.Interrupted, "EINTR"],
] as const;

/**
 * Names an errno of Linux.
 *
 * @param errno Its number, positive as `errno` has it or negative as the kernel returns it.
 * @returns Its name, such as `"ENOSPC"`, or `"EUNKNOWN"`.
 */
export function errnoName(errno: number): string {
  const name = names[Math.abs(errno)];
  return name === undefined || name === "-" ? unknownCode : name;
}

/** What was being done, for an error's message. */
export interface Attempt {
  /** The operation, such as `"write"`. */
  operation: string;
  /** The file or directory. */
  path: string;
  /** The offset in the file in bytes, where there is one. */
  offset?: number | undefined;
}

/** Names an operation on a file. */
export function attemptOn(file: IoFile, operation: string, offset?: number): Attempt {
  return { operation, path: file.path, offset };
}

/**
 * Turns whatever the runtime threw into an error of ours.
 *
 * @param error What was thrown.
 * @param attempt What was being done.
 * @returns An `IoError` whose cause is `error`. Errors of ours, Deno's permission errors and its `BadResource` are
 * returned as they are.
 */
export function classify(error: unknown, attempt: Attempt): Error {
  const passedOn = [VarveError, Deno.errors.NotCapable, Deno.errors.BadResource];
  if (error instanceof Error && passedOn.some((kind) => error instanceof kind)) return error;
  return new IoError({ code: codeOf(error), ...attempt, cause: error });
}

/** Does what may fail in any way; rejects with an error of ours, or one that is passed on. */
export async function attempting<T>(attempt: Attempt, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw classify(error, attempt);
  }
}

/** Makes the error of a call that failed with `errno`. */
export function errnoError(errno: number, attempt: Attempt): IoError {
  return new IoError({ code: errnoName(errno), ...attempt });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return unknownCode;
  if ("code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code)) return error.code;
  // The runtime puts Rust's `(os error N)` into most messages; N is Linux's number on Linux only.
  const match = Deno.build.os === "linux" ? /\(os error (\d+)\)/.exec(error.message) : null;
  if (match !== null) return errnoName(Number(match[1]));
  return codesOfClasses.find(([kind]) => error instanceof kind)?.[1] ?? unknownCode;
}
