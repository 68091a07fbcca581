/**
 * What a program said before it ended, and so what must be found after it.
 *
 * ```
 *   opened main 7     what it found      closing, closed    all that was issued is durable now
 *   issued main 8     about to append    making side        about to make a timeline
 *   durable main 8    a sync said so     made side          it is there for good
 *   error …           a typed error      wrong …            something does not hold
 * ```
 */

/** What is known of a timeline, in batches. */
export interface Claim {
  /** What must be there. */
  floor: number;
  /** What may be there. */
  issued: number;
  /** Whether the timeline itself must be there. */
  isMade: boolean;
}

/** What one or more programs said, one after another, about one store. */
export class Claims {
  /** What is known of each timeline by its name. */
  readonly timelines: Map<string, Claim> = new Map([["main", { floor: 0, issued: 0, isMade: true }]]);
  /** What does not hold. */
  readonly wrong: string[] = [];
  /** How many errors a program met, each of a class that is documented. */
  errors = 0;
  /** The last word that was said. */
  last = "";

  /** Takes in a line. */
  take(line: string): void {
    const [word, name = "", batch] = line.split(" ");
    this.last = word;
    if (word === "wrong") this.wrong.push(line);
    if (word === "error") this.errors++;
    if (word === "closed") { for (const claim of this.timelines.values()) claim.floor = claim.issued; }
    if (word === "opened") this.settle(name, Number(batch));
    if (["making", "made", "issued", "durable"].includes(word)) this.#claim(word, name, Number(batch));
  }

  #claim(word: string, name: string, batch: number): void {
    const claim = this.timelines.get(name) ?? { floor: 0, issued: 0, isMade: false };
    this.timelines.set(name, claim);
    if (word === "made") claim.isMade = true;
    if (word === "issued") claim.issued = batch;
    if (word === "durable") this.#sync(name, claim, batch);
  }

  #sync(name: string, claim: Claim, batch: number): void {
    if (batch < 0 || batch > claim.issued) {
      this.wrong.push(`timeline "${name}" calls batch ${batch} durable, ${claim.issued} were issued`);
    }
    claim.floor = Math.max(claim.floor, batch);
  }

  /** Takes in how many batches an opening found: from then on they are there, and no others. */
  settle(name: string, batch: number): void {
    const claim = this.timelines.get(name);
    const { floor, issued } = claim ?? { floor: 0, issued: -1 };
    if (batch < floor || batch > issued) {
      this.wrong.push(
        `timeline "${name}" has ${batch} batches: ${floor} were durable, ${issued} were issued`,
      );
    }
    this.timelines.set(name, { floor: batch, issued: batch, isMade: true });
  }

  /** Throws if anything does not hold. */
  check(): void {
    if (this.wrong.length > 0) throw new Error(this.wrong.join("; "));
  }
}
