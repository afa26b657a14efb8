/**
 * A registry like JSR on this machine: what `deno publish` sends to it is what others then import.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import config from "../../deno.json" with { type: "json" };

/** A registry that holds this package until its scope ends. */
export interface LocalRegistry extends AsyncDisposable {
  /** Its address, for `JSR_URL`. */
  readonly url: string;
}

const { name, version, exports } = config;

/** Options of {@linkcode publishLocally}. */
export interface PublishOptions {
  /** The folder of the package. */
  readonly root: string;
  /** Folder to unpack it in. */
  readonly folder: string;
}

/**
 * Publishes the package to a registry of its own: what is published, and how its imports are spelled there, is
 * Deno's work.
 */
export async function publishLocally({ root, folder }: PublishOptions): Promise<LocalRegistry> {
  const archive = join(folder, "package.tar.gz");
  const unpacked = join(folder, "package");
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/api/")) return await answerPublisher(request, archive);
      return answerImporter(pathname, files);
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  try {
    await run(["publish", "--quiet", "--no-check", "--allow-dirty", "--token", "any"], {
      cwd: root,
      env: { JSR_URL: url },
    });
    await Deno.mkdir(unpacked);
    await run(["-xzf", archive, "-C", unpacked], { program: "tar", cwd: folder });
    for await (const path of filesIn(unpacked)) {
      files.set(`/${relative(unpacked, path)}`, await Deno.readFile(path));
    }
  } catch (error) {
    await server.shutdown();
    throw error;
  }
  return { url, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** The part of the registry that `deno publish` talks with. */
async function answerPublisher(request: Request, archive: string): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [packageScope, packageName] = name.slice(1).split("/");
  const task = { id: "1", status: "success", error: null, packageScope, packageName };
  if (request.method === "POST") {
    await Deno.writeFile(archive, new Uint8Array(await request.arrayBuffer()));
    return Response.json({ ...task, packageVersion: version });
  }
  if (pathname.includes("/versions/")) {
    return Response.json({ code: "packageVersionNotFound", message: "not yet" }, { status: 404 });
  }
  return Response.json({ scope: packageScope, name: packageName, githubRepository: null });
}

/** The part of the registry that Deno reads modules from. */
function answerImporter(
  path: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Response {
  const head = `/${name}/`;
  if (path === `${head}meta.json`) {
    const [scope, packageName] = name.split("/");
    return Response.json({
      scope,
      name: packageName,
      latest: version,
      versions: { [version]: {} },
    });
  }
  if (path === `${head}${version}_meta.json`) {
    const manifest = Object.fromEntries(Array.from(files, ([file, bytes]) => [file, {
      size: bytes.length,
      checksum: `sha256-${createHash("sha256").update(bytes).digest("hex")}`,
    }]));
    return Response.json({ manifest, exports });
  }
  const bytes = files.get(path.slice(head.length + version.length));
  return bytes === undefined ? new Response("", { status: 404 }) : new Response(bytes, {
    headers: {
      "content-type": path.endsWith(".json") ? "application/json" : "application/typescript",
    },
  });
}

async function run(
  args: readonly string[],
  { program = Deno.execPath(), cwd, env = {} }: {
    readonly program?: string;
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], cwd, env });
  const { success, stderr } = await command.output();
  if (!success) {
    throw new Error(`Cannot run "${args[0]}": ${new TextDecoder().decode(stderr)}`);
  }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* filesIn(path);
    else yield path;
  }
}
