/**
 * What an inspection has found so far, and how far it has come.
 *
 * @module
 */

import { CorruptionError, type Turns } from "../../base/mod.ts";
import type { FoundDamage, Inspector, VerifyFinding } from "../../layer/mod.ts";
import type { VerifyProgress } from "./options.ts";

/** Findings that are told of one object; that there are more is told with the last. */
const mostFindings = 1000;

/** Gathers findings, one object after the other. */
export class Findings implements Inspector {
  /** Gives the event loop its turns. */
  readonly turns: Turns;
  /** Throws if the inspection must stop. */
  readonly check: () => void;
  /** The timeline that is inspected. */
  timeline: string | undefined;
  readonly #onProgress: ((progress: VerifyProgress) => void) | undefined;
  readonly #progress = { bytes: 0, totalBytes: 0, objects: 0, totalObjects: 0 };
  #found: VerifyFinding[] = [];
  #more = 0;

  /**
   * Starts without a finding.
   *
   * @param turns Gives the event loop its turns.
   * @param check Throws if the inspection must stop.
   * @param onProgress Is told how far it has come.
   */
  constructor(turns: Turns, check: () => void, onProgress?: (progress: VerifyProgress) => void) {
    this.turns = turns;
    this.check = check;
    this.#onProgress = onProgress;
  }

  /** Notes an object that is to be read. */
  expect(bytes: number): void {
    this.#progress.totalObjects++;
    this.#progress.totalBytes += bytes;
  }

  /** Notes an object that was read. */
  finished(): void {
    this.#progress.objects++;
    this.read(0);
  }

  /** See {@linkcode Inspector.read}. */
  read(bytes: number): void {
    this.#progress.bytes += bytes;
    this.#onProgress?.({ ...this.#progress });
  }

  /** See {@linkcode Inspector.found}. */
  found(damage: FoundDamage): void {
    if (this.#found.length >= mostFindings) {
      this.#more++;
      return;
    }
    const { severity = "damage", error, path = error.path, offset, length, keys, lsns } = damage;
    this.#found.push({ severity, path, offset, length, error, timeline: this.timeline, keys, lsns });
  }

  /** Takes what was found since the last call. */
  take(): VerifyFinding[] {
    const found = this.#found, last = found.at(-1);
    if (this.#more > 0 && last !== undefined) {
      const error = new CorruptionError({
        path: last.path,
        offset: 0,
        expected: `at most ${mostFindings} findings`,
        found: `${this.#more} more, which are not told one by one`,
      });
      const unknown = { offset: undefined, length: undefined, keys: undefined, lsns: undefined };
      found.push({ ...last, error, ...unknown });
    }
    this.#found = [];
    this.#more = 0;
    return found;
  }
}
