/**
 * The history of a git repository as a timeline: every tree of it is readable at the LSN of its commit.
 *
 * ```ts ignore
 * import { Store } from "@varve/varve";
 * import { commitAt, importGit } from "@varve/varve/git";
 *
 * await using store = await Store.open("history.varve");
 * await importGit(store.timeline(), ".");
 * const readme = await store.timeline().get("README.md", { lsn: 1 });
 * const commit = await commitAt(store.timeline(), 1);
 * ```
 *
 * It needs to run `git`.
 *
 * @module
 */

export {
  commitAt,
  commitKey,
  GitError,
  type GitImportOptions,
  type GitImportReport,
  importGit,
} from "./src/git/mod.ts";
