/** Every mutant there is. */

import type { Mutant } from "../mutant.ts";
import { branches } from "./branches.ts";
import { agreeing } from "./agreeing.ts";
import { checks } from "./checks.ts";
import { durability } from "./durability.ts";
import { engines } from "./engines.ts";
import { feeds } from "./feeds.ts";
import { files } from "./files.ts";
import { keys } from "./keys.ts";
import { logs } from "./logs.ts";
import { manifest } from "./manifest.ts";
import { merging } from "./merging.ts";
import { ownership } from "./ownership.ts";
import { patches } from "./patches.ts";
import { reading } from "./reading.ts";
import { recovery } from "./recovery.ts";
import { runs } from "./runs.ts";

/** See the top of the file. */
export const mutants: readonly Mutant[] = [
  ...engines,
  ...durability,
  ...checks,
  ...recovery,
  ...manifest,
  ...reading,
  ...ownership,
  ...merging,
  ...runs,
  ...branches,
  ...agreeing,
  ...keys,
  ...feeds,
  ...patches,
  ...files,
  ...logs,
];
