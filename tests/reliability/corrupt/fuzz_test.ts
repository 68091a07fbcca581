/** The short form of what `fuzz()` does: some inputs for every parser. */

import { assert, assertEquals } from "@std/assert";
import { Random, seeds } from "../../random.ts";
import { everyParser, fuzz } from "./fuzz.ts";
import { mutate } from "./mutator.ts";

Deno.test("every parser takes bytes or refuses them with an error of its own", async () => {
  for (const seed of seeds("fuzz", 1)) {
    const counts = await fuzz({ inputs: 6000 }, { seed });
    assertEquals(counts.failures, []);
    for (const [name, { accepted, inputs }] of Object.entries(counts.parsers)) {
      assert(accepted < inputs, `${name} takes everything`);
      assert(accepted > 0, `${name} takes nothing of ${inputs} inputs`);
    }
    assertEquals(JSON.parse(JSON.stringify(counts)), counts);
  }
});

Deno.test("a question ends where slots that lie lead to two runs that start at one place", async () => {
  const counts = await fuzz({ inputs: 1 }, { seed: 3759473859, only: "page that lies" });
  assert(counts.fuzzInputs > 151, "input 151 is the one");
  assertEquals(counts.failures, []);
});

Deno.test("every parser takes what it is fed with before that is changed", async () => {
  for (const { name, corpus, byteLength, repair, parse } of await everyParser(1)) {
    const taken: boolean[] = [];
    for (const [i, bytes] of [...corpus, ...corpus, ...corpus].entries()) {
      assertEquals(bytes.length, byteLength ?? bytes.length);
      const copy = bytes.slice();
      repair?.(copy);
      taken.push(await Promise.try(() => parse(copy, new Random(i))).catch(() => false));
    }
    assert(taken.includes(true), name);
  }
});

Deno.test("mutate() changes nothing in place, and makes the same of the same", () => {
  const bytes = new Random(1).bytes(200), before = bytes.slice(), lengths = new Set<number>();
  for (let seed = 0; seed < 500; seed++) {
    const mutated = mutate(bytes, new Random(seed), before);
    assertEquals(mutated, mutate(bytes, new Random(seed), before));
    lengths.add(mutated.length);
  }
  assertEquals(bytes, before);
  assert(lengths.size > 50 && Math.max(...lengths) > 200 && Math.min(...lengths) < 200);
});
