/** The lines of a table of goals: where a figure of Varve is, what stands beside it, what is asked of it. */

/** A cell of the table. */
export interface Cell {
  /** The row. */
  row: string;
  /** The peer. */
  peer: string;
}

/** What is asked: so many times what stands beside, or so many of a unit. */
export interface Goal {
  /** Which way it points. */
  bound: "≥" | "≤";
  /** How much. */
  limit: number;
  /** Of what: `×` is of the ratio, the others of the figure. */
  unit: "×" | "µs" | "ms" | "MiB" | "MiB/s" | "bytes by byte";
}

/** A line of the page. */
export interface Line {
  /** What is done. */
  work: string;
  /** Where Varve's figure is. */
  ours: Cell;
  /** Where the other one is, and what it is called. */
  beside?: Cell & { name: string };
  /** What is asked. */
  goal?: Goal;
  /** Whether it is left out where it was not measured. */
  optional?: boolean;
  /** Whether the README has it too. */
  first?: boolean;
}

/** Varve's figure of a row. */
export function varve(row: string): Cell {
  return { row, peer: "varve" };
}

/** What names a figure of a peer that stands beside. */
export function besideOf(peer: string): (row: string, name: string) => Cell & { name: string } {
  return (row, name) => ({ name, peer, row });
}

/** What is asked. */
export function goal(bound: Goal["bound"], limit: number, unit: Goal["unit"] = "×"): Goal {
  return { bound, limit, unit };
}
