/** Which paths lead into a directory that is held, and which are left to the system. */

import { assertEquals } from "@std/assert";
import { HeldDirectories } from "../../../src/io/posix/held_directories.ts";
import { currentDirectory } from "../../../src/io/posix/libc.ts";

Deno.test("HeldDirectories.locate() finds what is in a directory at any depth, in the deepest that is held", () => {
  const held = new HeldDirectories(() => {});
  held.hold("/a/store", 7);
  held.hold("/a/store/deep", 8);
  const places: Record<string, [number, string] | undefined> = {
    "/a/store/file": [7, "file"],
    "/a/store/b/c": [7, "b/c"],
    "/a/store/deep": [7, "deep"],
    "/a/store/deep/file": [8, "file"],
    "/a/store": undefined,
    "/a/stores/file": undefined,
    "/a/file": undefined,
    "store/file": undefined,
    "/a/store/": undefined,
    "/a/store//file": undefined,
    "/a/store/../file": undefined,
    "/a/store/b/./file": undefined,
    "/a/store/a\0b": undefined,
  };
  for (const [path, expected] of Object.entries(places)) {
    const found = held.locate(path);
    assertEquals(found && [found.at, found.name], expected, path);
    assertEquals(held.place(path), found ?? { at: currentDirectory, name: path });
  }
  assertEquals(held.locateDirectory("/a/store"), { at: 7, name: "." });
  assertEquals(held.locateDirectory("/a/store/b"), { at: 7, name: "b" });
  assertEquals(held.locateDirectory("/a"), undefined);
});

Deno.test("HeldDirectories leaves to the path what two are held for", () => {
  const held = new HeldDirectories(() => {});
  const giveUp = [7, 8].map((fd) => held.hold("/a", fd));
  assertEquals([held.locate("/a/b"), held.locateDirectory("/a")], [undefined, undefined]);
  giveUp[0]();
  assertEquals(held.locate("/a/b"), { at: 8, name: "b" });
});

Deno.test("HeldDirectories closes every descriptor once, when it is given up or at the end", () => {
  const closed: number[] = [];
  const held = new HeldDirectories((fd) => closed.push(fd));
  const giveUp = [held.hold("/a", 7), held.hold("/a", 8), held.hold("/b", 9)];
  giveUp[0]();
  giveUp[0]();
  assertEquals(closed, [7]);
  held.end();
  held.end();
  for (const each of giveUp) each();
  assertEquals(closed, [7, 8, 9]);
  assertEquals([held.locate("/a/b"), held.locate("/b/b")], [undefined, undefined]);
});
