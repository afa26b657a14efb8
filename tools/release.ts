/**
 * `deno task release`: makes all that a release consists of, in `dist/`: executables, installers, and the bundles that
 * run from a web server.
 *
 * usage: deno task release [--target PLATFORM]... [--require PLATFORM|all]... [--base-url URL]
 *                          [--denort PROGRAM] [--output FOLDER]
 *
 *   --target    only this platform (linux-x64, linux-arm64, macos-arm64, macos-x64, windows-x64)
 *   --require   end with status 1 if there is no executable for this platform, or for one of those asked for
 *   --base-url  where the release's files will lie: written into the installers and, for "upgrade", the executables
 *   --denort    program that prints the path of a denort, given "--target TRIPLE"; else Deno's server is asked
 *
 * A platform whose runtime is not to be had is reported, in what is printed and in manifest.json. The time of the
 * files is $SOURCE_DATE_EPOCH, else now.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import {
  RELEASE_MANIFEST,
  type ReleaseBuild,
  type ReleaseManifest,
} from "../src/cli/release_manifest.ts";
import { RELEASE_PLATFORMS, type ReleasePlatform } from "../src/cli/release_platform.ts";
import { writeFileAtomic } from "../src/utils/atomic_file.ts";
import { bundleProgram } from "./compile/compile_program.ts";
import { buildPlatform } from "./release/build_platform.ts";
import { changelogSection } from "./release/changelog.ts";
import { addInstallers } from "./release/installers.ts";
import { bundledPackages, describePackages } from "./release/packages.ts";
import { ReleaseFolder } from "./release/release_folder.ts";
import { releaseSummary } from "./release/summary.ts";
import { bundleWeb } from "./web/bundle.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  args: Deno.args,
  options: {
    target: { type: "string", multiple: true, default: [...RELEASE_PLATFORMS] },
    require: { type: "string", multiple: true, default: [] },
    "base-url": { type: "string", default: "" },
    denort: { type: "string" },
    output: { type: "string", default: join(root, "dist") },
  },
});

function platformNamed(name: string): ReleasePlatform {
  const found = RELEASE_PLATFORMS.find((platform) => platform === name);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot release for "${name}": choose from ${RELEASE_PLATFORMS.join(", ")}`,
  );
}

const targets = values.target.map(platformNamed);
const required = values.require.flatMap((name) => name === "all" ? targets : platformNamed(name));
const { version } = config;
const notes = changelogSection(await Deno.readTextFile(join(root, "CHANGELOG.md")), version);
const folder = resolve(values.output);
const workplace = { root, folder: join(folder, "work") };
const output = await ReleaseFolder.open(folder);
const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
const bundled = await bundleProgram(join(root, "cli.ts"), workplace);
const names = await bundledPackages(join(workplace.folder, "bundle"));
const packages = await describePackages(new Set([...names, "onnxruntime-node"]), root);

const builds: ReleaseBuild[] = [];
for (const platform of targets) {
  builds.push(
    await buildPlatform(platform, {
      version,
      bundled,
      packages,
      baseUrl: values["base-url"],
      madeSeconds: epoch === undefined ? Math.floor(Date.now() / 1000) : Number(epoch),
      runtime: {
        folder: join(workplace.folder, "runtimes"),
        program: values.denort ?? Deno.env.get("DENORT_PROGRAM"),
      },
      workplace,
      output,
    }),
  );
}
for (const path of await bundleWeb({ root, folder })) await output.take(basename(path));
await addInstallers(output, { root, baseUrl: values["base-url"] });
await output.add("RELEASE_NOTES.md", notes);
const manifest: ReleaseManifest = {
  name: "llm-training",
  version,
  deno: Deno.version.deno,
  builds,
  files: output.files,
};
await writeFileAtomic(join(folder, RELEASE_MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
await output.take(RELEASE_MANIFEST);
await output.close();

await Deno.stdout.write(new TextEncoder().encode(releaseSummary(manifest)));
const missing = builds.filter(({ built, platform }) => !built && required.includes(platform));
const left = required.filter((platform) => !targets.includes(platform));
if (missing.length + left.length > 0 || builds.every(({ built }) => !built)) Deno.exit(1);
