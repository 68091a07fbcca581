/** Slots in the order of what they lead to, without a stretch of work that the event loop would wait for. */

import { assert, assertEquals } from "@std/assert";
import type { Turns } from "../../../src/base/mod.ts";
import { mostSlots, Slots } from "../../../src/layer/inspect/slots.ts";
import { VersionBlock } from "../../../src/layer/version_cursor.ts";

/** Turns that are always due. */
class CountedTurns implements Turns {
  count = 0;

  due(): boolean {
    return true;
  }

  turn(): Promise<void> {
    this.count++;
    return Promise.resolve();
  }

  awaiting(): void {}

  answered(): void {}
}

const slotBytes = 24;

/** Slots that lead to every 24th byte of a stretch, added in an order without a pattern. */
function scattered(count: number, start: number): Slots {
  const slots = new Slots(start, start + count * slotBytes, count), block = new VersionBlock(1);
  // A step that shares no divisor with the count comes by every slot once.
  for (let i = 0; i < count; i++) {
    block.count = 1;
    block.offset[0] = start + (i * 7919 % count) * slotBytes;
    block.lsn[0] = i + 1;
    slots.add(block);
  }
  return slots;
}

Deno.test("Slots are in the order of offsets once they are sorted, each with its own fingerprint", async () => {
  const count = 5000, start = 1024 * 1024, slots = scattered(count, start);
  const prints = new Map<number, number>();
  for (let place = 0; place < count; place++) prints.set(slots.offsetOf(place), slots.printOf(place));
  await slots.sort({ turns: new CountedTurns() });
  for (let place = 0; place < count; place++) {
    const offset = start + place * slotBytes;
    assertEquals(slots.offsetOf(place), offset);
    assertEquals(slots.printOf(place), prints.get(offset));
    assertEquals(slots.find(offset), place);
  }
  assertEquals(slots.find(start + 1), 1);
  assert(new Set(prints.values()).size > count - 50, "fingerprints tell slots apart");
});

Deno.test("Slots give turns all the while they are sorted, also where a million lead into a few MiB", async () => {
  const count = mostSlots - 1, turns = new CountedTurns(), slots = scattered(count, 4096);
  await slots.sort({ turns });
  // Each is counted, moved and sorted; whoever does ten thousand of them at once is quick enough.
  assert(turns.count > 3 * count / 20_000, `${turns.count} turns`);
  for (let place = 0; place < count; place += 997) {
    assertEquals(slots.offsetOf(place), 4096 + place * slotBytes);
  }
});
