/**
 * What a person sees of a download: a line that is written over on a terminal, a line now and then elsewhere.
 *
 * @module
 */

import type { DownloadEvent } from "../models/hub/download_model.ts";
import { formatBytes, formatDuration } from "../utils/format.ts";
import { writeError } from "./terminal.ts";

/** Shows a download on standard error. */
export interface DownloadDisplay extends Disposable {
  /** Shows what happens. */
  readonly show: (event: DownloadEvent) => void;
  /** Shows a line of its own. */
  readonly line: (text: string) => void;
}

/** Options of {@linkcode createDownloadDisplay}. */
export interface DownloadDisplayOptions {
  /** Whether lines can be written over. @default {standard error is a terminal} */
  readonly live?: boolean;
  /** Reads the time. @default {Date.now} */
  readonly now?: () => number;
  /** Writes text. @default {to standard error} */
  readonly write?: (text: string) => void;
}

/** Time between lines where they cannot be written over, in milliseconds. */
const LINE_INTERVAL_MS = 5_000;

/** Time between updates of a line on a terminal, in milliseconds. */
const UPDATE_INTERVAL_MS = 100;

/** Creates the display of one download. */
export function createDownloadDisplay(options: DownloadDisplayOptions = {}): DownloadDisplay {
  const { live = Deno.stderr.isTerminal(), now = Date.now, write = writeError } = options;
  const startedMs = now();
  let shownMs = startedMs;
  let firstBytes: number | undefined;
  let open = false;
  const line = (text: string) => {
    write(open ? `\r\x1b[K${text}\n` : `${text}\n`);
    open = false;
  };
  return {
    line,
    show(event) {
      if (event.kind === "notice") return line(event.message);
      const { haveBytes, totalBytes } = event;
      firstBytes ??= haveBytes;
      const time = now();
      if (time - shownMs < (live ? UPDATE_INTERVAL_MS : LINE_INTERVAL_MS)) return;
      shownMs = time;
      const seconds = (time - startedMs) / 1000;
      const text = progressLine({
        haveBytes,
        totalBytes,
        bytesPerSecond: Math.max(0, haveBytes - firstBytes) / seconds,
      });
      if (!live) return line(text);
      write(`\r\x1b[K${text}`);
      open = true;
    },
    [Symbol.dispose]() {
      if (open) write("\n");
    },
  };
}

function progressLine(
  { haveBytes, totalBytes, bytesPerSecond }: {
    readonly haveBytes: number;
    readonly totalBytes: number;
    readonly bytesPerSecond: number;
  },
): string {
  const percent = totalBytes === 0 ? 100 : Math.floor(100 * haveBytes / totalBytes);
  const remainingMs = 1000 * (totalBytes - haveBytes) / bytesPerSecond;
  return [
    `${percent} %`,
    `${formatBytes(haveBytes)} of ${formatBytes(totalBytes)}`,
    `${formatBytes(Math.round(bytesPerSecond))}/s`,
    ...(haveBytes < totalBytes ? [`ETA ${formatDuration(remainingMs)}`] : []),
  ].join("  ");
}
