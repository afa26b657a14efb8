/**
 * Stands for a trainer that fails: in which way, the file `how` in the home says, a word for each attempt.
 *
 * @module
 */

import { join } from "node:path";

const path = join(Deno.env.get("LLM_TRAINING_HOME")!, "how");
const [way, ...rest] = (await Deno.readTextFile(path)).split(" ");
await Deno.writeTextFile(path, rest.join(" "));
const write = (to: typeof Deno.stdout | typeof Deno.stderr, line: string) =>
  to.writeSync(new TextEncoder().encode(`${line}\n`));
const say = (message: object) => write(Deno.stdout, JSON.stringify(message));

switch (way) {
  case "crash":
    write(Deno.stderr, "internal error: it came to this");
    Deno.exit(70);
    break;
  case "abort":
    Deno.kill(Deno.pid, "SIGABRT");
    break;
  case "input":
    say({ kind: "failed", reason: "input", message: "Cannot train: of no use" });
    Deno.exit(1);
    break;
  case "download":
    say({ kind: "failed", reason: "download", message: "Cannot download it" });
    Deno.exit(1);
    break;
  case "hang":
    write(Deno.stdout, "a library prints something");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    break;
  case "killed":
    Deno.kill(Deno.pid, "SIGKILL");
    break;
}
