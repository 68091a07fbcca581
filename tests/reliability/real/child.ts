/** A program of ours in a process of its own: what it says, line by line, and how it ended. */

import { TextLineStream } from "./lines.ts";

/** How a program is run. */
export interface ChildOptions {
  /** A command that runs it, such as `strace`, with its arguments. */
  readonly wrapper?: readonly string[] | undefined;
  /** Flags of the runtime. */
  readonly flags?: readonly string[] | undefined;
  /** After how long it counts as hanging. */
  readonly milliseconds?: number | undefined;
}

/** How a program ended. */
export interface Ended {
  /** The signal that ended it, if one did. */
  readonly signal: Deno.Signal | null;
  /** Its exit code. */
  readonly code: number;
  /** What it complained of. */
  readonly stderr: string;
  /** Whether it was ended since it took too long. */
  readonly hung: boolean;
}

/** A program that runs. Whoever starts one reads its lines to their end, and then waits for it. */
export class Child {
  /** What it says. */
  readonly lines: ReadableStream<string>;
  readonly #process: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #hung = false;
  #isOver = false;

  /** Starts a module, or `programs/<name>.ts`, with one argument, which is handed over as JSON. */
  constructor(name: string | URL, argument: unknown, options: ChildOptions = {}) {
    const { wrapper = [], flags = [], milliseconds = 60_000 } = options;
    const { pathname: path } = name instanceof URL ? name : new URL(`programs/${name}.ts`, import.meta.url);
    const run = [Deno.execPath(), "run", "-A", "--no-check", "--no-prompt", "--quiet", ...flags];
    const [command, ...args] = [...wrapper, ...run, path, JSON.stringify(argument)];
    const piped = "piped";
    const child = new Deno.Command(command, { args, stdin: piped, stdout: piped, stderr: piped }).spawn();
    this.#process = child;
    this.#stderr = new Response(child.stderr).text();
    this.#input = child.stdin.getWriter();
    this.lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    this.#timer = setTimeout(() => {
      this.#hung = true;
      this.kill("SIGTERM");
    }, milliseconds);
  }

  /** The number of its process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Kills it, if it still lives. */
  kill(signal: Deno.Signal = "SIGKILL"): void {
    if (this.#isOver) return;
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It ended by itself a moment ago.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Says something to it. */
  async say(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits until it ended. */
  async end(): Promise<Ended> {
    const { code, signal } = await this.#process.status;
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#input.close().catch(() => {});
    return { code, signal, stderr: await this.#stderr, hung: this.#hung };
  }
}
