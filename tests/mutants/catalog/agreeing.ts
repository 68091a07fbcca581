/** Mutants that apply what is not agreed on any more, or lose what is. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const agreeing: readonly Mutant[] = [
  {
    name: "expectation-not-held-against-what-came-since",
    breaks: "N1: what is expected stands in the turn in which the batch is applied.",
    file: "src/timeline/expect/agreement.ts",
    before: "    proposal.newest.learnFrom(this.#writer.layers.inMemory(), view.lsn);\n",
    after: "",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "is exact when it looks keys up",
  },
  {
    name: "sealed-meanwhile-forgotten",
    breaks: "N2: what was sealed while a view is open is in memory for it.",
    file: "src/timeline/write/timeline_layers.ts",
    before: "    this.#lingering.add(frozen.layer);\n",
    after: "",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "is exact when it looks keys up",
  },
  {
    name: "index-lingers-for-ever",
    breaks: "The index of a sealed layer goes with the last view that may need it.",
    file: "src/timeline/write/timeline_layers.ts",
    before: "      this.#lingering.delete(layer);\n",
    after: "",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "has every batch since a view began",
  },
  {
    name: "missing-page-taken-for-absence",
    breaks: "A key of which a page is missing in memory is looked up on disk.",
    file: "src/timeline/expect/warm_newest.ts",
    before: "if (came === Descent.WAITING) return false;",
    after: "if (came === Descent.WAITING) continue;",
    caughtBy: "tests/timeline/expect/expectations_test.ts",
    filter: "against every kind of layer",
  },
  {
    name: "proposal-not-copied",
    breaks: "A batch may be filled anew as soon as its append has returned, whatever it waits for.",
    file: "src/timeline/expect/agreement.ts",
    before: "{ ...proposal, records: records.copy() }",
    after: "{ ...proposal }",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "keeps the batch meanwhile",
  },
  {
    name: "applied-between-two-turns",
    breaks: "N1: nothing is awaited between the check and the batch's place.",
    file: "src/timeline/expect/agreement.ts",
    before: "    return this.#apply(proposal, true);",
    after: `    try {
      this.#apply({ ...proposal, given: 0 }, true);
    } catch (error) {
      if (error instanceof ConflictError) throw error;
    }
    await turns.turn();
    return this.#writer.append(proposal.records, proposal.given, true);`,
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "one of many that expect the same",
  },
  {
    name: "applied-to-a-closed-store",
    breaks: "Nothing is applied once the store is closed.",
    file: "src/timeline/expect/agreement.ts",
    before: "    view.check();\n",
    after: "",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "nothing once the store is closed, in whichever turn",
  },
  {
    name: "deletion-is-taken-for-a-value",
    breaks: "A key that was deleted has no value.",
    file: "src/timeline/expect/newest_versions.ts",
    before: "return this.#lsns[i] > 0 && !this.#deleted[i];",
    after: "return this.#lsns[i] > 0;",
    caughtBy: "tests/timeline/expect/expectations_test.ts",
    filter: "against every kind of layer",
  },
  {
    name: "older-version-expected",
    breaks: "The newest version of a key is the one that must stand at the LSN.",
    file: "src/timeline/expect/expectations.ts",
    before: "expected === undefined ? !hasValue : lsn === expected",
    after: "expected === undefined ? !hasValue : lsn <= expected",
    caughtBy: "tests/timeline/expect/expectations_test.ts",
    filter: "against every kind of layer",
  },
  {
    name: "waiting-batches-do-not-count",
    breaks: "Batches that wait for their expectations count as what waits in memory.",
    file: "src/timeline/write/room.ts",
    before: "    this.#expectantBytes += bytes;\n",
    after: "",
    caughtBy: "tests/timeline/expect/agreement_test.ts",
    filter: "bounds the memory of those that look keys up",
  },
  {
    name: "damage-taken-for-absence",
    breaks: "A key that cannot be looked up for damage is not taken for one that has no value.",
    file: "src/timeline/expect/newest_versions.ts",
    before: "    if (failure !== undefined) throw failure;\n",
    after: "",
    caughtBy: "tests/timeline/expect/expectations_test.ts",
    filter: "where damage hides what stands",
  },
];
