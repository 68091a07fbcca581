/**
 * Floor 9: the command line. Arguments in, text out; it holds no logic of storage.
 *
 * @module
 */

export { main } from "./main.ts";
export { ClosedOutputError, Output, type Sink } from "./terminal/output.ts";
export { systemTerminal, type Terminal } from "./terminal/terminal.ts";
