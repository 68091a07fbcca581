/**
 * Runs a program to its end and accounts for it: CPU seconds, bytes written to disk, peak memory.
 *
 * ```
 *   harness ── sh ── program ── its children
 *                └─ after it: /proc/$$/stat (cutime, cstime) and /proc/$$/io, into which the kernel has added what
 *                   the dead children used
 * ```
 *
 * The peak of memory dies with the process, so that it is sampled while it lives; it only ever rises, so that no
 * more than the last 20 ms are missed. On systems without /proc the account is empty.
 */

/** The programs that run. */
const running = new Set<number>();

/** Kills every program that runs, with its children: for whoever must end at once and leave nothing behind. */
export function killChildren(): void {
  for (const pid of [...running].flatMap((child) => [...descendantsOf(child), child])) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // One that has just ended by itself is as good.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** What a program gave and used. */
export interface ChildOutcome {
  /** Its standard output. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
  /** Its exit code. */
  code: number;
  /** User and system time in seconds, of it and its children. */
  cpuSeconds: number | undefined;
  /** Bytes that it and its children caused to be written to disk. */
  writtenBytes: number | undefined;
  /** The largest resident set of one of its processes in bytes. */
  peakBytes: number | undefined;
}

/** How a program is run. */
export interface ChildOptions {
  /** Its working directory. */
  cwd?: string | undefined;
  /** Where the account may be written; without it there is none. */
  accountPath?: string | undefined;
  /** Variables of its environment, beside those of this process. */
  env?: Readonly<Record<string, string>> | undefined;
  /** After how long it is killed, in milliseconds. */
  timeoutMilliseconds?: number | undefined;
}

// The kernel has counted in hundredths of a second on every architecture that Deno runs on.
const ticksPerSecond = 100;
const samplePeriodMilliseconds = 20;
const script =
  '"$@"; code=$?; { cat /proc/$$/stat; cat /proc/$$/io; } >"$VARVE_ACCOUNT" 2>/dev/null; exit $code';

/**
 * Runs a program.
 *
 * @param command The program and its arguments.
 * @param options Where it runs, and where its account goes.
 * @returns What it gave and used.
 * @throws {Deno.errors.NotFound} If there is no such program, and no account is asked for.
 */
export async function runChild(
  command: readonly string[],
  options: ChildOptions = {},
): Promise<ChildOutcome> {
  const { accountPath } = options;
  const full = accountPath === undefined ? command : ["sh", "-c", script, "sh", ...command];
  const child = new Deno.Command(full[0], {
    args: full.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: {
      NO_COLOR: "1",
      ...options.env,
      ...(accountPath === undefined ? {} : { VARVE_ACCOUNT: accountPath }),
    },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeoutMilliseconds === undefined
      ? {}
      : { signal: AbortSignal.timeout(options.timeoutMilliseconds) }),
  }).spawn();
  running.add(child.pid);
  const ended = child.output().finally(() => running.delete(child.pid));
  const peakBytes = accountPath === undefined ? undefined : await samplePeak(child.pid, ended);
  const { code, stdout, stderr } = await ended;
  const account = accountPath === undefined ? undefined : await readAccount(accountPath);
  const decoder = new TextDecoder();
  return {
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    code,
    cpuSeconds: account?.cpuSeconds,
    writtenBytes: account?.writtenBytes,
    peakBytes,
  };
}

/** Runs a program whose output is wanted and nothing else; `undefined` if it is absent or fails. */
export async function outputOf(command: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await runChild(command);
    return code === 0 ? stdout + stderr : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The line of a standard error that says what went wrong: the first that names an error, or else the last. */
export function errorLine({ stderr, stdout }: ChildOutcome): string {
  const lines = (stderr.trim() || stdout.trim()).split("\n");
  const line = lines.find((text) => /error\b/i.test(text)) ?? lines.at(-1) ?? "";
  return line.trim().replace(/^(error: )?(Uncaught )?(\(in promise\) )?(Error: )?/, "").slice(0, 400);
}

/** Reads a field of this kind, in kB: `VmHWM:     1234 kB`. */
export function statusBytes(status: string, field: string): number | undefined {
  const match = status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"));
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Reads the bytes that a process caused to be written, from the text of `/proc/<pid>/io`. */
export function writtenBytesIn(io: string): number | undefined {
  const match = io.match(/^write_bytes: (\d+)$/m);
  return match === null ? undefined : Number(match[1]);
}

async function samplePeak(shell: number, ended: Promise<unknown>): Promise<number | undefined> {
  let running = true;
  const stop = () => {
    running = false;
  };
  ended.then(stop, stop);
  let peak: number | undefined;
  while (running) {
    for (const pid of descendantsOf(shell)) {
      const bytes = statusBytes(readText(`/proc/${pid}/status`), "VmHWM");
      if (bytes !== undefined) peak = Math.max(peak ?? 0, bytes);
    }
    await new Promise((resolve) => setTimeout(resolve, samplePeriodMilliseconds));
  }
  return peak;
}

function descendantsOf(pid: number): number[] {
  const children = readText(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

async function readAccount(
  path: string,
): Promise<{ cpuSeconds: number | undefined; writtenBytes: number | undefined }> {
  const text = readText(path);
  await Deno.remove(path).catch(() => {});
  // The program's name may hold spaces; the fields after its closing bracket are counted from 3.
  const fields = text.slice(text.indexOf(")") + 2).split(" ");
  const ticks = Number(fields[13]) + Number(fields[14]);
  return {
    cpuSeconds: Number.isFinite(ticks) ? ticks / ticksPerSecond : undefined,
    writtenBytes: writtenBytesIn(text),
  };
}
