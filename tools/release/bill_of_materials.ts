/**
 * Bills of materials in CycloneDX 1.6: what an executable consists of.
 *
 * The fields are those of https://cyclonedx.org/docs/1.6/json.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Package } from "./packages.ts";
import { sha256 } from "./sha256.ts";

/** Options of {@linkcode billOfMaterials}. */
export interface BillOptions {
  /** Version of the program. */
  readonly version: string;
  /** The executable. */
  readonly executable: {
    readonly name: string;
    readonly platform: string;
    readonly sha256: string;
  };
  /** The npm packages in it. */
  readonly packages: readonly Package[];
  /** When it was made, in seconds since the epoch. */
  readonly madeSeconds: number;
}

/** Returns the bill of materials of an executable, as JSON text. */
export function billOfMaterials(options: BillOptions): string {
  const { version, executable, packages, madeSeconds } = options;
  const ref = `pkg:generic/llm-training@${version}?platform=${executable.platform}`;
  const components = [runtimeComponent(), ...packages.map(packageComponent)];
  const present = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(executable.sha256)}`,
    version: 1,
    metadata: {
      timestamp: new Date(madeSeconds * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": ref,
        name: "llm-training",
        version,
        purl: ref,
        licenses: [{ license: { id: "Apache-2.0" } }],
        hashes: [{ alg: "SHA-256", content: executable.sha256 }],
        properties: [
          { name: "llm-training:file", value: executable.name },
          { name: "llm-training:platform", value: executable.platform },
        ],
      },
    },
    components,
    dependencies: [
      { ref, dependsOn: components.map((component) => component["bom-ref"]) },
      ...packages.map((each) => ({
        ref: purlOf(each),
        dependsOn: each.dependencies.filter((id) => present.has(id)).map(purlOfId),
      })),
    ],
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** Deno's runtime, which every executable begins with. */
function runtimeComponent() {
  const { deno } = Deno.version;
  const ref = `pkg:github/denoland/deno@v${deno}`;
  return {
    type: "platform",
    "bom-ref": ref,
    name: "deno",
    version: deno,
    purl: ref,
    licenses: [{ license: { id: "MIT" } }],
  };
}

function packageComponent(each: Package) {
  const [algorithm, digest] = each.integrity.split("-", 2);
  if (algorithm !== "sha512" || digest === undefined) {
    throw new Error(`Cannot list "${each.name}": its checksum "${each.integrity}" is no sha512`);
  }
  const separator = each.name.lastIndexOf("/");
  return {
    type: "library",
    "bom-ref": purlOf(each),
    ...(separator < 0 ? {} : { group: each.name.slice(0, separator) }),
    name: each.name.slice(separator + 1),
    version: each.version,
    purl: purlOf(each),
    licenses: [licenseChoice(each.license)],
    // The checksum of the package's archive, which is what the lock file holds
    hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }],
  };
}

/** An expression of SPDX where the package gives one, else the words it has. */
function licenseChoice(license: string) {
  const isExpression = /^[\w.+() -]+$/.test(license) && !/^SEE /i.test(license);
  return isExpression ? { expression: license } : { license: { name: license } };
}

function purlOf({ name, version }: Pick<Package, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(version)}`;
}

function purlOfId(id: string): string {
  const at = id.lastIndexOf("@");
  return purlOf({ name: id.slice(0, at), version: id.slice(at + 1) });
}

/** A UUID of version 8 that follows from `text`: the same executable has the same bill. */
function uuidOf(text: string): string {
  const digits = sha256(text);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}
