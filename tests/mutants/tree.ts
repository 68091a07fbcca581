/** A copy of the project under the system's temporary folder, where mutants live: the checkout is never touched. */

import { root } from "../source.ts";

/** What a copy does without: history, and what tools leave behind. */
const leftOut: readonly string[] = [".git", "coverage", "node_modules"];

/** What came of a command. */
export interface Outcome {
  /** Whether it ended well. */
  readonly success: boolean;
  /** Whether it was ended because it took too long. */
  readonly hangs: boolean;
  /** All that it said. */
  readonly output: string;
}

/** A copy of the project. */
export class Tree implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Copies the project. */
  static async copy(): Promise<Tree> {
    const tree = new Tree(await Deno.makeTempDir({ prefix: "varve_mutants_" }));
    try {
      await copyInto(root, tree.#directory);
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The text of a file. */
  read(path: string): Promise<string> {
    return Deno.readTextFile(`${this.#directory}/${path}`);
  }

  /** Writes a file. */
  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.#directory}/${path}`, text);
  }

  /** Removes a file. */
  async remove(path: string): Promise<void> {
    await Deno.remove(`${this.#directory}/${path}`);
  }

  /**
   * Runs this very Deno in the copy.
   *
   * @param args Its arguments.
   * @param milliseconds How long it may take.
   * @param env What its environment has beside that of this process.
   */
  async deno(
    args: readonly string[],
    milliseconds: number,
    env: Record<string, string> = {},
  ): Promise<Outcome> {
    const signal = AbortSignal.timeout(milliseconds);
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.#directory,
      env: { ...env, NO_COLOR: "1" },
      stdin: "null",
      signal,
    });
    const { success, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { success, hangs: signal.aborted, output: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  /** Removes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function copyInto(from: URL, to: string): Promise<void> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (leftOut.includes(name)) continue;
    if (isFile) await Deno.copyFile(new URL(name, from), `${to}/${name}`);
    if (!isDirectory) continue;
    await Deno.mkdir(`${to}/${name}`);
    await copyInto(new URL(`${name}/`, from), `${to}/${name}`);
  }
}
