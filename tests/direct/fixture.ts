/** A file over memory, whose operations a test fails, holds or interrupts, and bytes to put in files. */

import { assertEquals } from "@std/assert";
import { DirectFile, type DirectFileOptions } from "../../src/direct/mod.ts";
import { type FaultPlan, ListedFaults, SimDisk, SimEngine } from "../../src/sim/mod.ts";

/** A block of the file system. */
export const block = 4096;
/** Where the file lies. */
export const simPath = "/store/file";

/** A file over memory. */
export class DirectFixture<Faults extends FaultPlan = ListedFaults> {
  readonly disk: SimDisk;
  readonly faults: Faults;
  readonly engine: SimEngine;

  /** Takes a disk, or an empty one. */
  constructor(faults: Faults, disk: SimDisk = new SimDisk()) {
    this.disk = disk;
    this.faults = faults;
    this.engine = new SimEngine({ disk, faults });
  }

  /** A fixture whose faults a test lists. */
  static make(disk?: SimDisk): DirectFixture {
    return new DirectFixture(new ListedFaults(), disk);
  }

  /** Opens the file. */
  open(options: DirectFileOptions = {}): Promise<DirectFile> {
    return DirectFile.open(simPath, { ioEngine: this.engine, ...options });
  }

  /** What the file holds. */
  contents(): Uint8Array<ArrayBuffer> {
    return this.disk.contents(simPath);
  }

  /** Takes the writes out of what was done. */
  takeWrites(): string[] {
    return this.engine.takeLog().filter((line) => line.startsWith("write"));
  }

  /** Checks that everything was closed. */
  checkClosed(): void {
    assertEquals(this.engine.openFiles, 0);
  }
}

/** Bytes none of which is zero, so that padding is told from them. */
export function bytesOf(length: number, salt = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => 1 + (i * 7 + salt * 31) % 251);
}

/** Bytes one behind the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether bytes are the same; long ones are not printed. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
