/** What may be done to a disk at rest. */

/** What may be done. */
export const damageKinds = [
  "flip a bit",
  "zero a range",
  "exchange blocks",
  "misdirect a write",
  "put an older block back",
  "cut a file",
  "lose a file",
  "put older manifests back",
  "put an older file back",
  "put another store's file",
] as const;

/** What is done, and what decides where. */
export interface DamagePlan {
  /** What. */
  readonly kind: typeof damageKinds[number];
  /** Where. */
  readonly seed: number;
}
