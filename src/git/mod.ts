/**
 * Floor 8: the history of a git repository, streamed into a timeline. An application of the public API.
 *
 * @module
 */

export { ByteReader } from "./byte_reader.ts";
export { findCommit } from "./history.ts";
export { commitAt, commitKey, type GitImportOptions, type GitImportReport, importGit } from "./import.ts";
export { GitError } from "./process.ts";
