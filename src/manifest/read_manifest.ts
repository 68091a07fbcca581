/**
 * Reads the manifest that counts: the newest version, damaged or not (M4); its snapshot, then the edits behind it, up
 * to where the next frame goes.
 *
 * @module
 */

import { CorruptionError, maxManifestBytes, type Turns } from "../base/mod.ts";
import type { Host } from "../io/mod.ts";
import type { RootFiles } from "../objects/mod.ts";
import { apply } from "./apply.ts";
import { codeEdit, codeState } from "./codec.ts";
import { firstPlace, type FramePlace, readFrame, readHeader } from "./frame.ts";
import { manifestName, type ManifestStem, parseManifestName } from "./names.ts";
import type { Edit } from "./edit.ts";
import type { StoreState } from "./state.ts";

/** Where manifests are kept, and who gives them turns: any `Objects` will do. */
export interface ManifestHome {
  /** The store's directory, for messages. */
  readonly directory: string;
  /** Gives the event loop its turns. */
  readonly host: Pick<Host, "turns">;
  /** The files. */
  readonly root: Pick<RootFiles, "list" | "read" | "putIfAbsent" | "append" | "settle" | "remove">;
  /** Of what it is. @default {"manifest"} */
  readonly stem?: ManifestStem | undefined;
}

/** What a manifest file says, and where the next frame goes. */
export interface ManifestContents {
  /** What exists. */
  readonly state: StoreState;
  /** Where the snapshot ends. */
  readonly snapshotEnd: number;
  /** Where the next frame goes. */
  readonly end: FramePlace;
  /** Whether the last frame says that the file was closed cleanly. */
  readonly isClosed: boolean;
}

/** How often a reader tries anew when a writer gets in its way. */
const mostTries = 16;

/**
 * Reads the newest manifest.
 *
 * Whoever may write makes it durable before it is trusted. For whoever may not, somebody else may be writing: a file
 * that goes while it is looked for, or that grows while it is read, looks like damage once, and then no more.
 *
 * @param home Where.
 * @param readOnly Whether nothing may be written.
 * @returns What it says, and which versions below it are there too, ascending; `undefined` if there is none.
 * @throws {CorruptionError} If it is damaged.
 */
export async function findManifest(
  home: ManifestHome,
  readOnly: boolean,
): Promise<{ contents: ManifestContents; older: number[] } | undefined> {
  let known: string | undefined;
  for (let tries = 1;; tries++) {
    const names = await home.root.list();
    const older = names.map((name) => parseManifestName(name, home.stem)).filter((found) =>
      found !== undefined
    );
    const version = older.sort((a, b) => a - b).pop();
    if (version === undefined) return undefined;
    const name = manifestName(version, home.stem), path = `${home.directory}/${name}`;
    try {
      if (!readOnly) await home.root.settle(name);
      const bytes = await home.root.read(name, maxManifestBytes);
      if (bytes === undefined) {
        throw new CorruptionError({ path, offset: 0, expected: "a manifest", found: "none" });
      }
      return { contents: await readManifest(path, bytes, version, home.host.turns), older };
    } catch (error) {
      const mayPass = readOnly && error instanceof CorruptionError && tries < mostTries;
      if (!mayPass || error.message === known) throw error;
      known = error.message;
    }
  }
}

/**
 * Reads a manifest file.
 *
 * @param path The file, for messages.
 * @param bytes What it holds; keys in the state are parts of it.
 * @param version The version in its name.
 * @param turns Gives the event loop its turns.
 * @throws {CorruptionError} If anything that was durable is damaged.
 * @throws {VarveError} If it is of another version of the format.
 */
export async function readManifest(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
  version: number,
  turns: Turns,
): Promise<ManifestContents> {
  const file = readHeader(path, bytes, version), { storeId } = file;
  const fault = (found: string) =>
    new CorruptionError({ path, offset: end.offset, expected: "what may be", found });
  let end = firstPlace, isClosed = false;
  const snapshot = readFrame(file, end);
  if (snapshot?.kind !== "snapshot") throw fault("no snapshot");
  const { generation, timelines, dropped } = await codeState(snapshot.body, turns);
  if (snapshot.body.left > 0) throw fault("more behind the snapshot");
  const edits = timelines.map((timeline): Edit => ({ type: "addTimeline", timeline }));
  end = snapshot.next;
  for (let frame = readFrame(file, end); frame !== undefined; frame = readFrame(file, end)) {
    if (frame.kind === "superseded") throw fault("that a later version took its place, which is not there");
    if (frame.kind === "snapshot") throw fault("a second snapshot");
    while (frame.body.left > 0) edits.push(codeEdit(frame.body));
    isClosed = frame.kind === "closed";
    end = frame.next;
  }
  const state = apply({ version, storeId, generation, timelines: [], dropped }, edits, fault);
  return { state, snapshotEnd: snapshot.next.offset, end, isClosed };
}
