/** Work on two cores, of which something else may need one at first. */

/**
 * Works through pieces in their order, two at once.
 *
 * @param pieces The pieces.
 * @param alone Ends when nothing else needs a core; until then it is one piece at a time.
 * @param work Does one.
 */
export async function inLanes<T>(
  pieces: Iterable<T>,
  alone: Promise<void>,
  work: (piece: T) => Promise<void>,
): Promise<void> {
  const waiting = [...pieces];
  const lane = async () => {
    while (waiting.length > 0) await work(waiting.shift() as T);
  };
  const first = lane();
  await Promise.race([first, alone]);
  await Promise.all([first, lane()]);
}
