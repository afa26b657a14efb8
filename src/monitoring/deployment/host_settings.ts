/**
 * The hosts that models are deployed to: where each listens, how files get there, and where its key is.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import {
  array,
  decodeError,
  type Decoder,
  type JsonObject,
  nullable,
  object,
  optional,
  text,
} from "../../utils/json.ts";

/** The environment variable with the admin key, where a host names no other. */
export const ADMIN_KEY_VARIABLE = "LLM_TRAINING_ADMIN_KEY";

/** A host: a `serve` that takes an admin key. */
export interface HostSettings {
  /** What it is called in status and history. */
  readonly name: string;
  /** Where it listens, without a path. */
  readonly url: string;
  /** How files get there, as {@linkcode parseShipping} reads it. */
  readonly ship: string;
  /** The environment variable that holds its admin key. */
  readonly keyVariable: string;
  /** A file that holds its admin key; null reads the variable. */
  readonly keyFile: string | null;
}

/** How files get to a host. */
export type Shipping =
  /** Hard links, or copies, in its model root, which this machine sees as a folder. */
  | { readonly kind: "link"; readonly root: string }
  /** `rsync` to a folder of another machine, by ssh. */
  | { readonly kind: "rsync"; readonly target: string | null; readonly root: string }
  /** Through a bucket of S3: the host fetches by URLs that are signed for it. */
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string }
  /** The host fetches from a place on the web where the files lie already. */
  | { readonly kind: "url"; readonly base: string }
  /** The host fetches from this process, which listens for as long as that takes. */
  | { readonly kind: "serve"; readonly hostname: string | null; readonly port: number };

/**
 * Reads how files get to a host: `serve`, `serve:<address>:<port>`, `link:<folder>`, `rsync:<user@machine>:<folder>`,
 * `s3://<bucket>/<prefix>` or the URL of a folder.
 *
 * @throws {UserError} If it is none of them.
 */
export function parseShipping(ship: string): Shipping {
  const [, scheme = "", rest = ""] = /^([a-z0-9]+):?(.*)$/s.exec(ship) ?? [];
  switch (scheme) {
    case "serve": {
      const [, hostname = "", port = "0"] = /^(\[[^\]]+\]|[^:]*)(?::(\d+))?$/.exec(rest) ?? [];
      return { kind: "serve", hostname: hostname || null, port: Number(port) };
    }
    case "link":
      if (rest !== "") return { kind: "link", root: rest };
      break;
    case "rsync": {
      const [, target, root = ""] = /^(?:([^:/]+):)?(.+)$/s.exec(rest) ?? [];
      if (root !== "") return { kind: "rsync", target: target ?? null, root };
      break;
    }
    case "s3": {
      const [, bucket = "", prefix = ""] = /^\/\/([^/]+)\/*(.*?)\/*$/.exec(rest) ?? [];
      if (bucket !== "") return { kind: "s3", bucket, prefix };
      break;
    }
    case "http":
    case "https":
      if (URL.canParse(ship)) return { kind: "url", base: ship.replace(/\/+$/, "") };
  }
  throw new UserError(
    `Cannot ship models by "${ship}": it must be serve[:address[:port]], link:<folder>, ` +
      "rsync:<user@machine>:<folder>, s3://<bucket>/<prefix> or the URL of a folder",
  );
}

/**
 * Returns a host by its URL alone, or with what else is known.
 *
 * @throws {UserError} If the URL is none.
 */
export function hostOf(
  { url, name, ship = "serve", keyVariable = ADMIN_KEY_VARIABLE, keyFile = null }: {
    readonly url: string;
    readonly name?: string | undefined;
    readonly ship?: string | undefined;
    readonly keyVariable?: string | undefined;
    readonly keyFile?: string | null | undefined;
  },
): HostSettings {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new UserError(
      `Cannot deploy to "${url}": a host is the URL of a server, such as http://10.0.0.5:8765`,
    );
  }
  parseShipping(ship); // refused now, not when a model is under way
  const path = parsed.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return {
    name: name ?? parsed.host,
    url: `${parsed.origin}${path}`,
    ship,
    keyVariable,
    keyFile,
  };
}

const hostObject = object({
  url: text(),
  name: optional(text(), undefined),
  ship: optional(text(), undefined),
  keyVariable: optional(text(), undefined),
  keyFile: optional(nullable(text()), undefined),
});

/** Decodes the hosts of a file: each a URL, or an object. */
export const decodeHosts: Decoder<readonly HostSettings[]> = (value, place) => {
  const hosts = array<HostSettings>((each, at) => {
    const given = typeof each === "string" ? { url: each } : hostObject(each, at);
    try {
      return hostOf(given);
    } catch (error) {
      if (error instanceof UserError) throw decodeError(at, "a host with a URL", each);
      throw error;
    }
  })(value, place);
  const twice = hosts.find(({ name }, i) => hosts.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) {
    throw decodeError(
      place,
      `hosts with names of their own ("${twice.name}" is there twice)`,
      value,
    );
  }
  return hosts;
};

/** The JSON Schema of hosts. */
export const HOSTS_SCHEMA: JsonObject = {
  type: "array",
  items: {
    anyOf: [
      { type: "string", format: "uri" },
      {
        type: "object",
        properties: {
          url: { type: "string", format: "uri", description: "where the server listens" },
          name: { type: "string", description: "what it is called (default: by its URL)" },
          ship: {
            type: "string",
            description:
              "how files get there: serve[:address[:port]], link:<folder>, rsync:<user@machine>:<folder>, " +
              "s3://<bucket>/<prefix> or the URL of a folder (default: serve)",
          },
          keyVariable: {
            type: "string",
            description:
              `the environment variable with its admin key (default: ${ADMIN_KEY_VARIABLE})`,
          },
          keyFile: {
            type: ["string", "null"],
            description: "a file with its admin key (default: none)",
          },
        },
        required: ["url"],
        additionalProperties: false,
      },
    ],
  },
};
