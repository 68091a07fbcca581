/** What `openIo` obtains, and that it says so when that is not what was asked for. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { DirectIoError, IoError } from "../../src/base/mod.ts";
import { proveDirect } from "../../src/io/direct_support.ts";
import type { IoEngine, OpenOptions, Transfer } from "../../src/io/engine.ts";
import { Libc, openLibc } from "../../src/io/posix/libc.ts";
import { nodeEngine } from "../../src/io/node/node_engine.ts";
import {
  type Io,
  type IoMode,
  type IoOptions,
  type IoReport,
  openEngine,
  openIo,
} from "../../src/io/open_io.ts";

const modes: readonly IoMode[] = ["buffered", "direct", "direct-rw"];
const library = openLibc();
const libcPath = library instanceof Libc ? library.path : undefined;
if (library instanceof Libc) library[Symbol.dispose]();
const linux = Deno.build.os === "linux";
// The runtime opens nothing under /dev, tmpfs included, without --allow-all.
const noScopedGrants = !linux || (Deno.env.get("TMPDIR") ?? "").startsWith("/dev/");

function test(name: string, ignore: boolean, body: (directory: string) => Promise<void>): void {
  Deno.test({ name, ignore, sanitizeOps: true, sanitizeResources: true, fn: () => inDirectory(body) });
}

async function inDirectory(body: (directory: string) => Promise<void>, dir?: string): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "varve_test_", ...(dir === undefined ? {} : { dir }) });
  try {
    await body(directory);
    assertEquals([...Deno.readDirSync(directory)].filter(({ name }) => name.startsWith("probe")), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Opens IO, and shuts its engine down at once: what is left is the report. */
async function opened(directory: string, options: IoOptions): Promise<Io> {
  const io = await openIo(directory, options);
  await io.engine.shutdown();
  return io;
}

const refusesDirect = (options: OpenOptions) => options.direct ? "EINVAL" : undefined;
const refusesDirectWrites = (o: OpenOptions) => o.direct && o.access === "write" ? "EINVAL" : undefined;
const refusesToCreate = (options: OpenOptions) => options.create ? "ENOSPC" : undefined;

/** The engine `node`, whose `open` fails with the code that `code` gives, and whose transfers `change` may touch. */
function strangeEngine(
  code: (options: OpenOptions) => string | undefined,
  change?: (transfer: Transfer) => void,
): IoEngine {
  const real: IoEngine = nodeEngine();
  const strange: Partial<IoEngine> = {
    support: (directory, request) => proveDirect(proxy, directory, request, () => undefined),
    open: async (path, options) => {
      const found = code(options);
      // A real system, too, has made the file by the time it refuses the flag.
      if (found === "EINVAL" && options.create) await Deno.writeFile(path, new Uint8Array());
      if (found !== undefined) throw new IoError({ code: found, operation: "open", path });
      return await real.open(path, options);
    },
    read: async (batch) => {
      await real.read(batch);
      if (change !== undefined) batch.forEach(change);
    },
  };
  const proxy = new Proxy<IoEngine>(real, {
    get: (_, name: keyof IoEngine) => {
      const member = strange[name] ?? real[name];
      return typeof member === "function" && !(name in strange) ? member.bind(real) : member;
    },
  });
  return proxy;
}

for (const ioEngine of ["uring", "threads", "node"] as const) {
  for (const ioMode of modes) {
    const name = `openIo() obtains "${ioMode}" from "${ioEngine}" when the machine has it`;
    test(name, !linux || (ioEngine !== "node" && libcPath === undefined), async (directory) => {
      const { report, readDirect, writeDirect, ownsEngine } = await opened(directory, { ioEngine, ioMode });
      assertEquals([report.requestedEngine, report.requestedMode], [ioEngine, ioMode]);
      assertEquals([report.mode, ownsEngine], [ioMode, true]);
      assertEquals([readDirect, writeDirect], [ioMode !== "buffered", ioMode === "direct-rw"]);
      if (report.engine !== ioEngine) {
        assertMatch(
          report.notes.join("\n"),
          /^Cannot use IO engine "uring": .*\n.*: choose ioEngine "threads"$/,
        );
      } else assertEquals(report.notes, []);
      const alignments = ioMode === "buffered" ? [1] : [512, 4096];
      assert(alignments.includes(report.memoryAlignment) || report.memoryAlignment < 512);
      assert(alignments.includes(report.offsetAlignment));
    });
  }
}

test("openIo() takes the default mode and engine when nothing is asked for", false, async (directory) => {
  const { report } = await opened(directory, {});
  assertEquals([report.requestedMode, report.requestedEngine], ["direct-rw", "auto"]);
});

test("openIo() uses an engine that is passed in, and leaves it running", !linux, async (directory) => {
  const engine = nodeEngine();
  const io = await openIo(directory, { ioEngine: engine });
  assertEquals([io.engine === engine, io.ownsEngine, io.report.requestedEngine], [true, false, "node"]);
  await assertRejects(() => openIo(`${directory}/absent`, { ioEngine: engine }), IoError);
  assertEquals(await engine.list(directory), []);
  await engine.shutdown();
});

test(
  "openEngine() checks every option and touches no directory, and openIo() goes on with it",
  false,
  async (directory) => {
    const options: IoOptions = { ioEngine: "node", ioMode: "direct", strict: true };
    await assertRejects(() => openEngine({ ...options, ioMode: "fast" as IoMode }), RangeError);
    const opened = await openEngine(options);
    assertEquals([opened.engine.name, opened.ownsEngine, opened.notes], ["node", true, []]);
    await assertRejects(() => openIo(`${directory}/absent`, options, opened), IoError, "ENOENT");
    const io = await openIo(directory, options, opened);
    assertEquals([io.engine === opened.engine, io.ownsEngine, io.report.mode], [true, true, "direct"]);
    await io.engine.shutdown();
  },
);

test("openEngine() takes the next engine when one is not to be had, and says why", !linux, async () => {
  const { engine, notes } = await openEngine();
  assert(["uring", "threads", "node"].includes(engine.name));
  assertEquals(notes.length, ["uring", "threads", "node"].indexOf(engine.name));
  await engine.shutdown();
  const own = nodeEngine();
  assertEquals(await openEngine({ ioEngine: own }), { engine: own, notes: [], ownsEngine: false });
  await own.shutdown();
});

test("openIo() goes down to buffered, and says why, when direct IO is refused", !linux, async (directory) => {
  const { report, readDirect, writeDirect } = await opened(directory, {
    ioEngine: strangeEngine(refusesDirect),
  });
  assertEquals([report.mode, readDirect, writeDirect], ["buffered", false, false]);
  assertEquals([report.memoryAlignment, report.offsetAlignment], [1, 1]);
  assertMatch(
    report.notes.join("\n"),
    /^Direct writes are refused: .*EINVAL\nDirect reads are refused: .*EINVAL\n.*: choose ioMode "buffered"$/,
  );
});

test("openIo() goes down to direct reads when direct writes are refused", !linux, async (directory) => {
  const { report, readDirect, writeDirect } = await opened(directory, {
    ioEngine: strangeEngine(refusesDirectWrites),
  });
  assertEquals([report.mode, readDirect, writeDirect], ["direct", true, false]);
  assertEquals(report.notes.length, 2);
  assertMatch(report.notes[1], /^Not "direct-rw" but "direct" .*: choose ioMode "direct"$/);
});

test(
  "openIo() goes down to buffered when a direct read is refused at transfer",
  !linux,
  async (directory) => {
    const refuse = (transfer: Transfer) => {
      transfer.error = new IoError({
        code: "EINVAL",
        operation: "read",
        path: transfer.file.path,
        offset: 0,
      });
    };
    const { report } = await opened(directory, { ioEngine: strangeEngine(() => undefined, refuse) });
    assertEquals([report.mode, report.notes.length], ["buffered", 3]);
  },
);

test("openIo() rejects when a direct read returns other bytes", !linux, async (directory) => {
  const engine = strangeEngine(() => undefined, (transfer) => transfer.bytes[4095] ^= 1);
  await assertRejects(
    () => openIo(directory, { ioEngine: engine }),
    Error,
    "expected the bytes just written",
  );
  await engine.shutdown();
});

test("openIo() rejects when it is strict and the mode cannot be had", !linux, async (directory) => {
  const engine = strangeEngine(refusesDirectWrites);
  const error = await assertRejects(
    () => openIo(directory, { ioEngine: engine, strict: true }),
    DirectIoError,
  );
  assertStringIncludes(
    error.message,
    `Cannot use IO mode "direct-rw" in "${directory}": Direct writes are refused`,
  );
  assertMatch(error.message, /; Not "direct-rw" but "direct" .*: choose ioMode "direct"$/);
  assertEquals(
    (await openIo(directory, { ioEngine: engine, strict: true, ioMode: "direct" })).report.notes,
    [],
  );
  await engine.shutdown();
});

test("openIo() proves by a file that is there when the disk is full", !linux, async (directory) => {
  await Deno.mkdir(`${directory}/timeline`);
  await Deno.writeFile(`${directory}/timeline/layer`, new Uint8Array(5000));
  const { report } = await opened(directory, { ioEngine: strangeEngine(refusesToCreate) });
  assertEquals([report.mode, report.notes], [
    "direct-rw",
    ["Direct writes are not proven: the disk is full"],
  ]);
});

test("openIo() writes nothing when it is read only", !linux, async (directory) => {
  const engine = strangeEngine((options) => options.access === "write" ? "EROFS" : undefined);
  const empty = await openIo(directory, { ioEngine: engine, readOnly: true });
  assertEquals(empty.report.notes, [`Direct IO is not proven: "${directory}" holds no file`]);
  await Deno.writeFile(`${directory}/layer`, new Uint8Array(5000));
  const { report } = await openIo(directory, { ioEngine: engine, readOnly: true });
  assertEquals([report.mode, report.notes], ["direct-rw", []]);
  await engine.shutdown();
});

test("openIo() proves by the next file when one is gone", !linux, async (directory) => {
  for (const name of ["a", "b"]) await Deno.writeFile(`${directory}/${name}`, new Uint8Array(5000));
  let opens = 0;
  const ioEngine = strangeEngine(() => opens++ === 0 ? "ENOENT" : undefined);
  const { report } = await opened(directory, { ioEngine, readOnly: true });
  assertEquals([report.mode, report.notes, opens], ["direct-rw", [], 2]);
});

test(
  "openIo() finds direct IO refused when it is read only and a file is there",
  !linux,
  async (directory) => {
    await Deno.writeFile(`${directory}/layer`, new Uint8Array(5000));
    const { report } = await opened(directory, { ioEngine: strangeEngine(refusesDirect), readOnly: true });
    assertEquals([report.mode, report.notes.length], ["buffered", 2]);
    assertMatch(report.notes[1], /: choose ioMode "buffered"$/);
  },
);

test("openIo() rejects with the system's error when the probe cannot be made", !linux, async (directory) => {
  const engine = strangeEngine((options) => options.access === "write" ? "EROFS" : undefined);
  const error = await assertRejects(() => openIo(directory, { ioEngine: engine }), IoError);
  assertEquals(error.code, "EROFS");
  await engine.shutdown();
});

test("openIo() rejects with ENOENT and the path when there is no directory", false, async (directory) => {
  for (const ioMode of modes) {
    for (const ioEngine of ["auto", "threads", "node"] as const) {
      const error = await assertRejects(() => openIo(`${directory}/absent`, { ioEngine, ioMode }), IoError);
      assertEquals([error.code, error.path], ["ENOENT", `${directory}/absent`]);
    }
  }
});

test("openIo() rejects with ENOTDIR when the directory is a file", !linux, async (directory) => {
  await Deno.writeFile(`${directory}/file`, new Uint8Array());
  const error = await assertRejects(() => openIo(`${directory}/file`), IoError);
  assertEquals(error.code, "ENOTDIR");
});

test(
  "openIo() rejects with a RangeError or a TypeError when an option is wrong",
  false,
  async (directory) => {
    const open = (options: Record<string, unknown>) => () => openIo(directory, options as IoOptions);
    await assertRejects(
      open({ ioMode: "fast" }),
      RangeError,
      'expected one of buffered, direct, direct-rw, found "fast"',
    );
    await assertRejects(open({ ioEngine: "sim" }), RangeError, 'Cannot use option "ioEngine"');
    await assertRejects(open({ ioMode: 1 }), TypeError, "expected a string, found number");
    await assertRejects(open({ ioEngine: {} }), TypeError, "expected a string, found Object");
    await assertRejects(open({ ioEngine: null }), TypeError, "expected a string, found null");
    await assertRejects(open({ strict: "yes" }), TypeError, 'Cannot use option "strict": expected a boolean');
    await assertRejects(open({ readOnly: 0 }), TypeError, 'Cannot use option "readOnly": expected a boolean');
  },
);

test(
  "openIo() works on tmpfs, which says nothing of alignment",
  !existsShm(),
  () =>
    inDirectory(async (directory) => {
      for (const ioEngine of ["auto", "threads", "node"] as const) {
        const { report } = await opened(directory, { ioEngine, strict: ioEngine === "node" });
        assert(report.mode === "direct-rw" ? report.memoryAlignment === 4096 : report.notes.length > 0);
      }
    }, "/dev/shm"),
);

interface Outcome {
  report: IoReport;
  done: number;
  error: string;
  held: boolean;
  resolved: string;
  name: string;
  message: string;
}

/** Runs `open_io_process.ts` with read and write access to `directory` alone, and `grants` besides. */
async function outcomeOf(
  directory: string,
  options: IoOptions,
  grants: string[],
  more: string[] = [],
): Promise<Outcome> {
  const script = new URL("open_io_process.ts", import.meta.url).href;
  const access = [`--allow-read=${directory}`, `--allow-write=${directory}`, ...grants];
  const args = ["run", "--no-prompt", "--no-check", "--no-lock", ...access, script];
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args, directory, JSON.stringify(options), ...more],
  });
  const { stdout, stderr, success } = await command.output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

test("openIo() takes node, and says why, when FFI is not granted", noScopedGrants, async (directory) => {
  const { report, done, error, held, resolved } = await outcomeOf(directory, {}, []);
  assertEquals([report.engine, report.mode, done, error], ["node", "direct-rw", 8192, "undefined"]);
  assertEquals([held, resolved], [true, `${directory}/a`]);
  assertMatch(report.notes.join("\n"), /"uring": FFI is not granted.*\n.*"threads": FFI is not granted/);
});

test(
  "openIo() rejects when it is strict and the engine needs FFI that is not granted",
  noScopedGrants,
  async (directory) => {
    for (const ioEngine of ["threads", "uring"] as const) {
      const { name, message } = await outcomeOf(directory, { ioEngine, strict: true }, []);
      assertEquals(name, "DirectIoError");
      assertMatch(message, /Cannot use IO engine "\w+": FFI is not granted.*; choose ioEngine "node"$/);
      const { report } = await outcomeOf(directory, { ioEngine }, []);
      assertEquals(report.engine, "node");
      assertMatch(report.notes.at(-1) ?? "", /^Not "\w+" but "node" .*: choose ioEngine "node"$/);
    }
    assertEquals((await outcomeOf(directory, { strict: true }, [])).report.engine, "node");
  },
);

test(
  "openIo() works when FFI is granted for the C library alone",
  noScopedGrants || libcPath === undefined,
  async (directory) => {
    for (const ioEngine of ["auto", "threads"] as const) {
      const outcome = await outcomeOf(directory, { ioEngine }, [`--allow-ffi=${libcPath}`]);
      const { report, done, error, held, resolved } = outcome;
      assertEquals([report.mode, done, error], ["direct-rw", 8192, "undefined"]);
      assertEquals([held, resolved], [true, `${directory}/a`]);
      assert(report.engine !== "node");
    }
  },
);

test("openIo() opens no file that is not granted", noScopedGrants, async (directory) => {
  const outside = `${directory}-outside`;
  const grants = libcPath === undefined ? [] : [`--allow-ffi=${libcPath}`];
  for (const ioEngine of ["auto", "threads", "node"] as const) {
    const { name, message } = await outcomeOf(directory, { ioEngine }, grants, [outside]);
    assertEquals([name, message.includes(outside)], ["NotCapable", true]);
  }
});

function existsShm(): boolean {
  try {
    return Deno.statSync("/dev/shm").isDirectory;
  } catch {
    return false;
  }
}

test("openIo() keeps of what is noted later the last notes", false, async (directory) => {
  const { engine, report, note, ownsEngine } = await openIo(directory, { ioEngine: "node" });
  const first = [...report.notes];
  for (let i = 0; i < 1000; i++) note(`given up ${i}`);
  const last = Array.from({ length: 64 }, (_, i) => `given up ${936 + i}`);
  assertEquals(report.notes, [...first, ...last]);
  if (ownsEngine) await engine.shutdown();
});
