/** Mutants that take a key for another, or for one that it must not be. */

import type { Mutant } from "../mutant.ts";

/** See the top of the file. */
export const keys: readonly Mutant[] = [
  {
    name: "prefix-goes-on-within-a-part",
    breaks:
      'A prefix of parts has no key that goes on with the last of them, as ["user\\0"] does behind ["user"].',
    file: "src/base/keys/key_prefix.ts",
    before: "endsParts(prefix) ? behind(start, escapedZero) : prefixEnd(start)",
    after: "prefixEnd(start)",
    caughtBy: "tests/timeline/key_parts_test.ts",
    filter: "prefix of whole parts only",
  },
  {
    name: "key-leaves-its-keyspace",
    breaks: "What is written behind a prefix of parts is found there again.",
    file: "src/base/keys/key_prefix.ts",
    before: "    if (key instanceof Uint8Array) this.check(key);\n",
    after: "",
    caughtBy: "tests/base/keys/key_prefix_test.ts",
    filter: "takes no key that would go on",
  },
  {
    name: "run-counts-into-its-prefix",
    breaks: "A run of keys of a keyspace ends where its own bytes do.",
    file: "src/timeline/read/key_vec.ts",
    before: "for (let at = key.length - 1; at >= start; at--) {",
    after: "for (let at = key.length - 1; at >= 0; at--) {",
    caughtBy: "tests/timeline/keyspace/keyspace_test.ts",
    filter: "never into its prefix",
  },
  {
    name: "parts-are-shared",
    breaks: "An array of keys may be changed once the call has returned, and so may parts in it.",
    file: "src/timeline/read/key_vec.ts",
    before: "if (Array.isArray(key)) return key.map(ownPart);",
    after: "if (Array.isArray(key)) return key;",
    caughtBy: "tests/timeline/key_parts_test.ts",
    filter: "keeps nothing of an array of parts",
  },
  {
    name: "negative-numbers-keep-their-low-half",
    breaks: "Negative numbers sort by all of their bits.",
    file: "src/base/keys/write_parts.ts",
    before: "  if (high < 0) low = ~low;\n",
    after: "",
    caughtBy: "tests/base/keys/structured_key_test.ts",
    filter: "gives back what encodeKey() was given",
  },
  {
    name: "lent-key-overwritten",
    breaks: "A change of a keyspace has its own key, whatever its codec writes meanwhile.",
    file: "src/timeline/keyspace/space.ts",
    before: `    const value = this.#coding.encode(change.value);
    return { key: this.#keyOf(change.key, index), value };`,
    after: "    return { key: this.#keyOf(change.key, index), value: this.#coding.encode(change.value) };",
    caughtBy: "tests/timeline/keyspace/codec_test.ts",
    filter: "codec that uses the same keyspace",
  },
  {
    name: "mapped-items-dropped",
    breaks: "What a turn had no time to decode comes with the next.",
    file: "src/timeline/read/mapped_read.ts",
    before: "if (this.#next === this.#items.length) {",
    after: "if (this.#next > 0 || this.#items.length === 0) {",
    caughtBy: "tests/timeline/read/mapped_read_test.ts",
    filter: "loses nothing",
  },
  {
    name: "foreign-key-applied",
    breaks: "A2: nothing of a batch is applied if one of its keys belongs to another store.",
    file: "src/timeline/append.ts",
    before: `    if (shard !== undefined) {
      records.visitKeys((key) => shard.check(key));
      expected?.keys.forEach((key) => shard.check(key));
    }
    if (expected === undefined) return this.#writer.append(records, given);`,
    after: `    if (expected === undefined) {
      const lsn = this.#writer.append(records, given);
      if (shard !== undefined) records.visitKeys((key) => shard.check(key));
      return lsn;
    }`,
    caughtBy: "tests/store/shards_test.ts",
    filter: "applies nothing of its batch",
  },
  {
    name: "expected-key-taken-for-a-whole-one",
    breaks: "N1: what is expected of a part of a timeline is expected of its keys.",
    file: "src/timeline/expect/expectations.ts",
    before: "keys.push(prefix === undefined ? keyBytes(key) : prefix.keyOf(key));",
    after: "keys.push(keyBytes(key));",
    caughtBy: "tests/timeline/keyspace/keyspace_test.ts",
    filter: "expects keys behind the prefix",
  },
  {
    name: "only-the-first-key-has-a-shard",
    breaks: "A2: every key of a batch is looked at.",
    file: "src/segment/encoded_batch.ts",
    before: "for (let at = 0; at < end; at += recordLengthAt(view, at)) {",
    after: "for (let at = 0; at < end; at = end) {",
    caughtBy: "tests/store/shards_test.ts",
    filter: "applies nothing of its batch",
  },
  {
    name: "foreign-key-absent",
    breaks: "A read that names a key of another store does not say that it is absent.",
    file: "src/timeline/read/reads.ts",
    before: "return shard === undefined ? each : each.map((key) => {\n      shard.check(key);",
    after: "return shard === undefined ? each : each.map((key) => {",
    caughtBy: "tests/store/shards_test.ts",
    filter: "refuse to read what names a key",
  },
];
