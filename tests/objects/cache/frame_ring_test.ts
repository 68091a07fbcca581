import { assertEquals, assertThrows } from "@std/assert";
import { FrameRing } from "../../../src/objects/cache/frame_ring.ts";
import { Random, seeds } from "../../random.ts";

Deno.test("FrameRing gives frames back in the order in which they came", () => {
  for (const seed of seeds("frame ring", 3)) {
    const random = new Random(seed), most = random.from(1, 9);
    const ring = new FrameRing(most), model: number[] = [];
    for (let i = 0; i < 1000; i++) {
      if (model.length > 0 && (model.length === most || random.once(2))) {
        assertEquals(ring.shift(), model.shift());
      } else {
        ring.push(i);
        model.push(i);
      }
      assertEquals(ring.count, model.length);
    }
  }
});

Deno.test("FrameRing has no room for more, and nothing to give when it is empty", () => {
  const ring = new FrameRing(1);
  assertThrows(() => ring.shift());
  ring.push(5);
  assertThrows(() => ring.push(6));
  assertEquals(ring.shift(), 5);
});
