/**
 * The licences of what an executable consists of, as they ask to be passed on.
 *
 * @module
 */

import type { Package } from "./packages.ts";

const RULE = "-".repeat(100);

/** Returns the text of `THIRD_PARTY_LICENSES.txt`. */
export function thirdPartyLicenses(packages: readonly Package[]): string {
  const sections = packages.map(({ name, version, license, licenseText }) =>
    `${name} ${version}\nLicence: ${license}\n\n${
      licenseText?.trim() ?? `See https://www.npmjs.com/package/${name}/v/${version}`
    }\n`
  );
  const runtime = `deno ${Deno.version.deno}\nLicence: MIT\n\n` +
    `See https://github.com/denoland/deno/blob/v${Deno.version.deno}/LICENSE.md\n`;
  return [
    "llm-training is under the Apache License 2.0 (see LICENSE). It contains the following.\n",
    runtime,
    ...sections,
  ].join(`\n${RULE}\n`);
}
