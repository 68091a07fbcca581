/**
 * Waiting for something unless a signal says otherwise.
 *
 * @module
 */

/**
 * Waits for what may take long and is nobody's to stop.
 *
 * @param work What is waited for. It goes on when the wait has ended.
 * @param signal Ends the wait at once.
 * @returns What `work` returned.
 * @throws The reason of the signal, if it ended the wait.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const { promise: end, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, end]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
