import { assertEquals } from "@std/assert";
import { summaryRows } from "../../../src/cli/layers/summary.ts";
import { layer } from "./fixture.ts";

Deno.test("summaryRows() sums up by kind and size, from new and small to old and large", () => {
  const sized = (byteLength: number, lsn: number) => ({
    ...layer("delta", [lsn, lsn + 9], ["a", "b"], 20),
    byteLength,
  });
  const layers = [
    layer("L0", [90, 99], ["a", "b"], 10),
    layer("open", [100, 120], undefined, 10),
    sized(5 * 2 ** 30, 1),
    sized(256 * 1024, 30),
    sized(64 * 1024, 20),
    sized(256 * 1024 - 1, 50),
  ];
  assertEquals(summaryRows(layers), [
    ["kind", "size of each", "layers", "LSNs", "versions", "deletions", "size"],
    ["open", "< 64 KiB", "1", "100–120", "10", "1", "1000 B"],
    ["L0", "< 64 KiB", "1", "90–99", "10", "1", "1000 B"],
    ["delta", "64 KiB – 256 KiB", "2", "20–59", "40", "4", "320 KiB"],
    ["delta", "256 KiB – 1 MiB", "1", "30–39", "20", "2", "256 KiB"],
    ["delta", "4 GiB – 16 GiB", "1", "1–10", "20", "2", "5 GiB"],
    ["all", "", "6", "1–120", "100", "10", "5.0 GiB"],
  ]);
});
