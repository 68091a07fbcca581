/**
 * Standard output: bytes are gathered and written in large pieces, and a writer waits while the reader of a pipe
 * does. When that reader is gone, every write rejects with {@linkcode ClosedOutputError}.
 */

const bufferBytes = 256 * 1024;
const encoder = new TextEncoder();

/** Nobody reads the output any more. */
export class ClosedOutputError extends Error {
  /** The name of the class. */
  override name = "ClosedOutputError";
}

/** Something that bytes can be written to. */
export interface Sink {
  /** Writes some of the bytes and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** A buffered writer. One write must end before the next begins. */
export class Output {
  readonly #sink: Sink;
  readonly #buffer = new Uint8Array(bufferBytes);
  #length = 0;

  /** Makes an output that ends in `sink`. */
  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /**
   * Writes bytes, or the UTF-8 of a text.
   *
   * @throws {ClosedOutputError} If nobody reads the output any more.
   */
  async write(content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? encoder.encode(content) : content;
    if (this.#length + bytes.length > bufferBytes) await this.flush();
    if (bytes.length >= bufferBytes) return await this.#writeAll(bytes);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The memory that bytes are gathered in, for those who write many at once: from {@linkcode length} on it is free. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** How many bytes were gathered. */
  get length(): number {
    return this.#length;
  }

  /** How many bytes more fit in now. */
  get room(): number {
    return bufferBytes - this.#length;
  }

  /** Takes bytes that were written to {@linkcode buffer}. */
  take(bytes: number): void {
    this.#length += bytes;
  }

  /**
   * Writes what was gathered.
   *
   * @throws {ClosedOutputError} If nobody reads the output any more.
   */
  async flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    await this.#writeAll(bytes);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#sink.write(bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) {
        throw new ClosedOutputError("Cannot write output: nobody reads it", { cause: error });
      }
      throw new Error(`Cannot write output: ${(error as Error).message}`, { cause: error });
    }
  }
}

/**
 * Waits for a write, also to a reader that is gone.
 *
 * @param written The write.
 * @returns Whether the reader was there.
 */
export async function unlessClosed(written: Promise<void>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (error instanceof ClosedOutputError) return false;
    throw error;
  }
}
