import { assertEquals, assertThrows } from "@std/assert";
import { planScan, type ScanRange } from "../../../src/timeline/read/options.ts";

const cases: [range: ScanRange, start: string | undefined, end: string | undefined][] = [
  [{}, undefined, undefined],
  [{ start: "b" }, "b", undefined],
  [{ end: "b" }, undefined, "b"],
  [{ start: "", end: "" }, "", ""],
  [{ prefix: "b" }, "b", "c"],
  [{ prefix: "" }, "", undefined],
  [{ prefix: "b", start: "a", end: "z" }, "b", "c"],
  [{ prefix: "b", start: "bb", end: "bx" }, "bb", "bx"],
  [{ prefix: "b", start: "z" }, "z", "c"],
  [
    { start: undefined, end: undefined, prefix: undefined, reverse: undefined, limit: undefined },
    undefined,
    undefined,
  ],
];

for (const [range, start, end] of cases) {
  Deno.test(`planScan() joins the bounds of ${JSON.stringify(range)}`, () => {
    const plan = planScan(range);
    const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
    assertEquals([text(plan.start), text(plan.end)], [start, end]);
    assertEquals([plan.reverse, plan.limit], [false, Infinity]);
  });
}

Deno.test("planScan() has no end when no key is behind the prefix", () => {
  assertEquals(planScan({ prefix: new Uint8Array([0xff, 0xff]) }).end, undefined);
});

Deno.test("planScan() shares no memory with the range", () => {
  const start = new Uint8Array([1]), end = new Uint8Array([9]);
  const plan = planScan({ start, end });
  start.fill(5);
  end.fill(5);
  assertEquals([plan.start, plan.end], [new Uint8Array([1]), new Uint8Array([9])]);
});

Deno.test("planScan() refuses wrong limits and bounds", () => {
  for (const limit of [-1, 1.5, NaN, -Infinity]) {
    assertThrows(() => planScan({ limit }), RangeError, `${limit}`);
  }
  assertThrows(() => planScan({ limit: "7" as unknown as number }), TypeError, "found string");
  assertThrows(() => planScan({ start: 7 as unknown as string }), TypeError, "found number");
  assertEquals([planScan({ limit: 0 }).limit, planScan({ limit: 7, reverse: true }).limit], [0, 7]);
});
