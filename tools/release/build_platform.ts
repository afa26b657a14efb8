/**
 * Builds what a release has for one platform: executable, archive, checksum and bill of materials.
 *
 * @module
 */

import { join } from "node:path";
import {
  archiveName,
  executableName,
  type ReleasePlatform,
} from "../../src/cli/release_platform.ts";
import type { ReleaseBuild, ReleaseFile } from "../../src/cli/release_manifest.ts";
import { RELEASE_SOURCE_FILE } from "../../src/cli/release_source.ts";
import type { ArchiveEntry } from "../../src/utils/archive/entry.ts";
import { writeTarGz } from "../../src/utils/archive/tar.ts";
import { writeZip } from "../../src/utils/archive/zip.ts";
import type { Bundle } from "../compile/bundle.ts";
import { compileFor, type Workplace } from "../compile/compile_program.ts";
import { TARGETS } from "../compile/targets.ts";
import { billOfMaterials } from "./bill_of_materials.ts";
import type { Package } from "./packages.ts";
import { TRIPLES } from "./platforms.ts";
import type { ReleaseFolder } from "./release_folder.ts";
import { findRuntime, NoRuntimeError, type RuntimeOptions } from "./runtime.ts";
import { sha256 } from "./sha256.ts";
import { thirdPartyLicenses } from "./third_party.ts";

/** The package whose libraries are only embedded where there are some for the platform. */
const NATIVE_PACKAGE = "onnxruntime-node";

/** What every platform's build begins with. */
export interface BuildInput {
  /** Version of the program. */
  readonly version: string;
  /** The bundled program. */
  readonly bundled: Bundle;
  /** The npm packages in it, and the native one. */
  readonly packages: readonly Package[];
  /** Where later releases will be found, for `upgrade`; empty where nobody knows. */
  readonly baseUrl: string;
  /** When the files were made, in seconds since the epoch. */
  readonly madeSeconds: number;
  /** Where the runtime comes from. */
  readonly runtime: RuntimeOptions;
  /** Where it is built. */
  readonly workplace: Workplace;
  /** Where it is put. */
  readonly output: ReleaseFolder;
}

/** Builds all for `platform`, or says why there is nothing. */
export async function buildPlatform(
  platform: ReleasePlatform,
  input: BuildInput,
): Promise<ReleaseBuild> {
  const { version, madeSeconds, output, workplace } = input;
  const triple = TRIPLES[platform];
  let denort: string;
  try {
    denort = await findRuntime(triple, input.runtime);
  } catch (error) {
    if (!(error instanceof NoRuntimeError)) throw error;
    return { platform, triple, built: false, reason: `no runtime to be had: ${error.message}` };
  }
  const target = TARGETS[triple]!;
  const packages = target.folder === undefined
    ? input.packages.filter(({ name }) => name !== NATIVE_PACKAGE)
    : input.packages;
  const name = executableName(platform);
  const path = join(workplace.folder, platform, name);
  await compileFor({
    triple,
    target,
    bundled: input.bundled,
    output: path,
    denort,
    modifiedSeconds: madeSeconds,
    extra: { [RELEASE_SOURCE_FILE]: JSON.stringify({ baseUrl: input.baseUrl }) },
  }, workplace);
  const bytes = await Deno.readFile(path);
  const executable: ReleaseFile = { name, sizeBytes: bytes.length, sha256: sha256(bytes) };
  const entries = [
    { name, bytes, executable: true },
    textEntry("LICENSE", await Deno.readTextFile(join(workplace.root, "LICENSE"))),
    textEntry("THIRD_PARTY_LICENSES.txt", thirdPartyLicenses(packages)),
  ];
  const write = platform.startsWith("windows") ? writeZip : writeTarGz;
  const options = { modifiedSeconds: madeSeconds };
  const archive = await output.add(archiveName(platform), await write(entries, options));
  await output.addChecksum(archive);
  const bill = await output.add(
    `llm-training-${platform}.cdx.json`,
    billOfMaterials({
      version,
      executable: { ...executable, platform },
      packages,
      madeSeconds,
    }),
  );
  return { platform, triple, built: true, archive, executable, billOfMaterials: bill.name };
}

function textEntry(name: string, text: string): ArchiveEntry {
  return { name, bytes: new TextEncoder().encode(text) };
}
