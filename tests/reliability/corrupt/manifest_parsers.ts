/** The parsers of manifests: whole files, their frames around other bodies, states and edits. */

import { equals } from "@std/bytes";
import { CorruptionError, VarveError } from "../../../src/base/mod.ts";
import { codeEdit, codeState } from "../../../src/manifest/codec.ts";
import { Coder, encode } from "../../../src/manifest/coder.ts";
import {
  type FileIdentity,
  firstPlace,
  frameBytes,
  type FrameKind,
  putFrame,
  putHeader,
  readFrame,
  readHeader,
} from "../../../src/manifest/frame.ts";
import { readManifest } from "../../../src/manifest/read_manifest.ts";
import type { Random } from "../../random.ts";
import { noTurns } from "../../manifest/memory_root.ts";
import { type Disk, type Golden, isManifestPath } from "./golden.ts";
import { type Bytes, type Parser, promise } from "./parser.ts";

const path = "/fuzz/manifest";
const ownIdentity: FileIdentity = { storeId: "00112233445566778899aabbccddeeff", version: 1 };
const kinds: readonly FrameKind[] = ["snapshot", "edits", "closed", "superseded"];

/** All parsers of manifests, fed with those of a store. */
export async function manifestParsers({ disk }: Golden): Promise<Parser[]> {
  const files = disk.paths().filter(isManifestPath).map((name) => disk.contents(name));
  const snapshots: Bytes[] = [], edits: Bytes[] = [];
  for (const [i, bytes] of files.entries()) {
    for (const { kind, body } of framesOf(bytes, i + 1)) (kind === "snapshot" ? snapshots : edits).push(body);
  }
  return [
    fileParser(files),
    bodiesParser([...snapshots, ...edits], snapshots[0]),
    await stateParser(snapshots),
    editParser(edits.filter(({ length }) => length > 0)),
  ];
}

/** The frames of a manifest that checks. */
export function framesOf(bytes: Bytes, version: number): { kind: FrameKind; body: Bytes }[] {
  const file = readHeader(path, bytes, version), frames: { kind: FrameKind; body: Bytes }[] = [];
  for (let frame = readFrame(file, firstPlace); frame !== undefined; frame = readFrame(file, frame.next)) {
    frames.push({ kind: frame.kind, body: frame.body.bytes(frame.body.left).slice() as Bytes });
  }
  return frames;
}

/**
 * The newest manifest on a disk, with another body.
 *
 * @param subject Of what it is the manifest.
 * @param disk Where it lies.
 * @param read Reads all with other bytes in the place of a file; returns whether nothing is damaged.
 */
export function lyingManifest(
  subject: string,
  disk: Disk,
  read: (path: string, bytes: Bytes) => Promise<boolean>,
): Parser {
  const newest = disk.paths().filter(isManifestPath).at(-1)!, file = disk.contents(newest);
  const version = Number(newest.slice(-12)), storeId = file.subarray(16, 32).toHex();
  const bodies = framesOf(file, version).map(({ body }) => body).filter(({ length }) => length > 0);
  return {
    name: `${subject} with a manifest that lies`,
    corpus: bodies,
    refusals: [VarveError],
    parse: async (bytes, random) => {
      const lying = bodies.toSpliced(random.below(bodies.length), 1, bytes);
      return await read(newest, framed(lying, undefined, { storeId, version }));
    },
  };
}

/** A file with its checksums as they are: hardly anything but what stands behind its end may change. */
function fileParser(corpus: Uint8Array[]): Parser {
  return {
    name: "manifest",
    corpus,
    refusals: [VarveError],
    parse: async (bytes, random) => {
      const { end } = await readManifest(path, bytes, random.from(1, 2), noTurns);
      promise(end.offset <= bytes.length, "an end in the file");
      return true;
    },
  };
}

/** A file of frames whose checksums are right, with any body and claims. */
function bodiesParser(corpus: Uint8Array[], snapshot: Bytes): Parser {
  return {
    name: "frames of a manifest",
    corpus,
    refusals: [CorruptionError],
    parse: async (bytes, random) => {
      const bodies = random.once(2) ? [bytes] : [snapshot, bytes], file = framed(bodies, random);
      const { state, end } = await readManifest(path, file, ownIdentity.version, noTurns);
      promise(end.offset <= file.length, "an end in the file");
      const writer = Coder.writer();
      await codeState(writer, noTurns, state);
      const again = framed([writer.written]);
      const { state: same } = await readManifest(path, again, ownIdentity.version, noTurns);
      promise(Deno.inspect(same, whole) === Deno.inspect(state, whole), "a state is written and read alike");
      return true;
    },
  };
}

const whole: Deno.InspectOptions = { depth: Infinity, iterableLimit: Infinity, strAbbreviateSize: Infinity };

/** Puts bodies into a file, the first as its snapshot; with chance, some frames say otherwise. */
export function framed(
  bodies: readonly Uint8Array[],
  random?: Random,
  identity: FileIdentity = ownIdentity,
): Bytes {
  const length = bodies.reduce((sum, body) => sum + frameBytes(body.length), firstPlace.offset) + 2 * 4096;
  const bytes = new Uint8Array(length), isOdd = random?.once(8) ?? false;
  putHeader(bytes, identity);
  let place = firstPlace;
  bodies.forEach((body, i) => {
    const frame = bytes.subarray(place.offset, place.offset + frameBytes(body.length));
    const kind = isOdd ? random!.pick(kinds) : i === 0 ? "snapshot" : "edits";
    const room = isOdd ? random!.pick([0, length - 1, length, length + 1, 2 ** 53 - 1]) : length;
    place = putFrame(frame, identity, place, { kind, body, room });
  });
  return bytes;
}

function isExact(values: unknown): boolean {
  if (typeof values === "number") return Number.isSafeInteger(values);
  if (typeof values !== "object" || values === null || values instanceof Uint8Array) return true;
  return Object.values(values).every(isExact);
}

async function stateParser(corpus: Uint8Array[]): Promise<Parser> {
  for (const bytes of corpus) promise(await readState(bytes as Bytes), "the corpus is taken");
  return { name: "snapshot", corpus, refusals: [CorruptionError], parse: readState };
}

async function readState(bytes: Bytes): Promise<boolean> {
  const reader = Coder.reader(path, bytes, 0, bytes.length), read = await codeState(reader, noTurns);
  if (!isExact(read)) return false;
  const writer = Coder.writer();
  await codeState(writer, noTurns, { ...ownIdentity, ...read });
  promise(equals(writer.written, bytes.subarray(0, reader.position)), "a state is written as it was read");
  return true;
}

function editParser(corpus: Uint8Array[]): Parser {
  return {
    name: "edits",
    corpus,
    refusals: [CorruptionError],
    parse: (bytes) => {
      const reader = Coder.reader(path, bytes, 0, bytes.length);
      while (reader.left > 0) {
        const from = reader.position, edit = codeEdit(reader);
        if (!isExact(edit)) return false;
        const again = encode(codeEdit, edit);
        promise(equals(again, bytes.subarray(from, reader.position)), "an edit is written as it was read");
      }
      return true;
    },
  };
}
