/** What the command line says of a log where it wants a store, and of a store where it wants a log. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TemporaryFolder } from "../git/fixture.ts";
import { Place } from "../store/matrix.ts";
import { varve } from "./fixture.ts";

/** Every file of a folder, and what it holds. */
function held(path: string): Record<string, string> {
  return Object.fromEntries(new Place(path).files().map((file) => [file, Deno.readFileSync(file).toHex()]));
}

Deno.test("varve says of a log that it is no store, and of a store that it is no log, and touches neither", async () => {
  await using folder = new TemporaryFolder();
  assertEquals((await varve(folder, ["log", "append", "log", "--create"], "a\nb\n")).code, 0);
  assertEquals((await varve(folder, ["put", "store", "k", "v", "--create"])).code, 0);
  const before = held(folder.path);
  const ofLog = [
    ["verify", "log"],
    ["salvage", "log", "new"],
    ["get", "log", "a"],
    ["put", "log", "a", "b"],
    [
      "put",
      "log",
      "a",
      "b",
      "--create",
    ],
  ];
  for (const args of ofLog) {
    const { code, out, err } = await varve(folder, args);
    assertEquals([code, out], [1, ""], args.join(" "));
    assertMatch(err, /^varve: Cannot [^\n]*log": it is a log \(see "varve log info"\)\n$/);
  }
  for (const args of [["append", "store", "--create"], ["cat", "store"], ["truncate", "store", "0"]]) {
    const { code, out, err } = await varve(folder, ["log", ...args], "a\n");
    assertEquals([code, out], [1, ""], args.join(" "));
    assertMatch(err, /^varve: Cannot open log [^\n]*store": it is a store\n$/);
  }
  assertEquals(held(folder.path), before);
});

Deno.test("varve log advises no command of stores about damage", async () => {
  await using folder = new TemporaryFolder();
  await varve(folder, ["log", "append", "log", "--create"], "a\nb\n");
  const [manifest] = new Place(folder.join("log")).files(/log-0/), bytes = Deno.readFileSync(manifest);
  bytes.fill(1, 0, 64);
  Deno.writeFileSync(manifest, bytes);
  const { code, err } = await varve(folder, ["log", "cat", "log"]);
  assertEquals(code, 3);
  assertMatch(err, /^varve: Cannot trust /);
  assert(!err.includes("salvage"), err);
});
