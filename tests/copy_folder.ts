/**
 * Copies folders for tests that change them.
 *
 * @module
 */

/** Copies the files of the folder `source` into the new folder `target`, writable. */
export async function copyFolder(source: string, target: string): Promise<void> {
  await Deno.mkdir(target, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(source)) {
    if (isFile) {
      await Deno.writeFile(`${target}/${name}`, await Deno.readFile(`${source}/${name}`));
    }
  }
}
