/** Work that must end. */

/** Work has not ended. */
export class HangError extends Error {
  /** Its name. */
  override name = "HangError";
}

/**
 * Waits for work, but not for ever.
 *
 * @throws {HangError} If it has not ended after so many milliseconds.
 */
export async function deadline<T>(work: Promise<T>, milliseconds: number = 30_000): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new HangError(`it hangs: it has not ended after ${milliseconds} ms`)),
    milliseconds,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
