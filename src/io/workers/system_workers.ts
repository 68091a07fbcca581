/**
 * The runtime's own Workers.
 *
 * A Worker has the permissions of the thread that starts it, and its module is loaded under them. Whether it may be is
 * asked before: the runtime would ask whoever sits at the terminal, in the midst of the work of a program that did not
 * ask for anything, or print an error.
 *
 * @module
 */

import type { IoEngine } from "../engine.ts";
import { SharedMemoryPool } from "./shared_memory.ts";
import type { MessageLink, WorkerLink, Workers } from "./workers.ts";

const MiB = 1024 * 1024;

/** What a Worker and its parent have in common to speak through. */
interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/**
 * Memory of all stores of this thread: one that is closed leaves it to the next. Little of it takes room meanwhile: what
 * three indexes of the usual size take, which wait to be sealed when most is appended, would be there all the time.
 */
const memory = new SharedMemoryPool(256 * MiB, 16 * MiB);

/**
 * The runtime's own Workers. Starting one takes some 100 ms of another core.
 *
 * @param engine Gives room back to the system.
 */
export function systemWorkers(engine: Pick<IoEngine, "discard">): Workers {
  const discard = (unused: SharedArrayBuffer) => engine.discard?.(unused);
  return {
    worthBytes: 4 * MiB,
    start: (module) => {
      const lacking = lackingGrant(module);
      if (lacking !== undefined) return { refusal: lacking };
      try {
        return new SystemWorker(new Worker(module, { type: "module" }));
      } catch (error) {
        return { refusal: (error as Error).message };
      }
    },
    get spareBytes() {
      return memory.spareBytes;
    },
    takeMemory: (byteLength) => memory.take(byteLength),
    takeZeros: (byteLength) => memory.takeZeros(byteLength),
    giveBack: (given) => memory.giveBack(given, discard),
  };
}

/** The link of a Worker to the thread that started it, for its own module. */
export function parentLink(): MessageLink {
  return new PortLink(globalThis as unknown as Port);
}

/** What is not granted that loading a module needs, as a sentence; `undefined` if it may be loaded. */
function lackingGrant(module: URL): string | undefined {
  const { protocol, hostname, port } = module;
  if (protocol === "file:") {
    const { state } = Deno.permissions.querySync({ name: "read", path: module });
    return state === "granted" ? undefined : `Requires read access to "${module.pathname}"`;
  }
  if (protocol !== "https:" && protocol !== "http:") return undefined;
  const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  const { state } = Deno.permissions.querySync({ name: "import", host });
  return state === "granted" ? undefined : `Requires import access to "${host}"`;
}

class PortLink implements MessageLink {
  readonly #port: Port;
  /** What came before anybody listened. */
  readonly #early: unknown[] = [];

  constructor(port: Port) {
    this.#port = port;
    port.onmessage = ({ data }) => void this.#early.push(data);
  }

  post(message: unknown): void {
    this.#port.postMessage(message);
  }

  listen(take: (message: unknown) => void): void {
    this.#port.onmessage = ({ data }) => take(data);
    this.#early.splice(0).forEach(take);
  }
}

class SystemWorker extends PortLink implements WorkerLink {
  readonly #worker: Worker;
  #ended: ((reason: Error) => void) | undefined;

  constructor(worker: Worker) {
    super(worker);
    this.#worker = worker;
  }

  watch(ended: (reason: Error) => void): void {
    this.#ended = ended;
    const end = (reason: string) => {
      const told = this.#ended;
      this.terminate();
      told?.(new Error(reason));
    };
    this.#worker.onerror = (event) => {
      // Otherwise it would be an error of this thread that nobody handles.
      event.preventDefault();
      end(event.message);
    };
    this.#worker.onmessageerror = () => end("a message could not be read");
  }

  terminate(): void {
    this.#ended = undefined;
    this.#worker.onmessage = null;
    this.#worker.terminate();
  }
}
