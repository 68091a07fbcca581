/**
 * Floor 2: a file with direct IO, a product of its own over `io`.
 *
 * @module
 */

export { DirectFile } from "./direct_file.ts";
export type { ByteRange, DirectFileOptions } from "./options.ts";
