/**
 * Keys of the Python platform in sections that have their names here too, but other settings.
 *
 * @module
 */

import { UserError } from "../utils/errors.ts";
import type { SettingEntry } from "../utils/settings/settings_file.ts";
import type { TranslationReport, TranslationTable } from "../utils/settings/translate.ts";

/** What becomes of each, by its section and its name. */
export const PLATFORM_SECTIONS: TranslationTable = {
  "retention.enabled": (value) =>
    value === false
      ? [{ refused: 'leave it out, and give "pruneHours": null in the section "daemon"' }]
      : [{ nothing: "the rules of retention always hold" }],
};

/**
 * Takes these keys out of the sections of a file.
 *
 * @throws {UserError} If one has a value that cannot be taken.
 */
export function withoutPlatformKeys(
  sections: readonly SettingEntry[],
  { onNothing }: Pick<TranslationReport, "onNothing">,
): readonly SettingEntry[] {
  return sections.map((section) => {
    if (section.entries === undefined) return section;
    const entries = section.entries.filter(({ key, value, place }) => {
      const whole = `${section.key}.${key}`;
      const rule = Object.hasOwn(PLATFORM_SECTIONS, whole) ? PLATFORM_SECTIONS[whole] : undefined;
      for (const each of rule?.(value, () => undefined) ?? []) {
        if ("refused" in each) {
          throw new UserError(`Cannot take "${whole}" (${place}): ${each.refused}`);
        }
        if ("nothing" in each) onNothing({ key: whole, reason: each.nothing });
      }
      return rule === undefined;
    });
    return { ...section, entries };
  });
}
