/** What an append waits for, and when it is refused. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Health,
  IoError,
  LimitError,
  PoisonedError,
  systemClock,
  systemTimers,
} from "../../../src/base/mod.ts";
import { type BackPressure, type HeldLayers, Room } from "../../../src/timeline/write/room.ts";
import { batchOf, hold, isSettled, quiet, test } from "./held.ts";
import { valueOf } from "./writer_fixture.ts";

const KiB = 1024;

/** What an append may have to wait for. */
interface Held {
  buffersFull: boolean;
  frozenCount: number;
  waitingBytes: number;
  frozenIndexBytes: number;
  turnDue: boolean;
  pressure: number;
}

/** A room for 100 bytes, over layers that say what they are told to. */
class RoomFixture {
  readonly health: Health = new Health("it");
  readonly buffers: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly turn: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly held: Held & HeldLayers;
  readonly room: Room;

  constructor(held: Partial<Held> = {}) {
    this.held = {
      buffersFull: false,
      frozenCount: 0,
      waitingBytes: 0,
      frozenIndexBytes: 0,
      turnDue: false,
      pressure: 0,
      get buffersAreFull() {
        return this.buffersFull;
      },
      bufferRoom: () => this.held.buffersFull ? this.buffers.promise : undefined,
      ...held,
    };
    const turns = {
      due: () => this.held.turnDue,
      turn: () => this.turn.promise,
      awaiting: () => {},
      answered: () => {},
    };
    this.room = new Room({
      health: this.health,
      host: { turns, clock: systemClock, timers: systemTimers },
      layers: this.held,
      waitingBytes: 100,
      pressure: () => this.held.pressure,
    });
  }
}

const plenty = 1 << 20;
const waits: readonly [
  words: string,
  held: Partial<Held>,
  appended: number,
  lack: "nothing" | "buffers" | "seal" | "turn",
][] = [
  ["nothing is held", {}, 0, "nothing"],
  ["the turn is due and little was appended", { turnDue: true }, 100, "nothing"],
  ["much was appended and the turn is not due", {}, plenty, "nothing"],
  ["much was appended and the turn is due", { turnDue: true }, plenty, "turn"],
  ["a batch of some KiB was appended and the turn is due", { turnDue: true }, 8192, "turn"],
  ["the buffers are full", { buffersFull: true }, 0, "buffers"],
  ["the buffers are full and three layers are frozen", { buffersFull: true, frozenCount: 3 }, 0, "buffers"],
  ["two layers are frozen", { frozenCount: 2 }, 0, "nothing"],
  ["three layers are frozen", { frozenCount: 3 }, 0, "seal"],
  ["a frozen layer holds as much as may wait", { frozenCount: 1, frozenIndexBytes: 100 }, 0, "nothing"],
  ["a frozen layer holds more than may wait", { frozenCount: 1, frozenIndexBytes: 101 }, 0, "seal"],
  ["a frozen layer and buffers do", { frozenCount: 1, frozenIndexBytes: 60, waitingBytes: 41 }, 0, "seal"],
  ["more waits in buffers, and nothing is frozen", { waitingBytes: 200 }, 0, "nothing"],
  ["upkeep lags behind by half of what is too much", { pressure: 10.9 }, 0, "nothing"],
  ["upkeep lags too far behind", { pressure: 11 }, 0, "seal"],
  ["upkeep lags too far behind and the turn is due", { pressure: 11, turnDue: true }, plenty, "seal"],
  ["three layers are frozen and the turn is due", { frozenCount: 3, turnDue: true }, plenty, "seal"],
];

for (const [words, held, appended, lack] of waits) {
  Deno.test(`Room.make() waits for ${lack} when ${words}`, async () => {
    const t = new RoomFixture(held);
    t.room.took(appended);
    const made = t.room.make();
    assertEquals(made === undefined, lack === "nothing");
    if (made === undefined) return;
    // Another event does not end it, nor does the one that it waits for while the lack is still there.
    if (lack !== "buffers") t.buffers.resolve();
    if (lack !== "turn") t.turn.resolve();
    t.room.wake();
    assertEquals(await isSettled(made), false);
    Object.assign(t.held, { buffersFull: false, frozenCount: 0, turnDue: false, pressure: 0 });
    t.buffers.resolve();
    t.turn.resolve();
    t.room.wake();
    await made;
    assertEquals(t.room.make(), undefined);
  });
}

const reasons: readonly [reason: BackPressure, held: Partial<Held>][] = [
  ["none", {}],
  ["none", { frozenCount: 2, pressure: 4.9, turnDue: true }],
  ["buffers", { buffersFull: true, frozenCount: 3, pressure: 20 }],
  ["seal", { frozenCount: 3, pressure: 20 }],
  ["seal", { frozenCount: 1, frozenIndexBytes: 60, waitingBytes: 41 }],
  ["held", { frozenCount: 1, pressure: 11 }],
  ["slowed", { pressure: 5 }],
  ["slowed", { pressure: 10.9 }],
];

Deno.test("Room.backPressure says what an append would wait for first", () => {
  for (const [reason, held] of reasons) {
    assertEquals(new RoomFixture(held).room.backPressure, reason, Deno.inspect(held));
  }
});

Deno.test("Room.make() waits for one thing after another", async () => {
  const t = new RoomFixture({ buffersFull: true, frozenCount: 3, turnDue: true });
  t.room.took(plenty);
  const made = t.room.make() as Promise<void>;
  for (
    const end of [
      () => t.held.buffersFull = false,
      () => t.buffers.resolve(),
      () => t.held.frozenCount = 2,
      () => t.room.wake(),
    ]
  ) {
    assertEquals(await isSettled(made), false);
    end();
  }
  assertEquals(await isSettled(made), false);
  t.turn.resolve();
  await made;
});

Deno.test("Room.make() rejects when the disk is full, and when writing has failed", async () => {
  for (const [code, kind] of [["ENOSPC", IoError], ["EIO", PoisonedError]] as const) {
    const t = new RoomFixture({ frozenCount: 3 });
    const made = t.room.make() as Promise<void>;
    t.health.fail(new IoError({ code, operation: "write", path: "/a" }));
    await assertRejects(() => made, kind, code);
    await assertRejects(() => t.room.make() as Promise<void>, kind, code);
  }
});

Deno.test("Room.check() refuses when more is held than may be, or writing does not go on", () => {
  new RoomFixture({ waitingBytes: 50, frozenIndexBytes: 50 }).room.check();
  const over = new RoomFixture({ waitingBytes: 50, frozenIndexBytes: 51 });
  assertThrows(() => over.room.check(), LimitError, "101 bytes wait in memory");
  const t = new RoomFixture();
  t.health.fail(new IoError({ code: "ENOSPC", operation: "write", path: "/a" }));
  assertThrows(() => t.room.check(), IoError, "ENOSPC");
  // Who was refused has asked to try again.
  t.room.check();
  t.health.fail(new IoError({ code: "EIO", operation: "write", path: "/a" }));
  for (let i = 0; i < 2; i++) assertThrows(() => t.room.check(), PoisonedError, "EIO");
  const closed = new RoomFixture();
  closed.health.close();
  assertThrows(() => closed.room.check(), Deno.errors.BadResource);
});

Deno.test("Room.hold() counts a batch that waits as what waits, until it is given back", async () => {
  const t = new RoomFixture({ waitingBytes: 40 });
  const first = t.room.hold(60);
  t.room.check();
  assertEquals(t.room.make(), undefined);
  const second = t.room.hold(1);
  assertThrows(() => t.room.check(), LimitError, "101 bytes wait in memory");
  assertThrows(() => t.room.hold(1), LimitError);
  // There was memory for it, so that it is not refused for want of that.
  t.room.checkHealth();
  const made = t.room.make() as Promise<void>;
  assertEquals([t.room.backPressure, await isSettled(made)], ["seal", false]);
  second[Symbol.dispose]();
  await made;
  first[Symbol.dispose]();
  assertEquals([t.room.backPressure, t.room.make()], ["none", undefined]);
});

test(
  "TimelineWriter.append() refuses who lets too much wait",
  async (t, engine) => {
    const gate = hold(engine);
    const value = valueOf(3);
    let refused: unknown;
    for (let i = 0; refused === undefined && i < 1000; i++) {
      const { lastLsn } = t.writer;
      try {
        t.append({ key: "k", value });
      } catch (error) {
        refused = error;
        assertEquals(t.writer.lastLsn, lastLsn);
      }
    }
    assert(refused instanceof LimitError, `${refused}`);
    assert(t.writer.layers.waitingBytes < 512 * KiB, `${t.writer.layers.waitingBytes} bytes wait`);
    const room = t.writer.makeRoom();
    assert(room !== undefined && !await isSettled(room));
    const { lastLsn } = t.writer;
    gate.open();
    await room;
    assertEquals(t.append({ key: "k", value: "" }), lastLsn + 1);
    assertEquals(await t.timeline.get("k", { lsn: lastLsn }), value);
  },
  { settings: { waitingBytes: 256 * KiB } },
);

test("TimelineWriter.append() never refuses who waits for room, and bounds what waits", async (t, engine) => {
  engine.hook = (operation) => operation === "write" || operation === "sync" ? quiet() : undefined;
  let waiting = 0, frozen = 0, index = 0;
  for (let i = 0; i < 200; i++) {
    t.append({ key: `k${i}`, value: valueOf(3) });
    await t.writer.makeRoom();
    waiting = Math.max(waiting, t.writer.layers.waitingBytes);
    frozen = Math.max(frozen, t.writer.layers.frozenCount);
    index = Math.max(index, t.writer.layers.openIndexBytes + t.writer.layers.frozenIndexBytes);
  }
  assert(frozen <= 3, `${frozen} frozen layers`);
  assert(waiting <= 512 * KiB, `${waiting} bytes waited`);
  assert(index <= 512 * KiB, `${index} bytes of indexes`);
}, { settings: { waitingBytes: 512 * KiB, indexBytes: 32 * KiB } });

test("TimelineWriter.makeRoom() waits for sealing, however fast syncs are", async (t, engine) => {
  const gate = hold(engine, "sync");
  for (let i = 0; i < 4; i++) {
    t.append(...batchOf(30 * KiB));
    await t.writer.sync();
    if (i < 3) await t.writer.makeRoom();
  }
  const room = t.writer.makeRoom();
  assert(room !== undefined && !await isSettled(room));
  assertEquals([t.writer.durableLsn, t.writer.layers.frozenCount], [4, 3]);
  gate.open();
  await room;
  assert(t.writer.layers.frozenCount < 3);
});
