/**
 * Floor 7: the command line. Arguments in, text out; it holds no logic of storage.
 *
 * {@linkcode main} runs it; {@linkcode importGit} is the part of it that programs may want to call.
 */

export { commitAt, commitKey, type GitImportOptions, type GitImportReport, importGit } from "./git_import.ts";
export { GitError } from "./git_process.ts";
export { main } from "./main.ts";
export { ClosedOutputError, Output, type Sink } from "./output.ts";
export { systemTerminal, type Terminal } from "./terminal.ts";
