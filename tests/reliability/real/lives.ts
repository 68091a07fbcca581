/** The lives of one store, one after the other, in each of which something fails or which is killed. */

import type { Random } from "../../random.ts";
import { Place, type Subject } from "../../store/matrix.ts";
import { checkStore } from "./check_store.ts";
import { Claims } from "./claims.ts";
import type { Counts } from "./counts.ts";
import { historySeed, storeIn } from "./traced_life.ts";

/** The most lives of a store. */
const mostLives = 3;

/** A life of a store. */
export interface LifeOf {
  /** Where the store is, and what traces it. */
  readonly place: Place;
  /** What was said in this life and those before it. */
  readonly claims: Claims;
  /** Which life it is, from 1 on. */
  readonly nth: number;
  /** What was done, for the message of a failure. */
  readonly told: string[];
}

/**
 * Has a store live, and live again when it was killed, and looks at what is left.
 *
 * @param live Has it live once, and says whether it was killed.
 */
export async function tryLives(
  subject: Subject,
  random: Random,
  counts: Counts,
  live: (life: LifeOf) => Promise<boolean>,
): Promise<void> {
  await using place = await Place.make();
  const claims = new Claims(), told: string[] = [subject.name];
  try {
    for (let nth = 1;; nth++) {
      const isKilled = await live({ place, claims, nth, told });
      if (!isKilled || nth === mostLives || random.once(2)) break;
    }
    await checkStore(storeIn(place, subject), claims, historySeed, random);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : `${cause}`;
    throw new Error([...told, message].join("\n"), { cause });
  }
  counts.recoveries++;
}
