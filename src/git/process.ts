/**
 * A running `git`, its standard streams and its end.
 *
 * Processes are started detached: an interrupt typed at a terminal then reaches this program only, which ends the
 * commit at hand before it ends git. A git whose reader is gone ends by itself.
 */

import { ByteReader } from "./byte_reader.ts";

/** The most that is kept of what git says on its standard error. */
const maxComplaintBytes = 4096;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A `git` that failed, with what it said. */
export class GitError extends Error {
  /** The name of the class. */
  override name = "GitError";
}

/** A running `git`. Dispose of it to end it, whatever it is doing. */
export class GitProcess implements AsyncDisposable {
  /** What it writes. */
  readonly output: ByteReader;
  readonly #command: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #complaint: Promise<string>;
  readonly #end = new AbortController();

  /**
   * Starts a git.
   *
   * @param repository The folder that it runs in.
   * @param args Its arguments.
   * @throws {GitError} If there is no `git` to be run.
   */
  constructor(repository: string, args: readonly string[]) {
    this.#command = `git ${args[0]}`;
    this.#child = spawn(repository, args, this.#end.signal);
    this.output = new ByteReader(this.#child.stdout);
    this.#input = this.#child.stdin.getWriter();
    // A failed write comes back from write(), and a failed git from finish(); nobody waits for this one.
    this.#input.closed.catch(() => {});
    this.#complaint = readComplaint(this.#child.stderr);
  }

  /** Writes `text` to its standard input and waits until it is taken. */
  async write(text: string): Promise<void> {
    await this.#input.write(encoder.encode(text));
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /**
   * Waits for its end.
   *
   * @throws {GitError} If it did not end well.
   */
  async finish(): Promise<void> {
    const [status, complaint] = await Promise.all([this.#child.status, this.#complaint]);
    if (!status.success) throw new GitError(`Cannot run "${this.#command}": ${complaint || endOf(status)}`);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.allSettled([this.#input.abort(), this.output.cancel(), this.#complaint]);
    await this.#child.status;
  }
}

/**
 * Runs a git that says little, to its end.
 *
 * @param repository The folder that it runs in.
 * @param args Its arguments.
 * @returns What it wrote, without white space at either end.
 * @throws {GitError} If it did not end well, or wrote more than 64 KiB.
 */
export async function runGit(repository: string, args: readonly string[]): Promise<string> {
  await using git = new GitProcess(repository, args);
  await git.endInput().catch(() => {});
  const answer = await git.output.readUntil(0, 65536);
  await git.finish();
  return decoder.decode(answer ?? new Uint8Array(0)).trim();
}

function spawn(repository: string, args: readonly string[], signal: AbortSignal): Deno.ChildProcess {
  const command = new Deno.Command("git", {
    // Replaced objects would be read under an id that is not theirs.
    args: ["-C", repository, "--no-replace-objects", ...args],
    env: { LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: true,
    signal,
  });
  try {
    return command.spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new GitError("Cannot run git: it is not installed, or not on the search path", { cause: error });
    }
    throw error;
  }
}

async function readComplaint(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    if (text.length < maxComplaintBytes) text += decoder.decode(chunk.subarray(0, maxComplaintBytes));
  }
  return text.trim();
}

function endOf(status: Deno.CommandStatus): string {
  return status.signal === null ? `it ended with code ${status.code}` : `it was ended by ${status.signal}`;
}
