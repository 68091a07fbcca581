/** What is known of a timeline from what holders said of it. */

/** See the top of the file. */
export class Known {
  /** This batch is there, and all before it. */
  floor = 0;
  /** No later one is. */
  issued = 0;
  /** The horizon is not below this. */
  horizon = 0;

  /** Takes in what was issued or is durable. */
  take(word: "issued" | "durable", batch: number): void {
    if (word === "durable" && batch > this.issued) {
      throw new Error(`batch ${batch} is durable, ${this.issued} were issued`);
    }
    if (word === "issued") this.issued = Math.max(this.issued, batch);
    else this.floor = Math.max(this.floor, batch);
  }

  /** Takes in what an opening found: from then on that is there, and no more. */
  settle(name: string, batch: number): void {
    if (batch < this.floor || batch > this.issued) {
      throw new Error(
        `"${name}" ends at batch ${batch}: ${this.floor} were durable, ${this.issued} were issued`,
      );
    }
    this.floor = this.issued = batch;
  }
}
