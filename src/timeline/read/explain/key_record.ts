/**
 * What is noted of one key while it is read.
 *
 * @module
 */

import { assert, type Lsn } from "../../../base/mod.ts";
import { type MemoryLayer, type RecordFile, StoredLayer } from "../../../layer/mod.ts";
import type { DamagedEntry, Entry } from "../../entry.ts";
import type { Level } from "../levels.ts";
import type { FoundVersion, KeyExplanation, LayerVisit, RecordSource } from "./explanation.ts";

/** Tells an open layer from one that is frozen, or was sealed since. */
export type IsOpen = (layer: MemoryLayer) => boolean;

/** A visit that goes on. */
interface Visit {
  readonly layer: MemoryLayer | StoredLayer;
  /** As of which LSN. */
  readonly lsn: Lsn;
  /** Stays as long as the index has not answered, which it never does if it is damaged. */
  outcome: LayerVisit["outcome"];
  /** By the number of the page: whether it had to be waited for. */
  readonly pages: Map<number, boolean>;
}

/** Where the version of a key lies. */
interface Place {
  readonly file: RecordFile;
  readonly lsn: Lsn;
  readonly offset: number;
  readonly byteLength: number;
  readonly deleted: boolean;
}

/** What is noted of one key. */
export class KeyRecord {
  /** Where its record was, if one was read. */
  source: RecordSource | undefined = undefined;
  /** The LSN of its record that was read before its place was known for good, if one was. */
  earlyLsn: Lsn | undefined = undefined;
  /** Whether the last run of records that was looked into for it had to be waited for. */
  isRunRead = false;
  /** Where its version lies, once that is known. */
  place: Place | undefined = undefined;
  /** How many of its versions are patches that need older ones. */
  patches = 0;
  #valueBytes: number | undefined;
  #error: Error | undefined;
  readonly #key: Uint8Array<ArrayBuffer>;
  readonly #visits: Visit[] = [];

  /** Starts with nothing. */
  constructor(key: Uint8Array<ArrayBuffer>) {
    this.#key = key;
  }

  /** Begins the visit of a layer as of an LSN, or goes on with that of the same one. */
  visit(layer: MemoryLayer | StoredLayer, lsn: Lsn): void {
    if (this.#visits.at(-1)?.layer !== layer) {
      this.#visits.push({ layer, lsn, outcome: "damaged", pages: new Map() });
    }
  }

  /** Notes what the layer that is visited answers. One that has a version may be asked for an older one too. */
  answer(outcome: LayerVisit["outcome"]): void {
    const visit = this.#visits.at(-1);
    if (visit !== undefined && visit.outcome !== "found") visit.outcome = outcome;
  }

  /** Notes a page of the layer that is visited. */
  page(page: number, isRead: boolean): void {
    this.#visits.at(-1)?.pages.set(page, isRead);
  }

  /** Notes what came of it; the value itself is not kept. */
  arrive(entry: Entry | DamagedEntry): void {
    if ("error" in entry) this.#error = entry.error;
    else this.#valueBytes = entry.value?.length;
  }

  /** Says what it took. */
  explain(levels: readonly Level[], isOpen: IsOpen): KeyExplanation {
    let excusedByRange = 0, excusedByLsn = 0, begun = 0;
    for (const { map, lsn } of levels) {
      const reached = map.candidates(this.#key, Infinity).length,
        then = map.candidates(this.#key, lsn).length;
      const memory = map.memory.filter(({ firstLsn }) => firstLsn <= lsn).length;
      excusedByRange += map.storedCount - reached;
      excusedByLsn += reached - then + map.memory.length - memory;
      begun += then + memory;
    }
    return {
      key: this.#key,
      valueBytes: this.#valueBytes,
      found: this.#found(isOpen),
      patches: this.patches,
      error: this.#error,
      visits: this.#visits.map((visit) => explainVisit(visit, isOpen)),
      excusedByRange,
      excusedByLsn,
      excusedByAge: begun - this.#visits.length,
    };
  }

  #found(isOpen: IsOpen): FoundVersion | undefined {
    if (this.place === undefined) return undefined;
    const { file, lsn, offset, byteLength, deleted } = this.place;
    const layer = this.#visits.find((visit) => visit.layer === file)?.layer;
    assert(layer !== undefined, "what was found lies in a layer that was visited");
    const kind = kindOf(layer, isOpen);
    return { kind, path: file.object.path, lsn, offset, byteLength, deleted, source: this.source };
  }
}

function explainVisit({ layer, lsn, outcome, pages }: Visit, isOpen: IsOpen): LayerVisit {
  const { firstLsn, lastLsn } = layer instanceof StoredLayer ? layer.description : layer;
  const imageLsn = layer instanceof StoredLayer ? layer.description.imageLsn : 0;
  const passedFilter = layer instanceof StoredLayer && pages.keys().some((page) => layer.isFilterPage(page));
  const readPages = pages.values().filter((isRead) => isRead).toArray().length;
  return {
    kind: kindOf(layer, isOpen),
    path: layer.object.path,
    firstLsn,
    lastLsn,
    imageLsn: imageLsn || undefined,
    outcome,
    falsePositive: outcome === "absent" && passedFilter && lastLsn <= lsn,
    cachedPages: pages.size - readPages,
    readPages,
  };
}

function kindOf(layer: MemoryLayer | StoredLayer, isOpen: IsOpen): LayerVisit["kind"] {
  if (layer instanceof StoredLayer) return layer.description.kind;
  return isOpen(layer) ? "open" : "frozen";
}
