/**
 * The Worker's side: opens an engine of its own, and does what it is asked to. Nothing but files is touched: what exists
 * is the main thread's to say.
 *
 * @module
 */

import { IoError } from "../../../base/mod.ts";
import type { EngineName, Host, MessageLink, PathLock } from "../../../io/mod.ts";
import { encodeError } from "./error_message.ts";
import type { Answer, Request, Task, UpkeepSetup } from "./protocol.ts";
import { CannotRedo, doTask, type TaskWorld, taskWorld } from "./tasks.ts";
import { loadRedo } from "../../redo/load_redo.ts";
import type { Redoer } from "../../redo/redo.ts";

/** Opens what a Worker works with; its engine is shut down in the end. */
export type OpenHost = (engine: EngineName) => Promise<Host>;

/**
 * Does what a main thread asks, until that says to stop.
 *
 * @param link The main thread.
 * @param openHost Opens the outside world.
 */
export function serveUpkeep(link: MessageLink, openHost: OpenHost): void {
  const server = new UpkeepServer(link, openHost);
  link.listen((message) => server.take(message as Request));
}

/** What the main thread says to a job that runs. */
interface RunningJob {
  /** Ends when the job has. */
  ended: Promise<void>;
  isAborted: boolean;
  /** Who waits for numbers of files. */
  reserving: PromiseWithResolvers<number> | undefined;
}

/** Ends a job that is to stop. */
class Aborted extends Error {
  constructor() {
    super("Cannot go on with upkeep: it was stopped");
  }
}

class UpkeepServer {
  readonly #link: MessageLink;
  readonly #openHost: OpenHost;
  readonly #jobs = new Map<number, RunningJob>();
  #world: Promise<TaskWorld> | undefined;

  constructor(link: MessageLink, openHost: OpenHost) {
    this.#link = link;
    this.#openHost = openHost;
  }

  take(request: Request): void {
    if (request.type === "open") return this.#start(request.setup);
    if (request.type === "stop") return void this.#stop();
    const { job } = request;
    if (request.type === "do") return this.#begin(job, request.task);
    const running = this.#jobs.get(job);
    if (request.type === "reserved") return running?.reserving?.resolve(request.first);
    if (running === undefined) return;
    running.isAborted = true;
    running.reserving?.reject(new Aborted());
  }

  #answer(answer: Answer): void {
    this.#link.post(answer);
  }

  #start(setup: UpkeepSetup): void {
    this.#world = this.#open(setup);
    this.#world.then(
      ({ host }) => this.#answer({ type: "ready", engine: host.engine.name }),
      (error) => this.#answer({ type: "unready", error: encodeError(error) }),
    );
  }

  async #open(setup: UpkeepSetup): Promise<TaskWorld> {
    const host = await this.#openHost(setup.engine);
    try {
      return taskWorld(host, setup, await join(host, setup), await redoOf(setup));
    } catch (error) {
      await host.engine.shutdown();
      throw error;
    }
  }

  #begin(job: number, task: Task): void {
    const running: RunningJob = { ended: Promise.resolve(), isAborted: false, reserving: undefined };
    this.#jobs.set(job, running);
    running.ended = this.#do(job, task, running).then(
      (layers) => this.#answer({ type: "done", job, layers }),
      (error) => {
        if (error instanceof CannotRedo) this.#answer({ type: "unable", job, why: error.message });
        else if (error instanceof Aborted) this.#answer({ type: "aborted", job });
        else this.#answer({ type: "failed", job, error: encodeError(error) });
      },
    ).then(() => void this.#jobs.delete(job));
  }

  async #do(job: number, task: Task, running: RunningJob) {
    // Asked for by `open`, which came before.
    const world = await this.#world as TaskWorld;
    return await doTask(world, task, {
      reserve: (count) => {
        if (running.isAborted) throw new Aborted();
        running.reserving = Promise.withResolvers<number>();
        this.#answer({ type: "reserve", job, count });
        return running.reserving.promise;
      },
      check: () => {
        if (running.isAborted) throw new Aborted();
      },
      noted: (text) => this.#answer({ type: "noted", job, text }),
      copied: (bytes, heldBytes) => this.#answer({ type: "copied", job, bytes, heldBytes }),
    });
  }

  async #stop(): Promise<void> {
    for (const running of this.#jobs.values()) {
      running.isAborted = true;
      running.reserving?.reject(new Aborted());
    }
    await Promise.all(this.#jobs.values().map(({ ended }) => ended));
    const world = await this.#world?.catch(() => undefined);
    await world?.lock.release();
    await world?.host.engine.shutdown();
    this.#answer({ type: "stopped" });
  }
}

/** What makes values of patches here, or why nothing does: all but that can be done without. */
async function redoOf({ redo }: UpkeepSetup): Promise<Redoer | Error> {
  try {
    return await loadRedo(redo);
  } catch (error) {
    return error as Error;
  }
}

async function join({ engine }: Host, { directory, ticket }: UpkeepSetup): Promise<PathLock> {
  const lock = await engine.join?.(directory, ticket);
  if (lock === undefined) throw new IoError({ code: "ENOTSUP", operation: "lock", path: directory });
  return lock;
}
