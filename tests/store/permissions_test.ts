/** What a store needs from the runtime and from the system, and what is said when it is not granted. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Libc, openLibc } from "../../src/io/posix/libc.ts";
import { inProcess } from "./in_process.ts";
import { Place, subjects, test } from "./matrix.ts";

const library = openLibc();
const libcPath = library instanceof Libc ? library.path : undefined;
if (library instanceof Libc) library[Symbol.dispose]();
// The runtime opens nothing under /dev, tmpfs included, without --allow-all.
const noScopedGrants = (Deno.env.get("TMPDIR") ?? "").startsWith("/dev/");

function scoped(place: Place): string[] {
  return [`--allow-read=${place.path}`, `--allow-write=${place.path}`];
}

/** Whether a command can be run in a namespace of its own, as somebody who may mount there. */
async function mayMount(): Promise<boolean> {
  try {
    const args = ["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    return (await new Deno.Command("unshare", { args, stdout: "null", stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const canMount = Deno.build.os === "linux" && await mayMount();

for (const { ioEngine, ioMode, name, skip } of subjects) {
  Deno.test({
    name: `Store lives under scoped grants (${name})${skip === undefined ? "" : ` — absent: ${skip}`}`,
    ignore: noScopedGrants || skip !== undefined,
    fn: async () => {
      await using place = await Place.make();
      const grants = ioEngine === "node" ? scoped(place) : [...scoped(place), `--allow-ffi=${libcPath}`];
      const options = JSON.stringify({ ioEngine, ioMode, strict: true });
      assertEquals(await inProcess(grants, ["life", place.path, options]), `${ioEngine}, ${ioMode}, 63`);
    },
  });
}

if (!noScopedGrants) {
  test("Store lives without FFI on the engine node when no engine was named", async (place) => {
    assertEquals(await inProcess(scoped(place), ["life", place.path]), "node, direct-rw, 63");
  });

  test("Store.open() names the path when a permission is missing", async (place) => {
    const [read, write] = scoped(place);
    const none = await inProcess([], ["append", place.path]);
    assertMatch(none, /^NotCapable: /);
    assertStringIncludes(none, place.path);
    for (const grants of [[read], [write]]) {
      const told = await inProcess(grants, ["append", place.path, '{"ioEngine":"node"}']);
      assertMatch(told, /^NotCapable: /);
      assertStringIncludes(told, place.path);
    }
    assertEquals(place.files(/manifest|seg/), []);
  });
}

Deno.test({
  name: `Store.open() names the path when the folder cannot be written${
    canMount ? "" : " — absent: unshare"
  }`,
  ignore: !canMount,
  fn: async () => {
    await using place = await Place.make();
    const remount =
      `mount --bind ${place.path} ${place.path} && mount -o remount,ro,bind ${place.path} && exec "$@"`;
    const wrapper = ["unshare", "-Urm", "sh", "-c", remount, "sh"];
    const told = await inProcess(["-A"], ["append", place.path], wrapper);
    assertStringIncludes(told, place.path);
    assertMatch(told, /Read-only|EROFS/);
    await place.close(await place.open());
    assertStringIncludes(await inProcess(["-A"], ["append", place.path], wrapper), place.path);
    assertEquals(await inProcess(["-A"], ["read", place.path, '{"readOnly":true}'], wrapper), "");
  },
});

for (const { ioEngine, ioMode, name, skip } of subjects) {
  const absent = skip ?? (canMount ? undefined : "unshare");
  Deno.test({
    name: `Timeline goes on when a full disk has room again (${name})${
      absent === undefined ? "" : ` — absent: ${absent}`
    }`,
    ignore: absent !== undefined,
    fn: async () => {
      await using place = await Place.make();
      const mount = `mount -t tmpfs -o size=6m tmpfs ${place.path} && exec "$@"`;
      const wrapper = ["unshare", "-Urm", "sh", "-c", mount, "sh"];
      const options = JSON.stringify({ ioEngine, ioMode });
      const told = await inProcess(["-A"], ["fill", `${place.path}/store`, options], wrapper);
      assertEquals(told, "full, freed, went on");
    },
  });
}
