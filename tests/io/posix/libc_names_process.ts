/**
 * Locks a directory, tries everything in it that is not granted, and prints what each came to.
 *
 * Arguments: the engine, and the directory. In it `granted`, `unreadable` and `unwritable` hold a `file` each, and
 * reading or writing under the last two is not granted.
 */

import { chooseEngine, type EngineChoice } from "../../../src/io/choose_engine.ts";

const [name, directory] = Deno.args;
const { engine } = await chooseEngine(name as EngineChoice, true);
const lock = await engine.lock(directory);
const [granted, unreadable, unwritable] = ["granted", "unreadable", "unwritable"].map((each) => ({
  path: `${directory}/${each}`,
  file: `${directory}/${each}/file`,
  made: `${directory}/${each}/made`,
}));
const tries: Record<string, () => Promise<unknown>> = {
  "open what is unreadable": () => engine.open(unreadable.file, { access: "read", direct: false }),
  "open what is unwritable": () => engine.open(unwritable.file, { access: "write", direct: false }),
  create: () => engine.open(unwritable.made, { access: "write", direct: false, create: true }),
  "rename what is unreadable": () => engine.rename(unreadable.file, granted.made),
  "rename what is unwritable": () => engine.rename(unwritable.file, granted.made),
  "rename to what is unwritable": () => engine.rename(granted.file, unwritable.made),
  remove: () => engine.remove(unwritable.file),
  "make a directory": () => engine.makeDirectory(unwritable.made),
  "make a directory that is there": () => engine.makeDirectory(unreadable.path),
  list: () => engine.list(unreadable.path),
  "sync a directory": () => engine.syncDirectory(unreadable.path),
};
const outcomes: Record<string, string> = {};
for (const [what, attempt] of Object.entries(tries)) {
  outcomes[what] = await attempt().then(() => "done", (error: Error) => error.name);
}
await lock.release();
await engine.shutdown();
await new Blob([JSON.stringify(outcomes)]).stream().pipeTo(Deno.stdout.writable);
