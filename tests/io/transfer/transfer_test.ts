import { assertEquals, assertThrows } from "@std/assert";
import { IoError } from "../../../src/base/mod.ts";
import type { Transfer } from "../../../src/io/engine.ts";
import { advance, checkOffset } from "../../../src/io/transfer/transfer.ts";

interface Case {
  name: string;
  operation: "read" | "write";
  direct: boolean;
  /** Of the transfer, which starts at offset 4096. */
  length: number;
  done?: number;
  /** Of the call. */
  start?: number;
  count: number;
  /** The length of the file; never asked for if it is missing. */
  size?: number;
  /** Where it goes on; `undefined` if it ends. */
  next: number | undefined;
  total: number;
}

const cases: Case[] = [
  {
    name: "a whole read",
    operation: "read",
    direct: true,
    length: 8192,
    count: 8192,
    next: undefined,
    total: 8192,
  },
  {
    name: "a whole write",
    operation: "write",
    direct: true,
    length: 8192,
    count: 8192,
    next: undefined,
    total: 8192,
  },
  {
    name: "a cut read within the file, direct",
    operation: "read",
    direct: true,
    length: 12288,
    count: 5000,
    size: 1 << 20,
    next: 4096,
    total: 5000,
  },
  {
    name: "a cut read within the file, buffered",
    operation: "read",
    direct: false,
    length: 12288,
    count: 5000,
    size: 1 << 20,
    next: 5000,
    total: 5000,
  },
  {
    name: "a read to the end of the file",
    operation: "read",
    direct: true,
    length: 12288,
    count: 5000,
    size: 9096,
    next: undefined,
    total: 5000,
  },
  {
    name: "a read behind the end of the file",
    operation: "read",
    direct: true,
    length: 4096,
    count: 0,
    next: undefined,
    total: 0,
  },
  {
    name: "a read of a file that has become shorter",
    operation: "read",
    direct: true,
    length: 12288,
    done: 6000,
    start: 4096,
    count: 904,
    size: 9096,
    next: undefined,
    total: 6000,
  },
  {
    name: "a cut write, direct",
    operation: "write",
    direct: true,
    length: 12288,
    count: 4097,
    next: 4096,
    total: 4097,
  },
  {
    name: "a cut write, buffered",
    operation: "write",
    direct: false,
    length: 100,
    count: 1,
    next: 1,
    total: 1,
  },
  {
    name: "the rest of a write",
    operation: "write",
    direct: true,
    length: 12288,
    done: 5000,
    start: 4096,
    count: 8192,
    next: undefined,
    total: 12288,
  },
];

function transferOf({ direct, length, done = 0 }: Pick<Case, "direct" | "length" | "done">): Transfer {
  const file = { path: "/a", direct };
  return { file, offset: 4096, bytes: new Uint8Array(length), done, error: undefined };
}

function filesOf(size: number | undefined): { size(): number } {
  return {
    size: () => {
      if (size === undefined) throw new Error("the length of the file is asked for");
      return size;
    },
  };
}

for (const one of cases) {
  Deno.test(`advance() goes on, or ends, after ${one.name}`, () => {
    const transfer = transferOf(one);
    const next = advance(transfer, one.operation, one.start ?? 0, one.count, filesOf(one.size));
    assertEquals([next, transfer.done], [one.next, one.total]);
  });
}

Deno.test("advance() throws when nothing was moved and no cause named", () => {
  const stuck = [
    { operation: "write", done: 0, start: 0, count: 0 },
    { operation: "write", done: 4100, start: 4096, count: 4 },
    { operation: "read", done: 4100, start: 4096, count: 4 },
  ];
  for (const { operation, done, start, count } of stuck) {
    const transfer = transferOf({ direct: true, length: 12288, done });
    const error = assertThrows(() => advance(transfer, operation, start, count, filesOf(1 << 20)), IoError);
    assertEquals([error.code, error.operation, error.offset], ["EUNKNOWN", operation, 4096]);
    assertEquals(transfer.done, done);
  }
});

Deno.test("checkOffset() takes safe integers from 0 on", () => {
  const file = { path: "/a", direct: true };
  for (const offset of [0, 1, Number.MAX_SAFE_INTEGER]) checkOffset(file, "read", offset);
  for (const offset of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertEquals(assertThrows(() => checkOffset(file, "read", offset), IoError).code, "EINVAL");
  }
});
