/**
 * Lines about work that takes long: nothing is said of what is done within a second.
 *
 * @module
 */

import type { InstallProgress } from "../addons/addon_service.ts";

/** What progress is told with. */
export interface ProgressPorts {
  /** Takes a line. */
  readonly say: (line: string) => void;
  /** Calls back after a time, unless it is called off before. @returns what calls it off */
  readonly after: (delayMs: number, call: () => void) => () => void;
}

/** Follows one piece of work. */
export interface ProgressLines {
  /** Takes a station; told at once when the work has been slow. */
  readonly onProgress: (progress: InstallProgress) => void;
  /** Nothing more will come. */
  readonly done: () => void;
}

const SLOW_MS = 1_000;

/**
 * Follows a piece of work.
 *
 * @param ports where lines go, and the time.
 * @returns what the work calls.
 */
export function progressLines(ports: ProgressPorts): ProgressLines {
  let isSlow = false;
  let last: InstallProgress | undefined;
  const tell = () => {
    if (last !== undefined) ports.say(lineOf(last));
  };
  const cancel = ports.after(SLOW_MS, () => {
    isSlow = true;
    tell();
  });
  return {
    onProgress: (progress) => {
      last = progress;
      if (isSlow) tell();
    },
    done: cancel,
  };
}

/** Calls back by the process's own timers. */
export function afterDelay(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, delayMs);
  return () => clearTimeout(timer);
}

function lineOf({ station, detail }: InstallProgress): string {
  return detail === undefined ? `${station} …` : `${station}: ${detail}`;
}
