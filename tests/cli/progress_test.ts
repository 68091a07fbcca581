import { assertEquals } from "@std/assert";
import { Progress, renderBar } from "../../src/cli/terminal/progress.ts";
import {
  formatCount,
  formatCounted,
  formatDuration,
  formatMebibytes,
  formatRate,
  formatWork,
} from "../../src/cli/terminal/quantity.ts";
import { FakeTerminal } from "./fixture.ts";

/** A clock that stands still until it is told. */
class HeldClock {
  time = 0;
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
}

Deno.test("Progress draws over its bar on a terminal and removes it in the end", () => {
  const terminal = new FakeTerminal(true, 60);
  const clock = new HeldClock();
  {
    using progress = new Progress(terminal, clock);
    for (let done = 0; done <= 10; done++) {
      clock.time = done * 40;
      progress.update(() => ({ fraction: done / 10, text: `${done} of 10` }));
    }
  }
  assertEquals(terminal.notes, [
    "\r\x1b[K[#########·····················]  30 %  3 of 10",
    "\r\x1b[K[##################············]  60 %  6 of 10",
    "\r\x1b[K[###########################···]  90 %  9 of 10",
    "\r\x1b[K",
  ]);
});

Deno.test("Progress writes a plain line every 5 s elsewhere", () => {
  const terminal = new FakeTerminal(false);
  const clock = new HeldClock();
  {
    using progress = new Progress(terminal, clock);
    for (clock.time = 0; clock.time <= 11_000; clock.time += 500) {
      progress.update(() => ({ fraction: undefined, text: `at ${clock.time}` }));
    }
  }
  assertEquals(terminal.notes, ["at 5000\n", "at 10000\n"]);
});

Deno.test("renderBar() keeps within the terminal", () => {
  const status = { fraction: 0.5, text: "some text that is rather long" };
  for (let columns = 0; columns < 100; columns++) {
    assertEquals(renderBar(status, columns).length <= Math.max(columns - 1, 0), true, `${columns}`);
  }
  assertEquals(renderBar({ fraction: undefined, text: "text" }, 80), "text");
  assertEquals(renderBar({ fraction: 2, text: "t" }, 20), "[########] 100 %  t");
});

Deno.test("quantities read as people write them", () => {
  assertEquals([0, 999, 1000, 1234567].map(formatCount), ["0", "999", "1,000", "1,234,567"]);
  assertEquals(formatMebibytes(1572864), "1.5 MiB");
  assertEquals(formatRate(1048576, 500), "2.0 MiB/s");
  assertEquals(formatRate(1048576, 0), "0.0 MiB/s");
  assertEquals([0, 61_500, 3_600_000].map(formatDuration), ["0:00", "1:01", "1:00:00"]);
  assertEquals([0, 1, 12_345].map((count) => formatCounted(count, "change")), [
    "0 changes",
    "1 change",
    "12,345 changes",
  ]);
  assertEquals([1, 2].map((count) => formatCounted(count, "batch", "batches")), ["1 batch", "2 batches"]);
  assertEquals(
    formatWork(["3 changes", "2 blobs"], 1048576, 61_000),
    "3 changes  2 blobs  1.0 MiB  0.0 MiB/s  1:01",
  );
});
