/**
 * A page in a headless Chromium that generates with transformers.js, served from this machine.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../../temporary_folder.ts";
import type { Job, Made } from "./jobs.ts";

/** Options of {@linkcode generateInBrowser}. */
export interface BrowserOptions {
  /** Path of Chromium. */
  readonly chromium: string;
  /** Folder with the npm packages. */
  readonly packages: string;
  /** Folder with models. */
  readonly models: string;
}

type PageResult = { readonly results: readonly Made[] } | { readonly error: string };

const PAGE = fileURLToPath(new URL("page.html", import.meta.url));
const SCRIPT = fileURLToPath(new URL("run_jobs.mjs", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  wasm: "application/wasm",
};

/** Runs jobs in the browser. */
export async function generateInBrowser(
  jobs: readonly Job[],
  { chromium, packages, models }: BrowserOptions,
): Promise<readonly Made[]> {
  const { promise, resolve } = Promise.withResolvers<PageResult>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/jobs") return Response.json(jobs);
      if (pathname === "/result") {
        resolve(await request.json());
        return new Response();
      }
      if (pathname === "/") return await file(PAGE);
      if (pathname === "/run_jobs.mjs") return await file(SCRIPT);
      if (pathname.startsWith("/models/")) return await file(join(models, pathname.slice(8)));
      return await file(join(packages, pathname));
    },
  );
  await using profile = await temporaryFolder();
  const process = new Deno.Command(chromium, {
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      // nothing but this machine
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--user-data-dir=${profile.path}`,
      `http://127.0.0.1:${server.addr.port}/`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = process.status.then(({ code }): PageResult => ({
    error: `Chromium ended with status ${code}`,
  }));
  const result = await Promise.race([promise, ended]);
  try {
    process.kill("SIGTERM");
  } catch {
    // it has ended by itself
  }
  await ended;
  if ("error" in result) throw new Error(`Cannot generate in the browser: ${result.error}`);
  return result.results;
}

async function file(path: string): Promise<Response> {
  try {
    const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    return new Response(await Deno.readFile(path), { headers: { "content-type": type } });
  } catch {
    return new Response("there is no such file", { status: 404 });
  }
}
