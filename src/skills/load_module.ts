/**
 * The one import whose specifier is not known when the program is built: modules that people name.
 *
 * @module
 */

/** Loads a module; it fails as `import()` does. */
export async function importModule(specifier: string): Promise<unknown> {
  return await import(specifier);
}
