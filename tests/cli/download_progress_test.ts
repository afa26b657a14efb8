import assert from "node:assert/strict";
import { createDownloadDisplay } from "../../src/cli/download_progress.ts";

/** Shows what has come, by time in milliseconds, and returns all that is written. */
function shown(live: boolean, haveBytes: Readonly<Record<number, number>>): string {
  let text = "";
  let time = 0;
  {
    using display = createDownloadDisplay({
      live,
      now: () => time,
      write: (more) => text += more,
    });
    for (const [at, bytes] of Object.entries(haveBytes)) {
      time = Number(at);
      display.show({ kind: "progress", haveBytes: bytes, totalBytes: 10_000_000 });
    }
    display.show({ kind: "notice", message: "broke off" });
  }
  return text;
}

Deno.test("createDownloadDisplay() writes over its line on a terminal, with speed and time left", () => {
  // 2 MB were there before, so that 1 MB came in a second
  assert.equal(
    shown(true, { 0: 2_000_000, 50: 2_100_000, 1000: 3_000_000 }),
    "\r\x1b[K30 %  3 MB of 10 MB  1 MB/s  ETA 7.0 s\r\x1b[Kbroke off\n",
  );
});

Deno.test("createDownloadDisplay() writes a line now and then elsewhere", () => {
  assert.equal(
    shown(false, { 0: 0, 1000: 1_000_000, 5000: 5_000_000, 6000: 6_000_000, 10_000: 10_000_000 }),
    "50 %  5 MB of 10 MB  1 MB/s  ETA 5.0 s\n100 %  10 MB of 10 MB  1 MB/s\nbroke off\n",
  );
});
