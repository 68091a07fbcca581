/**
 * The seam between an engine of the operating system and its files: those of the C library, or of `node:fs`.
 *
 * @module
 */

import type { DirectAlignment, IoFile, OpenOptions } from "../engine.ts";

/** What a file's status tells about its kind. */
export interface FileKind {
  /** Whether it is a regular file. */
  readonly isFile: boolean;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
}

/** The files of an engine. What it throws may be any error of the system's. */
export interface Files<File extends IoFile> {
  /** Takes aligned memory; the length is a multiple of 4096. */
  allocateMemory(byteLength: number): Uint8Array<ArrayBuffer>;
  /** See `discard` of the engine; missing where the system is not to be asked. */
  discard?(memory: SharedArrayBuffer): Promise<boolean>;
  /** Opens what stands at a path: no link at the last name, and without waiting for who writes to a pipe. */
  open(path: string, options: OpenOptions): File | Promise<File>;
  /** What is open; `undefined` if the system does not say. */
  kind(file: File): FileKind | undefined;
  /** Closes a file, whose later use fails. */
  close(file: File): void;
  /** The length of a file in bytes. */
  size(file: File): number;
  /** See `nextData` of the engine; missing where the system does not tell. */
  nextData?(file: File, offset: number): number;
  /** Sets the length of a file in bytes. */
  truncate(file: File, length: number): Promise<void>;
  /** What the system says that direct IO on a file needs; `undefined` if it does not say. */
  alignment?(path: string): DirectAlignment | undefined;
  /** Gives up what all files rest on; none is open. */
  end?(): void;
}
