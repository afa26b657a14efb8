import assert from "node:assert/strict";
import { join } from "node:path";
import { type ArchiveEntry, ArchiveError } from "../../../src/utils/archive/entry.ts";
import { readTarGz, writeTarGz } from "../../../src/utils/archive/tar.ts";
import { readZip, writeZip } from "../../../src/utils/archive/zip.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const FORMATS = [
  {
    name: "tar.gz",
    write: writeTarGz,
    read: readTarGz,
    unpack: ["tar", "-xzf"],
    pack: ["tar", "-czf"],
  },
  {
    name: "zip",
    write: writeZip,
    read: readZip,
    unpack: ["python3", "-m", "zipfile", "-e"],
    pack: ["python3", "-m", "zipfile", "-c"],
  },
] as const;

const entries: readonly ArchiveEntry[] = [
  { name: "program", bytes: crypto.getRandomValues(new Uint8Array(3000)), executable: true },
  { name: "docs/ä.txt", bytes: new TextEncoder().encode("Text\n".repeat(1000)), executable: false },
  { name: "empty", bytes: new Uint8Array(), executable: false },
];
const modifiedSeconds = Date.UTC(2026, 10, 26, 12) / 1000;

async function run([program, ...args]: readonly string[], cwd: string): Promise<boolean> {
  const { success } = await new Deno.Command(program!, { args, cwd, stderr: "null" }).output()
    .catch(() => ({ success: false }));
  return success;
}

for (const { name, write, read, unpack, pack } of FORMATS) {
  Deno.test(`an archive reads back as it was written (${name})`, async () => {
    const archive = await write(entries, { modifiedSeconds });
    assert.deepEqual(await read(archive), entries);
    assert.deepEqual(await write(entries, { modifiedSeconds }), archive, "same bytes each time");
  });

  const others = `an archive is unpacked by other programs, and theirs by us (${name})`;
  const ignore = !await run([unpack[0], "--version"], ".");
  Deno.test(
    { name: ignore ? `${others} (skipped: no ${unpack[0]})` : others, ignore },
    async () => {
      await using folder = await temporaryFolder();
      const { path } = folder;
      await Deno.writeFile(join(path, "archive"), await write(entries, { modifiedSeconds }));
      if (!await run([...unpack, "archive", ...(name === "zip" ? ["."] : [])], path)) {
        throw new Error(`"${unpack.join(" ")}" failed`);
      }
      for (const { name, bytes } of entries) {
        assert.deepEqual(new Uint8Array(await Deno.readFile(join(path, name))), bytes, name);
      }
      assert.ok(await run([...pack, "theirs", "program", "docs", "empty"], path));
      const theirs = await read(await Deno.readFile(join(path, "theirs")));
      const content = (list: readonly ArchiveEntry[]) =>
        list.map(({ name, bytes }) => [name, bytes]);
      assert.deepEqual(content(theirs), content(entries));
    },
  );

  Deno.test(`an archive that is cut off or changed is refused (${name})`, async () => {
    const archive = await write(entries, { modifiedSeconds });
    for (const length of [0, 1, 100, archive.length >> 1, archive.length - 1]) {
      await assert.rejects(read(archive.subarray(0, length)), ArchiveError, `${length} bytes`);
    }
    const changed = archive.slice();
    changed[200]! ^= 1;
    await assert.rejects(read(changed), ArchiveError);
  });
}
