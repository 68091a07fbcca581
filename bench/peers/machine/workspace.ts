/** The directory that a run works in. It is made under the system's temporary folder, and removed with all it holds. */

import { killChildren } from "./child.ts";

/** A directory that is removed when it is disposed of. */
export class Workspace implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  #next = 0;
  readonly #onSignal = () => {
    killChildren();
    removeWhole(this.path);
    Deno.exit(130);
  };

  private constructor(path: string) {
    this.path = path;
    Deno.addSignalListener("SIGINT", this.#onSignal);
    Deno.addSignalListener("SIGTERM", this.#onSignal);
  }

  /** Makes a directory under the system's temporary folder, or under `dir`. */
  static async create(dir?: string): Promise<Workspace> {
    const options = { prefix: "varve_bench_", ...(dir === undefined ? {} : { dir }) };
    return new Workspace(await Deno.makeTempDir(options));
  }

  /** Makes a new directory in it. */
  async directory(name: string): Promise<string> {
    const path = `${this.path}/${name}-${this.#next++}`;
    await Deno.mkdir(path);
    return path;
  }

  /** A path for the account of a child. */
  accountPath(): string {
    return `${this.path}/account-${this.#next++}`;
  }

  /** Removes it with all it holds. */
  async [Symbol.asyncDispose](): Promise<void> {
    Deno.removeSignalListener("SIGINT", this.#onSignal);
    Deno.removeSignalListener("SIGTERM", this.#onSignal);
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Removes a directory into which a process that is being killed may still put a last file. */
function removeWhole(path: string): void {
  const attempts = 50;
  for (let attempt = 1;; attempt++) {
    try {
      return Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}
