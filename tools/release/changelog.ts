/**
 * What is new in a version, as the changelog has it.
 *
 * @module
 */

/**
 * Returns the section of `changelog` about `version`, without its heading.
 *
 * @throws {RangeError} If there is none, or nothing is in it.
 */
export function changelogSection(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => /^\[?v?([^\s\]]+)/.exec(text)?.[1] === version);
  const body = section?.slice(section.indexOf("\n")).trim();
  if (!body) {
    throw new RangeError(
      `Cannot write release notes: CHANGELOG.md says nothing under "## ${version}"; add that section`,
    );
  }
  return `${body}\n`;
}
