/** What system calls a program makes on which files, as `strace` sees them, and programs in which one of them fails. */

/** A system call that a program made on a file. */
export interface TracedCall {
  /** Who made it. */
  readonly thread: string;
  /** Its name. */
  readonly name: string;
  /** The line, from the name on. */
  readonly text: string;
}

/** What submits to a ring and waits for it: it concerns no one file. */
export const ringCall = "io_uring_enter";

/** The system calls on files that a store's life consists of, and what each may be refused with. */
export const refusals: Readonly<Record<string, readonly string[]>> = {
  openat: ["EIO", "EMFILE", "ENOSPC", "EACCES", "EINTR"],
  pwrite64: ["EIO", "ENOSPC", "EDQUOT", "EINTR", "EFBIG"],
  pwritev2: ["EIO", "ENOSPC", "EDQUOT", "EINTR", "EOPNOTSUPP"],
  write: ["EIO", "ENOSPC", "EINTR"],
  pread64: ["EIO", "EINTR"],
  fdatasync: ["EIO", "ENOSPC", "EDQUOT", "EINTR"],
  fsync: ["EIO", "ENOSPC", "EDQUOT", "EINTR"],
  ftruncate: ["EIO", "EINTR"],
  fallocate: ["EIO", "ENOSPC", "EINTR", "EOPNOTSUPP"],
  rename: ["EIO", "ENOSPC", "EACCES"],
  renameat: ["EIO", "ENOSPC", "EACCES"],
  unlink: ["EIO", "EACCES"],
  unlinkat: ["EIO", "EACCES"],
  mkdir: ["EIO", "ENOSPC", "EDQUOT"],
  mkdirat: ["EIO", "ENOSPC", "EDQUOT"],
  flock: ["EAGAIN", "ENOLCK", "EINTR"],
  getdents64: ["EIO"],
  statx: ["EIO"],
  newfstatat: ["EIO"],
  lseek: ["EIO"],
  readlink: ["EIO"],
  [ringCall]: ["EINTR", "EAGAIN", "EBUSY", "EIO"],
};
/** What interrupts a call is tried again for ever, so that it must end some time. */
const passing: readonly string[] = ["EINTR", "EAGAIN", "EBUSY"];

/** Has strace stop a program at the calls only that are traced, which is far faster. */
const filtering = "--seccomp-bpf";

/** Why programs cannot be traced here; `undefined` if they can. */
export const traceAbsence: string | undefined = await findAbsence();

async function findAbsence(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "strace needs Linux";
  try {
    const args = ["-f", filtering, "-e", "inject=fsync:error=EIO:when=1", "true"];
    const { success, stderr } = await new Deno.Command("strace", { args }).output();
    return success ? undefined : `strace does not work here: ${new TextDecoder().decode(stderr)}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "strace is not installed: apt-get install strace";
    throw error;
  }
}

/** The command that traces a program into a file. */
export function traceCommand(log: string, names: readonly string[], paths: readonly string[] = []): string[] {
  const watched = paths.flatMap((path) => ["-P", path]);
  return ["strace", "-f", "-y", filtering, "-s", "0", "-o", log, "-e", `trace=${names}`, ...watched];
}

/** A call that is refused, or that a program is killed at. */
export interface Injection {
  /** The system call. */
  readonly name: string;
  /** The file, below the store's directory; what a ring does concerns no file. */
  readonly file: string | undefined;
  /** Which of the calls of each thread. */
  readonly nth: number;
  /** What it is refused with; `undefined` kills. */
  readonly code: string | undefined;
  /** Whether all later calls are refused too. */
  readonly forever: boolean;
}

/** The command that traces a program and refuses some of its calls. */
export function injectCommand(log: string, directory: string, injection: Injection): string[] {
  const { name, file, nth, code, forever } = injection;
  const fault = code === undefined ? "signal=SIGKILL" : `error=${code}`;
  const paths = file === undefined ? [] : [`${directory}${file}`];
  const when = `${nth}${forever ? "+" : ""}`;
  const command = [...traceCommand(log, [name], paths), "-e", `inject=${name}:${fault}:when=${when}`];
  // Signals get lost where a filter stops the calls: of strace 6.1, every second kill at an openat.
  return code === undefined ? command.filter((word) => word !== filtering) : command;
}

/** Whether a call may be refused with a code for ever, and the program still ends. */
export function mayLast(code: string | undefined): boolean {
  return code !== undefined && !passing.includes(code);
}

/** The calls in a trace; each once, also if it was interrupted by the lines of other threads. */
export function parseTrace(log: string): TracedCall[] {
  return log.split("\n").flatMap((line) => {
    const [, thread, name, rest] = /^(\d+) +(\w+)(\(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ thread, name, text: `${name}${rest}` }];
  });
}
