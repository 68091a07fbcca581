/** How the commands of logs open one. */

import { Log, type LogOptions } from "../../log/mod.ts";
import type { Arguments } from "../arguments.ts";
import { ioOptions } from "../open_timeline.ts";
import type { OptionSpecs } from "../options.ts";
import { UsageError } from "../usage_error.ts";

/** What is taken only to be refused: a log has no timelines. */
export const noTimeline: OptionSpecs = {
  "timeline": { value: "NAME", describe: "not taken", isHidden: true },
};

/** Opens the log that a command names. */
export async function openLog(args: Arguments, options: LogOptions): Promise<Log> {
  if (args.text("timeline") !== undefined) throw new UsageError("--timeline is not taken: a log has none");
  return await Log.open(args.positionals[0], { ...ioOptions(args), ...options });
}
