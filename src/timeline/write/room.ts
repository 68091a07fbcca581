/**
 * All the back-pressure there is: what refuses an append, and what an append waits for once it was applied.
 *
 * Whoever awaits each append before the next is held back by {@linkcode Room.make} and never refused; refused is who
 * lets more pile up in memory than the settings allow.
 *
 * @module
 */

import { type Clock, type Health, LimitError, type Timers, type Turns } from "../../base/mod.ts";
import { Throttle, type ThrottleCounts } from "./throttle.ts";
import type { TimelineLayers } from "./timeline_layers.ts";

/** Frozen layers that may wait to be sealed before appends wait for them. */
const mostFrozen = 2;
/** Bytes after which appends ask whether the event loop's turn is due. */
const turnBytes = 8 * 1024;

/** What takes memory until the disk has it. */
export type HeldLayers = Pick<
  TimelineLayers,
  "buffersAreFull" | "bufferRoom" | "frozenCount" | "waitingBytes" | "frozenIndexBytes"
>;

/**
 * Why an append would wait now: `none`, it would not; `buffers`, they are full, until a write ends; `seal`, frozen layers
 * are too many, or they and appends that look their expectations up hold too much memory, until one is done; `held`, upkeep lags far behind, until one of its jobs ends;
 * `slowed`, it lags behind, and appends are paced.
 */
export type BackPressure = "none" | "buffers" | "seal" | "held" | "slowed";

/** What a room is over. */
export interface RoomOptions {
  /** Whether writing goes on. */
  readonly health: Health;
  /** When the event loop's turn is due; time. */
  readonly host: { readonly turns: Turns; readonly clock: Clock; readonly timers: Timers };
  /** What takes memory. */
  readonly layers: HeldLayers;
  /** What may wait in memory, in bytes. */
  readonly waitingBytes: number;
  /** How far upkeep lags behind; 0 if nobody should wait for it. */
  readonly pressure: () => number;
}

/** Whether there is room for more. */
export class Room {
  readonly #health: Health;
  readonly #turns: Turns;
  readonly #throttle: Throttle;
  readonly #layers: HeldLayers;
  readonly #waitingBytes: number;
  /** Bytes that were appended since the event loop's turn was asked for. */
  #sinceTurn = 0;
  /** Bytes of batches that wait to be appended. */
  #expectantBytes = 0;
  #waiting: (() => void)[] = [];

  /** Watches over the layers that are not sealed, and over upkeep. */
  constructor({ health, host, layers, waitingBytes, pressure }: RoomOptions) {
    this.#health = health;
    this.#turns = host.turns;
    this.#throttle = new Throttle(host, pressure);
    this.#layers = layers;
    this.#waitingBytes = waitingBytes;
    health.watch(() => {
      if (health.state !== "open") this.#throttle.forgive();
      this.wake();
    });
  }

  /** How many appends waited for upkeep, and how long. */
  get counts(): ThrottleCounts {
    return this.#throttle.counts;
  }

  /** Why an append would wait now. */
  get backPressure(): BackPressure {
    if (this.#layers.buffersAreFull) return "buffers";
    if (this.#mustSeal) return "seal";
    if (this.#throttle.mustHold) return "held";
    return this.#throttle.mustSlow ? "slowed" : "none";
  }

  /**
   * The gate before an append.
   *
   * @throws {PoisonedError} If a write failed before.
   * @throws {IoError} If the disk was full; it is tried again.
   * @throws {LimitError} If more waits in memory than may.
   */
  check(): void {
    this.checkHealth();
    const held = this.#heldBytes();
    if (held <= this.#waitingBytes) return;
    throw new LimitError(`Cannot append: ${held} bytes wait in memory, await earlier appends first`, {
      limit: this.#waitingBytes,
      found: held,
    });
  }

  /**
   * The gate before an append of a batch that {@linkcode Room.hold} let in: there is memory for it.
   *
   * @throws {PoisonedError} If a write failed before.
   * @throws {IoError} If the disk was full; it is tried again.
   */
  checkHealth(): void {
    const health = this.#health;
    if (health.state === "open") return;
    const refusal = health.refusal();
    health.retry();
    throw refusal;
  }

  /**
   * Lets a batch wait in memory before it is appended, as {@linkcode Room.check} lets in one that is appended at once.
   *
   * @param bytes What it takes.
   * @returns Gives that back.
   */
  hold(bytes: number): Disposable {
    this.check();
    this.#expectantBytes += bytes;
    return {
      [Symbol.dispose]: () => {
        this.#expectantBytes -= bytes;
        this.wake();
      },
    };
  }

  /** Bytes in buffers and in indexes that the disk must take before their memory is free, and of batches that wait. */
  #heldBytes(): number {
    return this.#layers.waitingBytes + this.#layers.frozenIndexBytes + this.#expectantBytes;
  }

  /** Whether frozen layers are too many, or they and batches that wait take too much memory. */
  get #mustSeal(): boolean {
    const frozen = this.#layers.frozenCount;
    if (frozen > mostFrozen) return true;
    return (frozen > 0 || this.#expectantBytes > 0) && this.#heldBytes() > this.#waitingBytes;
  }

  /** Notes that so many bytes were appended. */
  took(bytes: number): void {
    this.#sinceTurn += bytes;
    this.#throttle.took(bytes);
  }

  /** The gate behind an append: resolves when there is room for more; `undefined` if there is now. */
  make(): Promise<void> | undefined {
    const lack = this.#lack();
    return lack && this.#make(lack);
  }

  async #make(lack: Promise<void>): Promise<void> {
    for (let next: Promise<void> | undefined = lack; next !== undefined; next = this.#lack()) await next;
  }

  /** What to wait for first, if anything. */
  #lack(): Promise<void> | undefined {
    // The buffers are full: a write must end first.
    const room = this.#layers.bufferRoom();
    if (room !== undefined) return room;
    // They take too much memory, or are too many: one of them must be done first.
    if (this.#mustSeal) return this.nextSeal();
    // Upkeep lags far behind: one of its jobs must end first.
    if (this.#throttle.mustHold) return this.#throttle.hold(() => this.nextSeal());
    // It lags behind: appends give it time.
    const pause = this.#throttle.pause();
    if (pause !== undefined) return pause;
    // Appends that need not wait would keep timers and other IO from their turn.
    if (this.#sinceTurn < turnBytes) return undefined;
    this.#sinceTurn = 0;
    return this.#turns.due() ? this.#turns.turn() : undefined;
  }

  /**
   * Resolves when a layer was sealed, a job of upkeep has ended, or somebody should look again for another reason.
   *
   * @throws {PoisonedError} If a write failed.
   * @throws {IoError} If the disk is full, so that nothing is sealed.
   */
  async nextSeal(): Promise<void> {
    this.#health.check();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#health.check();
  }

  /** Lets everybody who waits for a seal or a job look again. */
  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
