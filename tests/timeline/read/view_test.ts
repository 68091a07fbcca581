/** Views: what they hold, what waits for them, and how they end. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { LayerMap, type StoredLayer } from "../../../src/layer/mod.ts";
import { type View, Views } from "../../../src/timeline/read/view.ts";
import { TestLayers } from "./layers.ts";

class TestClock {
  milliseconds = 1000;
  now(): number {
    return this.milliseconds;
  }
  monotonic(): number {
    return this.milliseconds;
  }
}

/** Views, and layers whose removal is written down. */
class Fixture {
  readonly clock = new TestClock();
  readonly views: Views = new Views(this.clock, "/store");
  readonly removed: number[] = [];

  open(lsn = 1): View {
    return this.views.open(LayerMap.empty, lsn);
  }

  retire(...layers: StoredLayer[]): Promise<void> {
    return this.views.retire(layers, ({ description }) => void this.removed.push(description.sequence));
  }
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("Views counts views and tells the age of the oldest", () => {
  const { views, clock } = new Fixture();
  assertEquals([views.count, views.oldestMilliseconds], [0, 0]);
  const first = views.open(LayerMap.empty, 1);
  clock.milliseconds += 50;
  const second = views.open(LayerMap.empty, 2);
  clock.milliseconds += 5;
  assertEquals([views.count, views.oldestMilliseconds], [2, 55]);
  // One that was made from another is as old as that.
  const third = first.again();
  first[Symbol.dispose]();
  assertEquals([views.count, views.oldestMilliseconds, third.lsn], [2, 55, 1]);
  third[Symbol.dispose]();
  assertEquals([views.count, views.oldestMilliseconds], [1, 5]);
  second[Symbol.dispose]();
  assertEquals([views.count, views.oldestMilliseconds], [0, 0]);
});

Deno.test("View is disposed of once when it is disposed of twice", () => {
  const { views } = new Fixture();
  const first = views.open(LayerMap.empty, 1);
  const other = views.open(LayerMap.empty, 1);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals(views.count, 1);
  other[Symbol.dispose]();
});

Deno.test("Views.retire() removes at once when nobody looks", async () => {
  const fixture = new Fixture();
  const layer = await new TestLayers().store("a@1");
  await fixture.retire(layer);
  assertEquals(fixture.removed, [1]);
});

Deno.test("Views.retire() waits for views that began before, and for no others", async () => {
  const fixture = new Fixture();
  const layers = new TestLayers();
  const [one, two, three] = [await layers.store("a@1"), await layers.store("a@2"), await layers.store("a@3")];
  const oldest = fixture.open(), older = fixture.open();
  const first = fixture.retire(one, two);
  const between = fixture.open();
  const second = fixture.retire(three);
  const newer = fixture.open();
  await settle();
  older[Symbol.dispose]();
  await settle();
  assertEquals(fixture.removed, []);
  oldest[Symbol.dispose]();
  await first;
  assertEquals(fixture.removed, [1, 2]);
  between[Symbol.dispose]();
  await second;
  assertEquals(fixture.removed, [1, 2, 3]);
  newer[Symbol.dispose]();
});

Deno.test("Views.retire() waits for views that were made later from older ones", async () => {
  const fixture = new Fixture();
  const snapshot = fixture.open();
  const retired = fixture.retire(await new TestLayers().store("a@1"));
  const read = snapshot.again();
  snapshot[Symbol.dispose]();
  await settle();
  assertEquals(fixture.removed, []);
  read[Symbol.dispose]();
  await retired;
  assertEquals(fixture.removed, [1]);
});

Deno.test("Views refuses everything after close", () => {
  const { views } = new Fixture();
  const view = views.open(LayerMap.empty, 1);
  view.check();
  views.close();
  const message = 'Cannot use store "/store": it is closed';
  for (
    const use of [
      () => views.checkOpen(),
      () => views.open(LayerMap.empty, 1),
      () => view.check(),
      () => view.again(),
    ]
  ) {
    assertThrows(use, Deno.errors.BadResource, message);
  }
  view[Symbol.dispose]();
});

Deno.test("Views.drain() stops reads that nobody asks, and waits for the others and for removals", async () => {
  const fixture = new Fixture();
  const { views } = fixture;
  const paused = fixture.open(), running = fixture.open();
  const reasons: unknown[] = [];
  paused.whenStopped((reason) => {
    reasons.push(reason);
    paused[Symbol.dispose]();
  });
  const retired = fixture.retire(await new TestLayers().store("a@1"));
  views.close();
  let isDrained = false;
  const drained = views.drain().then(() => isDrained = true);
  await settle();
  assert(reasons.length === 1 && reasons[0] instanceof Deno.errors.BadResource);
  assertEquals([views.count, isDrained, fixture.removed], [1, false, []]);
  running[Symbol.dispose]();
  await drained;
  await retired;
  assertEquals([views.count, fixture.removed], [0, [1]]);
});

Deno.test("Views.drain() ends although stopping a read fails", async () => {
  const fixture = new Fixture();
  const view = fixture.open();
  view.whenStopped(() => {
    view[Symbol.dispose]();
    throw new Error("no");
  });
  fixture.views.close();
  await fixture.views.drain();
});

Deno.test("View is stopped by its signal, once, and not after it has ended", () => {
  const { views } = new Fixture();
  for (const isEnded of [false, true]) {
    const controller = new AbortController();
    const view = views.open(LayerMap.empty, 1, controller.signal);
    const reasons: unknown[] = [];
    view.whenStopped((reason) => void reasons.push(reason));
    if (isEnded) view[Symbol.dispose]();
    const reason = new Error("enough");
    controller.abort(reason);
    assertEquals(reasons, isEnded ? [] : [reason]);
    assertThrows(() => view.check(), Error, "enough");
    assertThrows(() => views.open(LayerMap.empty, 1, controller.signal), Error, "enough");
    view[Symbol.dispose]();
  }
  assertEquals(views.count, 0);
});

Deno.test("A view of a branch holds one of what it goes on from, which is not counted, and counts there for what is removed", async () => {
  const older = new Fixture(), { views } = new Fixture(), layers = new TestLayers();
  const view = views.open(LayerMap.empty, 9, undefined, 0, older.open(5));
  assertEquals([view.levels.map(({ lsn }) => lsn), older.views.count, views.count], [[9, 5], 0, 1]);
  const retired = older.retire(await layers.store("a@1"));
  // What is made of it is as old, and looks at what is under it as of an LSN that is no higher than its own.
  const again = view.again(), early = view.again({ lsn: 3 });
  assertEquals([again, early].map(({ levels }) => levels.map(({ lsn }) => lsn)), [[9, 5], [3, 3]]);
  for (const each of [view, again, early]) {
    assertEquals(older.removed, []);
    each[Symbol.dispose]();
    await settle();
  }
  await retired;
  assertEquals([older.removed, older.views.oldest], [[1], undefined]);
});

Deno.test("A view of a branch that is refused leaves nothing open under it", () => {
  const older = new Fixture(), { views } = new Fixture(), aborted = AbortSignal.abort(new Error("enough"));
  const view = views.open(LayerMap.empty, 9, undefined, 0, older.open(5));
  assertThrows(() => view.again({ signal: aborted }), Error, "enough");
  view[Symbol.dispose]();
  assertEquals(older.views.oldest, undefined);
});
