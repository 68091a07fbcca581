/** What the command line adds to errors, and that its help says how a command is given. */

import { assertEquals, assertMatch } from "@std/assert";
import { Store } from "../../mod.ts";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { varve } from "./fixture.ts";

Deno.test("varve says of damage which commands tell of it and save the rest", async () => {
  await using folder = new TemporaryFolder();
  const path = folder.join("store");
  {
    await using store = await Store.open(path);
    await store.timeline().append([{ key: "a", value: "one" }, { key: "b", value: "two" }]);
    await store.timeline().freeze();
  }
  const [layer] = new Place(path).files(/\.seg$/), bytes = Deno.readFileSync(layer);
  // The first record, behind the header and a time mark.
  bytes[4096 + 28 + 4] ^= 1;
  Deno.writeFileSync(layer, bytes);
  const hint =
    /^varve: Cannot trust [^\n]*\("varve verify STORE" says what is damaged, "varve salvage STORE NEW" saves the rest\)\n$/;
  for (const args of [["get", "store", "a"], ["scan", "store"], ["tail", "store"]]) {
    const ran = await varve(folder, args);
    assertEquals(ran.code, 3, args[0]);
    assertMatch(ran.err, hint);
  }
});

Deno.test("varve get --help says that several keys go with --explain", async () => {
  await using folder = new TemporaryFolder();
  const { out } = await varve(folder, ["get", "--help"]);
  assertMatch(
    out,
    /\nUsage: varve get <store> <key> \[options\]\n {7}varve get <store> <key> \[key…\] --explain \[options\]\n/,
  );
  await varve(folder, ["put", "store", "k", "v", "--create"]);
  const { code, err } = await varve(folder, ["get", "store", "k", "l"]);
  assertEquals(code, 2);
  assertMatch(err, /"l" is one argument too many: --explain alone takes several keys/);
});
