import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../src/base/mod.ts";
import { manifestName, parseManifestName } from "../../src/manifest/names.ts";

Deno.test("parseManifestName() takes the names that manifestName() makes and no other", () => {
  for (const version of [1, 2, 999_999_999_999]) {
    assertEquals(parseManifestName(manifestName(version)), version);
  }
  const others = [
    "manifest-pending",
    "manifest-1",
    "manifest-000000000000",
    "manifest-0000000000001",
    "manifest-00000000000x",
    "manifest-00000000000２",
    "xmanifest-000000000001",
    "manifest-000000000001\n",
    "manifest-000000000001.tmp",
    "../manifest-000000000001",
    "",
  ];
  for (const name of others) assertEquals(parseManifestName(name), undefined, name);
  for (const version of [0, -1, 1.5, 1e12, NaN]) assertThrows(() => manifestName(version), AssertionError);
});
