/**
 * Loads the lines of an input, from where an earlier load of it stopped.
 *
 * ```text
 * input  │ stored, by position │ stored, by LSN │ line line line │ line line …
 *        └──── skipped ────────┴────────────────┴──── batch ─────┴── batch ──►
 * ```
 */

import { isUtf8 } from "node:buffer";
import { keyBytes, type Lsn } from "../../base/mod.ts";
import type { Timeline } from "../../timeline/mod.ts";
import { type ChangeLineOptions, parseChangeLine } from "./change_line.ts";
import { ChangeLoader, hashKey, type Line, LoadError, type LoadReport } from "./change_loader.ts";
import type { LineBlocks } from "./line_blocks.ts";
import { isPositionKey, LoadPosition } from "./load_position.ts";
import { PlainLine } from "./plain_line.ts";
import { SkippedBatch } from "./skipped_batch.ts";

const lineFeed = 10;
const byteOrderMark = [0xef, 0xbb, 0xbf];
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const misplacedMark = "it begins with a byte order mark, which may stand in front of the first line alone";

/** How an input is loaded. */
export interface LoadOptions extends ChangeLineOptions {
  /** The name under which its position is kept; without one it is not. */
  name?: string | undefined;
  /** Whether it is loaded from its first line on, whatever is stored. */
  again?: boolean;
  /** Stops after the lines at hand. */
  signal: AbortSignal;
  /** Called now and then. */
  onProgress: () => void;
}

/** A load of one input. */
export class LineLoad {
  /** What was loaded so far. */
  readonly report: LoadReport;
  readonly #timeline: Timeline;
  readonly #options: LoadOptions;
  readonly #loader: ChangeLoader;
  readonly #position: LoadPosition;
  readonly #plain = new PlainLine();
  readonly #skipped = new SkippedBatch();
  /** Up to here LSNs were in the store before; 0 from the first line on that is not. */
  #storedLsn: Lsn;
  /** Lines that were read. */
  #lines = 0;

  /**
   * Prepares a load.
   *
   * @param timeline Where to.
   * @param options See {@linkcode LoadOptions}.
   */
  constructor(timeline: Timeline, options: LoadOptions) {
    this.#timeline = timeline;
    this.#options = options;
    this.#loader = new ChangeLoader(timeline);
    this.report = this.#loader.report;
    this.#position = new LoadPosition(options.name);
    this.#storedLsn = options.again ? 0 : timeline.lastLsn;
  }

  /**
   * Loads all lines.
   *
   * @param input The lines, from the first on.
   * @throws {LoadError} If a line cannot be used, or the input is not the one that its position is of.
   */
  async run(input: LineBlocks): Promise<void> {
    if (!this.#options.again) await this.#goOn(input);
    for (;;) {
      const block = await input.next().catch((error: Error) => {
        throw this.#wrong(error, this.#lines + 1);
      });
      if (block === undefined) break;
      await this.#loadBlock(block);
      this.#options.onProgress();
    }
    await this.#endSkipping();
    // More lines of its batch may stand behind an interrupt.
    if (this.#options.signal.aborted && this.#loader.isOpen) this.#loader.drop();
    await this.#loader.flush(this.#position);
  }

  /** Passes over what is stored already by its position. */
  async #goOn(input: LineBlocks): Promise<void> {
    const position = this.#position;
    await position.restore(this.#timeline);
    this.#lines = this.report.skipped = position.lines;
    const crc = await input.skip(position.bytes);
    if (crc === position.crc || this.#options.signal.aborted) return;
    throw new LoadError(
      `line ${position.lines}: another input of that name was loaded up to here ` +
        "(--name gives this one another name, --again loads it from its first line on)",
    );
  }

  async #loadBlock(block: Uint8Array): Promise<void> {
    // What is no UTF-8 is left to the decoder, which finds the line.
    const mayBePlain = !this.#options.base64 && isUtf8(block);
    let counted = 0, countedLines = this.#lines;
    const count = (to: number) => {
      this.#position.advance(block.subarray(counted, to), this.#lines - countedLines);
      counted = to;
      countedLines = this.#lines;
    };
    for (let at = this.#lines === 0 ? markBytes(block) : 0; at < block.length;) {
      const lineEnd = block.indexOf(lineFeed, at);
      const end = lineEnd < 0 ? block.length : lineEnd;
      const isPlain = mayBePlain && this.#plain.read(block, at, end);
      const line = isPlain ? this.#plainLine(block) : this.#otherLine(block.subarray(at, end));
      if (line !== undefined && !this.#isStored(line)) {
        if (this.#storedLsn > 0) await this.#endSkipping();
        const hash = hashKey(line.key, 0, line.key.length);
        if (!this.#loader.takes(line.lsn, hash)) {
          count(at);
          await this.#loader.flush(this.#position);
        }
        this.#loader.add(line, hash, this.#lines + 1);
      }
      this.#lines++;
      at = end + 1;
    }
    count(block.length);
  }

  #plainLine(block: Uint8Array): Line {
    const { keyStart, keyEnd, valueStart, valueEnd, lsn } = this.#plain;
    const key = block.subarray(keyStart, keyEnd);
    if (isPositionKey(key)) throw this.#reserved();
    return {
      lsn: this.#options.ignoreLsn ? 0 : lsn,
      key,
      value: block.subarray(valueStart, valueEnd),
      isPatch: false,
    };
  }

  #otherLine(bytes: Uint8Array): Line | undefined {
    try {
      const text = decodeLine(bytes);
      if (text.startsWith("\ufeff")) throw new SyntaxError(misplacedMark);
      if (text.trim() === "") return undefined;
      const { change, lsn } = parseChangeLine(text, this.#options);
      if (isPositionKey(change.key)) throw this.#reserved();
      const isPatch = "patch" in change,
        value = isPatch ? change.patch : "value" in change ? change.value : undefined;
      return { lsn: lsn ?? 0, key: keyBytes(change.key), value: value as Uint8Array | undefined, isPatch };
    } catch (error) {
      throw this.#wrong(error as Error, this.#lines + 1);
    }
  }

  /** Whether a line is in the store already by its LSN. */
  #isStored(line: Line): boolean {
    const { lsn } = line;
    if (lsn === 0 || lsn > this.#storedLsn) return false;
    if (lsn < this.#skipped.lsn) {
      throw new LoadError(`line ${this.#lines + 1}: LSN ${lsn} comes after LSN ${this.#skipped.lsn}`);
    }
    this.#skipped.add(line);
    this.report.skipped++;
    return true;
  }

  /** Checks, before the first line that is not stored, that those before it are. */
  async #endSkipping(): Promise<void> {
    this.#storedLsn = 0;
    if (await this.#skipped.isIn(this.#timeline)) return;
    throw new LoadError(
      `line ${this.#lines}: at LSN ${this.#skipped.lsn} the store holds something else ` +
        "(--ignore-lsn writes at the next LSNs)",
    );
  }

  #reserved(): LoadError {
    return new LoadError(`line ${this.#lines + 1}: its key is one of varve's own`);
  }

  #wrong(error: Error, line: number): LoadError {
    return error instanceof LoadError
      ? error
      : new LoadError(`line ${line}: ${error.message}`, { cause: error });
  }
}

/** How many bytes of a byte order mark an input begins with, which some programs put in front of UTF-8. */
function markBytes(block: Uint8Array): number {
  return byteOrderMark.every((byte, at) => block[at] === byte) ? byteOrderMark.length : 0;
}

function decodeLine(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new SyntaxError("it is not UTF-8", { cause });
  }
}
