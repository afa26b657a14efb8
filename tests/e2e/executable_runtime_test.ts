import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { idleMemory } from "../bench/idle_memory.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const MAX_BYTES = 125e6;
const MAX_IDLE_BYTES = 250e6;
const suffix = Deno.build.os === "windows" ? ".exe" : "";
const executable = fileURLToPath(new URL(`../../dist/llm-training${suffix}`, import.meta.url));

function testExecutable(name: string, fn: () => Promise<void>): void {
  const ignore = !existsSync(executable);
  Deno.test({ name: ignore ? `${name} (skipped: no "deno task compile" yet)` : name, ignore, fn });
}

interface Report {
  readonly devices: readonly {
    readonly device: string;
    readonly problem?: string;
    readonly gpu?: unknown;
    readonly gigaflops?: number;
  }[];
}

/** Runs `doctor` in the empty folder `cwd` with nothing in the environment but what is given. */
async function doctor(
  cwd: string,
  { env, flags = [] }: {
    readonly env: Readonly<Record<string, string>>;
    readonly flags?: readonly string[];
  },
): Promise<Report> {
  const { success, stdout, stderr } = await new Deno.Command(executable, {
    args: ["doctor", "--json", "--threads", "2", ...flags],
    cwd,
    clearEnv: true,
    env,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function nativeProblem({ devices }: Report): string | undefined {
  return devices.find(({ device }) => device === "native")?.problem;
}

async function names(folder: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
}

testExecutable(`the executable is at most ${MAX_BYTES / 1e6} MB`, async () => {
  assert.ok((await Deno.stat(executable)).size <= MAX_BYTES);
});

testExecutable("the executable computes on every device from an empty folder", async () => {
  await using folder = await temporaryFolder();
  const { devices } = await doctor(folder.path, { env: { HOME: folder.path } });
  for (const { device, problem, gpu, gigaflops } of devices) {
    if (device === "webgpu" && gpu === undefined) continue; // a machine without any adapter
    assert.equal(problem, undefined);
    assert.ok(gigaflops! > 0, device);
  }
  assert.deepEqual(await names(folder.path), [".cache"], "nothing but the cache is left behind");
  assert.deepEqual(await names(join(folder.path, ".cache")), ["llm-training"]);
});

testExecutable(
  "the executable unpacks its library once when several start at the same time",
  async () => {
    await using folder = await temporaryFolder();
    const env = { HOME: folder.path };
    const flags = ["--device", "native", "--no-speed"];
    const reports = await Promise.all(
      Array.from({ length: 4 }, () => doctor(folder.path, { env, flags })),
    );
    for (const report of reports) assert.equal(nativeProblem(report), undefined);
    const [unpacked, ...others] = await names(join(folder.path, ".cache", "llm-training"));
    assert.match(unpacked!, /^native-[0-9a-f]{16}$/);
    assert.deepEqual(others, []);
  },
);

testExecutable(
  "the executable unpacks into a private temporary folder where there is no home",
  async () => {
    await using folder = await temporaryFolder();
    const env = { HOME: "/dev/null/nowhere", TMPDIR: folder.path };
    const report = await doctor(folder.path, { env, flags: ["--no-speed"] });
    assert.equal(nativeProblem(report), undefined);
    const own = (await names(folder.path)).find((name) => name.startsWith("llm-training-"));
    assert.ok(own !== undefined);
    const { mode } = await Deno.stat(join(folder.path, own));
    assert.equal(mode! & 0o777, 0o700);
  },
);

const model = sharedData("models/TinyStories-656K");
if (model !== undefined && Deno.build.os === "linux") {
  testExecutable(`a server that waits takes at most ${MAX_IDLE_BYTES / 1e6} MB`, async () => {
    await using folder = await temporaryFolder();
    for (const start of ["the first", "a later"]) {
      const { residentBytes } = await idleMemory(executable, { model, home: folder.path });
      assert.ok(residentBytes <= MAX_IDLE_BYTES, `${start} start: ${residentBytes / 1e6} MB`);
    }
  });
}
