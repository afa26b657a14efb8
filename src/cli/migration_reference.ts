/**
 * The tables in `docs/migration.md`: what the settings of the Python platform are here, as files of settings are
 * translated.
 *
 * @module
 */

import { PYTHON_PLATFORM } from "../core/training/python_platform.ts";
import { flagOf } from "../utils/settings/setting.ts";
import type { LookUp, Translation, TranslationRule } from "../utils/settings/translate.ts";
import { markdownTable } from "./markdown_table.ts";
import { PLATFORM_SECTIONS } from "./platform_sections.ts";
import { TRAIN_SETTINGS } from "./settings_sections.ts";

/** What stands before and after the table. */
const MARK = /(<!-- keys of config\.json -->\n)[^]*?(<!-- end -->)/;

/** Values that keys may have: a rule may say something else of each. */
const VALUES: readonly unknown[] = [
  1,
  true,
  "text",
  "muon",
  "adamw",
  [1, 2],
  "lora",
  "qlora",
  2,
  null,
];

/** What other keys are taken to say, for rules that ask. */
const OTHERS: Readonly<Record<string, unknown>> = {
  training_mode: "lora",
  "optimizer.type": "muon",
};

/** Returns `page` with the table between its marks made anew. */
export function withMigrationTable(page: string): string {
  const lookUp: LookUp = (key) => OTHERS[key];
  const rows = Object.entries({ ...PYTHON_PLATFORM, ...PLATFORM_SECTIONS }).map(([key, rule]) => [
    `\`${key}\``,
    sentence(translations(rule, lookUp)),
  ]);
  const table = markdownTable([["config.json", "here"], ...rows]);
  return page.replace(MARK, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`);
}

/** What becomes of a key, by any of its values. */
function translations(rule: TranslationRule, lookUp: LookUp): readonly Translation[] {
  return VALUES.flatMap((value) => rule(value, lookUp));
}

/** The settings it may be; else why nothing needs to be done; else why it is refused. */
function sentence(all: readonly Translation[]): string {
  const settings = new Set(all.flatMap((each) => "setting" in each ? [each.setting] : []));
  if (settings.size > 0) {
    return [...settings].map((key) => `\`${key}\`, \`${flagOf(key, TRAIN_SETTINGS[key]!)}\``)
      .join("; ");
  }
  const refused = all.find((each) => "refused" in each);
  if (refused !== undefined) return `only its default is taken: ${refused.refused}`;
  const nothing = all.find((each) => "nothing" in each);
  return `nothing: ${nothing?.nothing}`;
}
