import { assertEquals } from "@std/assert";
import { formatBytes } from "../../src/cli/terminal/quantity.ts";

const bytes: [bytes: number, text: string][] = [
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1025, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [99.94 * 1024, "99.9 KiB"],
  [99.96 * 1024, "100 KiB"],
  [100.4 * 1024, "100 KiB"],
  [1023.4 * 1024, "1023 KiB"],
  [1023.6 * 1024, "1.0 MiB"],
  [64 * 2 ** 20, "64 MiB"],
  [5 * 2 ** 40, "5 TiB"],
  [5000 * 2 ** 50, "5000 PiB"],
];

for (const [count, text] of bytes) {
  Deno.test(`formatBytes() of ${count} is ${text}`, () => assertEquals(formatBytes(count), text));
}
