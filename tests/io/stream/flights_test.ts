/** Which writes are in flight, as a table of histories. */

import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../../src/base/mod.ts";
import { type Flight, Flights } from "../../../src/io/stream/flights.ts";

/** What happens: a write is issued up to an offset, or the write from an offset lands or fails. */
type Event = ["start", number] | ["landed", number] | ["failed", number];

interface History {
  what: string;
  events: Event[];
  /** What it comes to: `written`, `issued`, how many are in flight, and whether a void one is. */
  end: [number, number, number, boolean];
}

const three: Event[] = [["start", 10], ["start", 20], ["start", 30]];
const histories: History[] = [
  { what: "nothing happens", events: [], end: [0, 0, 0, false] },
  { what: "all are in flight", events: three, end: [0, 30, 3, false] },
  { what: "they land in order", events: [...three, ["landed", 0], ["landed", 10]], end: [20, 30, 1, false] },
  { what: "the second lands first", events: [...three, ["landed", 10]], end: [0, 30, 3, false] },
  {
    what: "the first lands last",
    events: [...three, ["landed", 10], ["landed", 20], ["landed", 0]],
    end: [30, 30, 0, false],
  },
  { what: "the last fails", events: [...three, ["failed", 20]], end: [0, 20, 2, false] },
  { what: "the first fails", events: [...three, ["failed", 0]], end: [0, 0, 2, true] },
  {
    what: "the first fails and the others land",
    events: [...three, ["failed", 0], ["landed", 20], ["landed", 10]],
    end: [0, 0, 0, false],
  },
  {
    what: "the first fails when the second has landed",
    events: [...three, ["landed", 10], ["failed", 0]],
    end: [0, 0, 1, true],
  },
  {
    what: "the second fails, and the first lands",
    events: [...three, ["failed", 10], ["landed", 0]],
    end: [10, 10, 1, true],
  },
  {
    what: "a void one fails too",
    events: [...three, ["failed", 0], ["failed", 10], ["landed", 20]],
    end: [0, 0, 0, false],
  },
  {
    what: "what failed is issued again",
    events: [...three, ["failed", 10], ["landed", 20], ["start", 30], ["landed", 0], ["landed", 10]],
    end: [30, 30, 0, false],
  },
];

for (const { what, events, end } of histories) {
  Deno.test(`Flights knows what is written when ${what}`, () => {
    const flights = new Flights(0);
    const known = new Map<number, Flight>();
    for (const [event, offset] of events) {
      if (event === "start") {
        const from = flights.issued;
        known.set(from, flights.start(offset));
      } else flights[event](known.get(offset) as Flight);
    }
    assertEquals([flights.written, flights.issued, flights.count, flights.isSettling], end);
  });
}

Deno.test("Flights refuses a write while a void one is in flight, and an end that comes twice", () => {
  const flights = new Flights(0);
  const [first, second] = [flights.start(10), flights.start(20)];
  assertThrows(() => flights.start(20), AssertionError, "F1");
  flights.failed(first);
  assertThrows(() => flights.start(10), AssertionError, "F1");
  flights.landed(second);
  assertThrows(() => flights.landed(second), AssertionError, "F1");
});
