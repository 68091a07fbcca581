/** Work that must end. */

/**
 * Waits for work, but not for ever.
 *
 * @throws {Error} If it has not ended after so many milliseconds.
 */
export async function deadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`it has not ended after ${milliseconds} ms`)),
    milliseconds,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
