/**
 * The command line of Varve: load, write, read, scan and look at stores, and import the history of a git
 * repository.
 *
 * ```sh
 * deno run -A jsr:@varve/varve/cli import git . history.varve
 * deno run -A jsr:@varve/varve/cli get history.varve README.md --lsn 1
 * ```
 *
 * It needs to read and write the store; `import git` needs to run `git`; the fast IO engines need the FFI
 * permission for libc. `--help` lists the commands, and what each of them takes.
 *
 * @module
 */

import { main, systemTerminal } from "./src/cli/mod.ts";

// Nothing is left to be waited for: stores are closed, and the output is written. A process that were left to end by
// itself would have its runtime torn down while V8 still compiles beside it, and now and then die of that (SIGSEGV).
if (import.meta.main) Deno.exit(await main(Deno.args, systemTerminal()));
