import { assert } from "@std/assert";
import * as limits from "../../src/base/limits.ts";

const largestOf32Bits = 2 ** 32 - 1;

Deno.test("limits agree with each other and with the widths of the format", () => {
  assert(limits.pageBytes % limits.blockBytes === 0, "pages are whole blocks");
  assert(limits.minSegmentBytes % limits.blockBytes === 0, "segments are whole blocks");
  assert(limits.maxSegmentBytes + limits.maxBatchBytes <= largestOf32Bits, "offsets of records have 32 bits");
  assert(
    (limits.maxValueBytes + limits.maxKeyBytes + 20) * 4 + 3 <= largestOf32Bits,
    "lengths with flags have 32 bits",
  );
  assert(limits.maxValueBytes + limits.maxKeyBytes + 20 < 2 ** 28, "lengths in memory have 28 bits");
  assert(
    limits.maxValueBytes + limits.maxKeyBytes + 20 <= limits.maxBatchBytes,
    "the largest change fits a batch",
  );
  assert(limits.maxBatchChanges <= limits.maxLayerEntries, "the largest batch fits a layer");
  assert(2 * limits.maxKeyBytes + 104 <= limits.blockBytes, "two keys fit a footer");
  assert(3 * limits.maxKeyBytes < limits.pageBytes, "keys fit a page");
});
