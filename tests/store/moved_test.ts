/**
 * A store that is moved away, and replaced by a copy of itself, in the moment between the check of where its path leads
 * and what makes, renames, removes or reads a name, at every such moment in turn.
 */

import { assertEquals } from "@std/assert";
import { Store } from "../../mod.ts";
import { chooseEngine } from "../../src/io/choose_engine.ts";
import type { IoEngine } from "../../src/io/engine.ts";
import { HookedEngine, type Operation } from "./hooked_engine.ts";
import { copyDirectory } from "./matrix.ts";

/** What is done with names. */
const naming: readonly Operation[] = ["list", "makeDirectory", "open", "remove", "rename", "syncDirectory"];

for (const name of ["uring", "threads"] as const) {
  const reason = await chooseEngine(name, true).then(({ engine }) => engine.shutdown(), String);
  Deno.test({
    name: `Store touches no copy that takes its place before a name is made or removed (${name})`,
    ignore: reason !== undefined,
    fn: async () => {
      const { engine } = await chooseEngine(name, true);
      try {
        const seen = new Set<Operation>();
        for (const isNew of [true, false]) {
          let moved: Operation | undefined;
          for (let nth = 0; nth === 0 || moved !== undefined; nth++) {
            moved = await moveBefore(engine, isNew, nth);
            if (moved !== undefined) seen.add(moved);
          }
        }
        assertEquals([...seen].sort(), naming);
      } finally {
        await engine.shutdown();
      }
    },
  });

  Deno.test({
    name: `Timeline reads its layers wherever the directory that is locked is by now (${name})`,
    ignore: reason !== undefined,
    fn: async () => {
      const parent = Deno.makeTempDirSync({ prefix: "varve_test_" });
      try {
        await using store = await Store.open(`${parent}/store`, { ioEngine: name });
        await store.timeline().append([{ key: "a", value: "1" }]);
        await store.timeline().freeze();
        Deno.renameSync(`${parent}/store`, `${parent}/away`);
        Deno.mkdirSync(`${parent}/store`);
        assertEquals(await store.timeline().get("a"), new Uint8Array([0x31]));
        Deno.removeSync(`${parent}/store`);
        Deno.renameSync(`${parent}/away`, `${parent}/store`);
      } finally {
        Deno.removeSync(parent, { recursive: true });
      }
    },
  });
}

/** Works with a store that is moved before its nth operation on a name; returns which that was, if there are so many. */
async function moveBefore(engine: IoEngine, isNew: boolean, nth: number): Promise<Operation | undefined> {
  const parent = Deno.makeTempDirSync({ prefix: "varve_test_" });
  const path = `${parent}/store`, away = `${parent}/away`;
  try {
    if (isNew) Deno.mkdirSync(path);
    else await makeStore(engine, path);
    const hooked = new HookedEngine(engine);
    let isLocked = false, left = nth, moved: Operation | undefined, copied: Map<string, string> | undefined;
    hooked.hook = (operation) => {
      if (isLocked && moved === undefined && naming.includes(operation) && left-- === 0) {
        Deno.renameSync(path, away);
        copyDirectory(away, path);
        [moved, copied] = [operation, contentsOf(path)];
      }
      isLocked ||= operation === "lock";
    };
    const failed = await work(hooked, path).then(() => undefined, (error) => error);
    if (moved === undefined) {
      if (failed !== undefined) throw failed;
      return undefined;
    }
    assertEquals(contentsOf(path), copied, `the copy that came before operation ${nth}, "${moved}"`);
    await using store = await Store.open(away, { ioEngine: engine });
    if (!isNew) assertEquals(await store.timeline().get("first"), new Uint8Array([0x31]));
    return moved;
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

/** A store in which every file is found that a killed writer leaves. */
async function makeStore(engine: IoEngine, path: string): Promise<void> {
  const store = await Store.open(path, { ioEngine: engine });
  await store.timeline().append([{ key: "first", value: "1" }], { sync: true });
  await store.close();
  Deno.writeTextFileSync(`${path}/pending`, "half");
}

/** Opens the store, makes every kind of file, and closes it, whatever fails. */
async function work(engine: IoEngine, path: string): Promise<void> {
  await using store = await Store.open(path, { ioEngine: engine });
  await store.timeline().append([{ key: "second", value: "2" }], { sync: true });
  await store.timeline().freeze();
  const side = await store.createTimeline("side");
  await side.append([{ key: "third", value: "3" }], { sync: true });
  assertEquals(await store.timeline().get("second"), new Uint8Array([0x32]));
}

/** Every file under a directory, by its path, with its bytes as text. */
function contentsOf(directory: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (at: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(at)) {
      files.set(`${at}/${name}`, isDirectory ? "a directory" : Deno.readFileSync(`${at}/${name}`).toHex());
      if (isDirectory) visit(`${at}/${name}`);
    }
  };
  visit(directory);
  return files;
}
