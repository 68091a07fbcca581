/**
 * Room that is reserved ahead of what is appended, a step at a time, beside the writes.
 *
 * ```
 *   appended ███████████████│          │ reserved                 half a step is left: the next step is asked for,
 *                                      └──────── step ────────┘   and nobody waits for it
 * ```
 *
 * It is for speed alone: a write that extends a file waits for all others to it. Where the system has no room for a
 * step, or cannot reserve, none is asked for any more, and writes find out for themselves what room there is.
 *
 * @module
 */

import { type Health, isShortage } from "../base/mod.ts";
import type { IoEngine, IoFile } from "../io/mod.ts";

/** The most that is reserved at once: reserving keeps writes waiting for as long as it takes. */
const mostStepBytes = 32 * 1024 * 1024;

/** What is reserved, and how. */
export interface PreallocationParts {
  /** What reserves. */
  readonly engine: Pick<IoEngine, "allocate">;
  /** The file. */
  readonly file: IoFile;
  /** Told of what fails for another reason than that there is no room. */
  readonly health: Health;
  /** How much is to be reserved ahead, in bytes. */
  readonly bytes: number;
  /** Up to where room is reserved; 0 if none is to be. */
  readonly reserved: number;
}

/** Reserves room ahead of what is appended. */
export class Preallocation {
  readonly #parts: PreallocationParts;
  readonly #stepBytes: number;
  #reserved: number;
  #running: Promise<void> | undefined;

  /** Reserves nothing yet. */
  constructor(parts: PreallocationParts) {
    this.#parts = parts;
    this.#stepBytes = Math.min(parts.bytes, mostStepBytes);
    this.#reserved = parts.reserved;
  }

  /** Learns how far was appended, and asks for the next step if it is time to. Nobody need wait. */
  reached(position: number): void {
    if (this.#reserved === 0 || this.#running !== undefined) return;
    if (this.#reserved - position >= this.#stepBytes / 2) return;
    this.#running = this.#reserve(Math.max(this.#reserved, position) + this.#stepBytes);
  }

  /** Asks for no more, and waits for what was asked for. It never rejects. */
  async end(): Promise<void> {
    await this.#running;
    this.#reserved = 0;
  }

  async #reserve(length: number): Promise<void> {
    const { engine, file, health } = this.#parts;
    let isReserved = false;
    try {
      isReserved = await engine.allocate(file, length);
    } catch (error) {
      if (!isShortage(error)) health.fail(error as Error);
    }
    this.#reserved = isReserved ? length : 0;
    this.#running = undefined;
  }
}
