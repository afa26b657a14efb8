/**
 * How a model on the hub is named: `owner/name`, with `@revision` behind it where it is not `main`.
 *
 * @module
 */

/** A repository of models, at one of its states. */
export interface HubReference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or the hash of a commit. */
  readonly revision: string;
}

/** The revision that is meant where none is named. */
export const DEFAULT_REVISION = "main";

const PART = String.raw`[\w-][\w.-]*`;
const REFERENCE = new RegExp(`^(${PART}/${PART})(?:@(.+))?$`);
const REVISION = new RegExp(`^${PART}(?:/${PART})*$`);
const COMMIT = /^[0-9a-f]{40}$/;

/** Reads `owner/name` or `owner/name@revision`; returns `undefined` for anything else. */
export function parseHubReference(name: string): HubReference | undefined {
  const [, repository, revision = DEFAULT_REVISION] = REFERENCE.exec(name) ?? [];
  // both become names of folders: none may lead out of the cache
  if (repository === undefined || !isRevision(revision)) return undefined;
  return { repository, revision };
}

/** Whether `revision` can be the name of a branch, a tag or a commit. */
export function isRevision(revision: string): boolean {
  return REVISION.test(revision) && !revision.includes("..");
}

/** Whether `revision` is the full hash of a commit, which never comes to stand for another state. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Writes a reference as it is typed. */
export function formatReference({ repository, revision }: HubReference): string {
  return revision === DEFAULT_REVISION ? repository : `${repository}@${revision}`;
}
