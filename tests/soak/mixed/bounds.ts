/** Bounds that are looked at again and again: each with its limit, and the most that was seen. */

/** One bound, at the moment at which most of what it allows was used. */
export interface Seen {
  /** What is bounded. */
  readonly name: string;
  /** Its unit. */
  readonly unit: "bytes" | "";
  /** What was seen. */
  readonly value: number;
  /** What was allowed then. */
  readonly limit: number;
  /** How often it was looked at. */
  readonly looks: number;
  /** How often it was more than allowed. */
  readonly misses: number;
}

/** See the top of the file. */
export class Bounds {
  readonly #seen = new Map<string, Seen>();

  /** Every bound that was looked at. */
  get seen(): Seen[] {
    return [...this.#seen.values()];
  }

  /** Those that were not kept. */
  get violations(): string[] {
    return this.seen.filter(({ misses }) => misses > 0).map(({ name, unit, value, limit, looks, misses }) =>
      `${name}: ${value} of at most ${limit} ${unit}, exceeded in ${misses} of ${looks} looks`
    );
  }

  /** Looks whether a value is within its limit. */
  look(name: string, value: number, limit: number, unit: Seen["unit"] = ""): void {
    const last = this.#seen.get(name) ?? { name, unit, value, limit, looks: 0, misses: 0 };
    const excess = value * last.limit - last.value * limit;
    const isMore = excess > 0 || excess === 0 && value > last.value;
    const most = isMore ? { ...last, value, limit } : last;
    this.#seen.set(name, {
      ...most,
      looks: last.looks + 1,
      misses: last.misses + (value > limit ? 1 : 0),
    });
  }
}
