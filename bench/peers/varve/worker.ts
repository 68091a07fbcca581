/**
 * Does one piece of work with Varve, and prints what it gave as one line of JSON: `varve_request.ts` has the shapes.
 *
 * It is a process of its own, so that CPU seconds, memory and bytes written are those of the work alone.
 */

import { beginAccount } from "./account.ts";
import type { Measurement } from "../measurement.ts";
import { print } from "../print.ts";
import { measureCommit } from "./commit.ts";
import { fillDataset, measureIngest } from "./ingest.ts";
import { measureMixed } from "./mixed.ts";
import { measureBusy, measureFill, measureOverwrite } from "./old.ts";
import { measureRead } from "./read.ts";
import type { VarveReply, VarveRequest } from "./request.ts";
import { measureSink } from "./sink.ts";
import { openStore } from "./store.ts";
import { settle } from "./upkeep.ts";
import { type Dataset, type OpenWork, payloadOf, type ReplayWork } from "../work.ts";

const unsealedSegmentBytes = 2 ** 30;

async function answer(request: VarveRequest): Promise<VarveReply> {
  switch (request.stage) {
    case "probe":
      return { io: await probe(request) };
    case "fill":
      await fill(request, checkedDataset(request));
      return {};
    case "measure":
      return await measure(request);
  }
}

async function probe({ directory, variant }: VarveRequest): Promise<string> {
  await using store = await openStore(directory, variant);
  return `${store.io.mode} by ${store.io.engine}`;
}

async function fill({ directory, variant, unsealed }: VarveRequest, dataset: Dataset): Promise<void> {
  const store = await openStore(directory, variant, {
    ...(unsealed ? { segmentBytes: unsealedSegmentBytes } : {}),
    ...(dataset.age === "old" ? { upkeep: "worker" } : {}),
  });
  const timeline = store.timeline();
  await fillDataset(timeline, dataset);
  await timeline.sync();
  // The process ends here, as one that is killed would: nothing is sealed, and the lock goes with it.
  if (unsealed) return;
  await (dataset.age === "old" ? settle(store) : timeline.freeze());
  await store.close();
}

async function measure(request: VarveRequest): Promise<VarveReply> {
  const { work, directory, variant } = request;
  if (work?.kind !== "overwrite") return { measurement: await measurementOf(request) };
  const measured = await measureOverwrite(work, directory, variant);
  return "unable" in measured ? measured : { measurement: measured };
}

function measurementOf(request: VarveRequest): Promise<Measurement> {
  const { work, directory, variant } = request;
  switch (work?.kind) {
    case "fill":
      return measureFill(work, directory, variant);
    case "busy":
      return measureBusy(work, checkedPath(request), directory, variant);
    case "ingest":
      return measureIngest(work, directory, variant);
    case "commit":
      return measureCommit(work, directory, variant);
    case "get":
    case "vector":
    case "adjacent":
    case "scan":
      return measureRead(work, checkedPath(request), variant);
    case "mixed":
      return measureMixed(work, directory, variant);
    case "sink":
      return measureSink(work, directory, variant);
    case "open":
      return measureOpen(work, checkedPath(request), request);
    case "replay":
      return measureOpen(work, directory, request);
    case "overwrite":
    case undefined:
      throw new TypeError(`Cannot measure this work: ${work?.kind}`);
  }
}

async function measureOpen(
  work: OpenWork | ReplayWork,
  directory: string,
  { variant }: VarveRequest,
): Promise<Measurement> {
  const account = beginAccount();
  await using store = await openStore(directory, variant, { segmentBytes: unsealedSegmentBytes });
  const used = account.end();
  const { records, valueBytes } = work.dataset;
  const last = await store.timeline().getMany(["varvebench\0\0\0\0\0\0\0\0"]);
  if (last[0] === undefined) throw new Error("Cannot find a key that was written");
  return { operations: records, payloadBytes: payloadOf(records, valueBytes), ...used };
}

function checkedDataset({ dataset }: VarveRequest): Dataset {
  if (typeof dataset === "object") return dataset;
  throw new TypeError("Cannot fill: the request names no dataset");
}

function checkedPath({ dataset }: VarveRequest): string {
  if (typeof dataset === "string") return dataset;
  throw new TypeError("Cannot read: the request names no directory of a dataset");
}

if (import.meta.main) {
  const request: VarveRequest = JSON.parse(Deno.args[0]);
  print(JSON.stringify(await answer(request)));
  Deno.exit(0);
}
