import { assert, assertEquals } from "@std/assert";
import { Ghosts } from "../../../src/objects/cache/ghosts.ts";
import { hashPart } from "../../../src/objects/cache/range_table.ts";

const hashOf = (i: number) => hashPart(1, i, 0);

Deno.test("Ghosts.take() knows what was added, once", () => {
  const ghosts = new Ghosts(256, 100);
  assertEquals(ghosts.take(0), false, "a slot that nobody wrote knows nobody");
  ghosts.add(hashOf(1));
  assertEquals([2, 1, 1].map((i) => ghosts.take(hashOf(i))), [false, true, false]);
});

Deno.test("Ghosts forgets after as many frames as the main queue has", () => {
  for (const frames of [1, 10, 256, 1000]) {
    const known = (aged: number, before = 0) => {
      const ghosts = new Ghosts(256, frames);
      for (let i = 0; i < before; i++) ghosts.age();
      ghosts.add(hashOf(1));
      for (let i = 0; i < aged; i++) ghosts.age();
      return ghosts.take(hashOf(1));
    };
    const life = Math.max(256, frames);
    assertEquals([known(0), known(life / 2), known(life * 2)], [true, true, false], `${frames} frames`);
    assertEquals([known(0, 70_000), known(life / 2, 70_000)], [true, true], "also when its clock went round");
  }
});

Deno.test("Ghosts knows most of as many as it has room for, and hardly any others", () => {
  const ghosts = new Ghosts(4096, 1000), others = new Ghosts(4096, 1000);
  for (let i = 0; i < 2000; i++) {
    ghosts.add(hashOf(i));
    others.add(hashOf(i));
  }
  const count = (from: number, of: Ghosts) =>
    Array.from({ length: 2000 }, (_, i) => of.take(hashOf(from + i))).filter((isKnown) => isKnown).length;
  const known = count(0, ghosts), mistaken = count(1_000_000, others);
  assert(known > 1400 && mistaken < 20, `${known}, ${mistaken}`);
});
