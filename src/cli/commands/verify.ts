/** `varve verify`. */

import { CorruptionError, hasCode, IoError, systemClock, VarveError } from "../../base/mod.ts";
import type { VerifyFinding } from "../../layer/mod.ts";
import { isStoreLeft, Store, type VerifyProgress, verifyStore } from "../../store/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import { exitDamaged, exitFailure, exitInterrupted, exitOk, exitUnopened } from "../exit_code.ts";
import { listenForInterrupt } from "../interrupt.ts";
import { ioOptions } from "../open_timeline.ts";
import { escapeBytes, escapeText } from "../terminal/escape.ts";
import { unlessClosed } from "../terminal/output.ts";
import { Progress, type ProgressStatus } from "../terminal/progress.ts";
import { formatCount, formatCounted, formatWork } from "../terminal/quantity.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Verifies a store. */
export const verifyCommand: Command = {
  name: "verify",
  positionals: ["<store>"],
  summary: "read everything in a store and say what is damaged",
  details: `
Reads every record, every page of every index and filter, and the manifest, holds them against each other, and shows
what is damaged, at which bytes, and which keys and LSNs that costs. Files that nobody names, permissions that are too
wide, and what is called "lock" and is no file are warnings. Of what may not be read nothing is known: it is told as
unreadable, and is no damage. A store that cannot be opened is verified by what its files say of themselves. Nothing is
written. What is damaged is not mended: "varve salvage" copies all that still reads into a new store.

Exit codes: 0 no damage, 1 there is no store, or something may not be read, and there is no damage elsewhere, 3 damage,
            4 the store cannot be opened`,
  options: {
    "json": { describe: "show a JSON object on each line" },
    "timeline": { value: "NAME", describe: "the one timeline to verify (all)" },
  },
  async run(args, terminal) {
    using interrupt = listenForInterrupt();
    const opened = await openToVerify(args), store = opened instanceof Store ? opened : undefined;
    if (store === undefined) terminal.note("varve: The store cannot be opened, its files are verified\n");
    try {
      const path = args.positionals[0], { signal } = interrupt;
      const run = new Run(args, terminal, opened instanceof VarveError ? opened : undefined);
      const options = { signal, timeline: args.text("timeline"), progress: run.progress };
      const findings = store !== undefined
        ? store.verify(options)
        : verifyStore(path, { ...ioOptions(args), ...options });
      try {
        for await (const finding of findings) await run.show(finding);
      } catch (error) {
        if (!signal.aborted) throw error;
        return exitInterrupted;
      } finally {
        run[Symbol.dispose]();
      }
      run.noteUntold();
      await run.sum(path);
      if (run.isOnlyUnreadable && (store !== undefined || isForbidden(opened))) return exitFailure;
      return store === undefined ? exitUnopened : run.isDamaged ? exitDamaged : exitOk;
    } finally {
      await store?.close();
    }
  },
};

/** Opens a store to read it; returns why it cannot be opened if there is one. */
async function openToVerify(args: Arguments): Promise<Store | VarveError> {
  try {
    return await Store.open(args.positionals[0], { ...ioOptions(args), readOnly: true });
  } catch (error) {
    const path = args.positionals[0];
    if (error instanceof Deno.errors.NotADirectory) {
      throw new Deno.errors.NotADirectory(`Cannot verify "${path}": it is not a directory`, { cause: error });
    }
    // Of a directory of something else, or one that may not be read, there is nothing to verify nor to salvage.
    if (!(error instanceof VarveError) || !isStoreLeft(await namesIn(path))) throw error;
    return error;
  }
}

/** The names in a directory; none of one that may not be read. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

/** One verification, as it is shown. */
class Run implements Disposable {
  isDamaged = false;
  readonly #isJson: boolean;
  readonly #terminal: Terminal;
  readonly #shown: Progress;
  readonly #started = systemClock.monotonic();
  #come: VerifyProgress = { bytes: 0, totalBytes: 0, objects: 0, totalObjects: 0 };
  /** Why the store cannot be opened, as long as no finding told it. */
  #untold: VarveError | undefined;
  #damages = 0;
  #unreadable = 0;
  #warnings = 0;
  #isRead = true;

  constructor(args: Arguments, terminal: Terminal, refusal: VarveError | undefined) {
    this.#untold = refusal;
    this.#isJson = args.flag("json");
    this.#terminal = terminal;
    this.#shown = new Progress(terminal, systemClock);
  }

  readonly progress = (come: VerifyProgress): void => {
    this.#come = come;
    this.#shown.update(() => this.#status());
  };

  #status(): ProgressStatus {
    const { bytes, totalBytes, objects, totalObjects } = this.#come;
    const parts = [`${formatCount(objects)}/${formatCount(totalObjects)} objects`];
    const text = formatWork(parts, bytes, systemClock.monotonic() - this.#started);
    return { fraction: totalBytes === 0 ? undefined : bytes / totalBytes, text };
  }

  /** Whether there is something that may not be read, and no damage. */
  get isOnlyUnreadable(): boolean {
    return this.#unreadable > 0 && !this.isDamaged;
  }

  async show(finding: VerifyFinding): Promise<void> {
    const severity = shownSeverity(finding);
    if (severity === "warning") this.#warnings++;
    else if (this.#untold !== undefined && tells(finding, this.#untold)) this.#untold = undefined;
    if (severity === "unreadable") this.#unreadable++;
    if (severity === "damage") {
      this.#damages++;
      this.isDamaged = true;
    }
    this.#shown[Symbol.dispose]();
    await this.#write(this.#isJson ? jsonLine(finding) : lines(finding));
  }

  /** Says why the store cannot be opened, unless a finding told it. */
  noteUntold(): void {
    if (this.#untold === undefined) return;
    this.#shown[Symbol.dispose]();
    this.#terminal.note(`varve: ${escapeText(this.#untold.message)}\n`);
  }

  /** Writes as long as anybody reads: the exit code still tells the rest. */
  async #write(text: string): Promise<void> {
    if (this.#isRead) this.#isRead = await unlessClosed(this.#terminal.output.write(text));
  }

  async sum(path: string): Promise<void> {
    if (this.#isJson) return;
    const found = [
      this.#damages === 0
        ? "no damage"
        : formatCounted(this.#damages, "place is damaged", "places are damaged"),
      ...this.#unreadable === 0
        ? []
        : [formatCounted(this.#unreadable, "place may not be read", "places may not be read")],
      ...this.#warnings === 0 ? [] : [formatCounted(this.#warnings, "warning")],
    ];
    const next = this.isDamaged
      ? `To copy all that still reads into a new store: varve salvage ${escapeText(path)} <new store>\n`
      : "";
    const unread = this.#unreadable === 0
      ? ""
      : "What may not be read is not verified: see its permissions, and those of this process\n";
    await this.#write(`Verified ${this.#status().text}: ${found.join(", ")}\n${unread}${next}`);
  }

  [Symbol.dispose](): void {
    this.#shown[Symbol.dispose]();
  }
}

/** Whether a finding is of the file for which a store was not opened, or says the same. */
function tells({ path, error: { message } }: VerifyFinding, refusal: VarveError): boolean {
  const isOfFile = refusal instanceof CorruptionError || refusal instanceof IoError;
  return isOfFile && refusal.path === path || message.includes(refusal.message);
}

/** Whether the system forbids to read something. */
function isForbidden(error: unknown): boolean {
  return hasCode(error, "EACCES", "EPERM");
}

/** What a finding is called: what may not be read may be whole, and nothing is known of it. */
function shownSeverity({ severity, error }: VerifyFinding): VerifyFinding["severity"] | "unreadable" {
  return severity === "damage" && isForbidden(error) ? "unreadable" : severity;
}

/** A finding for people: where, what, and what it costs. */
function lines(finding: VerifyFinding): string {
  const { path, offset, length, timeline, error, keys, lsns } = finding, severity = shownSeverity(finding);
  const end = offset === undefined || length === undefined ? undefined : offset + length;
  const isUnread = severity === "unreadable";
  const range = isUnread
    ? ""
    : end !== undefined
    ? `, bytes ${offset} to ${end}`
    : offset !== undefined
    ? `, from ${offset} on`
    : "";
  const where = `${escapeText(path)}${range}${
    timeline === undefined ? "" : `, timeline ${escapeText(timeline)}`
  }`;
  const what = error instanceof CorruptionError
    ? `expected ${error.expected}, found ${error.found}`
    : error.message;
  const costs: string[] = [];
  // It is not lost.
  if (keys !== undefined && !isUnread) {
    const [first, last] = [keys.first, keys.last].map(escapeBytes);
    costs.push(first === last ? `key ${first}` : `keys ${first} to ${last}`);
    if (keys.versions !== undefined) costs.push(formatCounted(keys.versions, "version"));
  }
  if (lsns !== undefined && !isUnread) {
    costs.push(lsns.first === lsns.last ? `LSN ${lsns.first}` : `LSNs ${lsns.first} to ${lsns.last}`);
  }
  const cost = costs.length === 0 ? "" : `  ${costs.join(", ")}\n`;
  return `${severity}: ${where}\n  ${escapeText(what)}\n${cost}`;
}

function jsonLine(found: VerifyFinding): string {
  const { keys, lsns, error, ...finding } = found;
  const shown = {
    ...finding,
    severity: shownSeverity(found),
    firstKeyBase64: keys?.first.toBase64(),
    lastKeyBase64: keys?.last.toBase64(),
    versions: keys?.versions,
    firstLsn: lsns?.first,
    lastLsn: lsns?.last,
    message: error.message,
  };
  return `${JSON.stringify(shown)}\n`;
}
