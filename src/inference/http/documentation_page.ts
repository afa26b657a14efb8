/**
 * `/docs`: the description of the server as a page that needs nothing from elsewhere.
 *
 * @module
 */

/** Headers of the page: it loads nothing and runs nothing. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
};

/** A part of an OpenAPI document. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Operation {
  readonly summary?: string;
  readonly requestBody?: Content;
  readonly responses?: Readonly<Record<string, Content & { readonly description?: string }>>;
}

/** What the page shows of an OpenAPI document. */
interface Description {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const METHODS = ["get", "post", "put", "delete"];

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "table{border-collapse:collapse;width:100%}td,th{border:1px solid #8884;padding:.3rem .6rem;text-align:left;" +
  "vertical-align:top}code{background:#8882;padding:0 .2rem}h2{margin-top:2.5rem}:root{color-scheme:light dark}";

/** Returns the page for an OpenAPI 3.1 document. */
export function documentationPage(document: unknown): string {
  const { info, paths = {}, components } = document as Description; // made by the library that serves it
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    METHODS.flatMap((method) => {
      const operation = methods[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    })
  );
  const schemas = Object.entries(components?.schemas ?? {});
  const title = escape(`${info.title} ${info.version}`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body><h1>${title}</h1>` +
    `<p>The same for programs: <a href="openapi.json">openapi.json</a>. Send keys as ` +
    `<code>Authorization: Bearer &lt;key&gt;</code>.</p><ul>${
      operations.map(({ path, method, operation }) =>
        `<li><a href="#${anchor(method, path)}"><code>${method.toUpperCase()} ${
          escape(path)
        }</code></a> ${escape(operation.summary ?? "")}</li>`
      ).join("")
    }</ul>${operations.map(section).join("")}<h2>Objects</h2>${
      schemas.map(([name, schema]) =>
        `<h3 id="${escape(name)}">${escape(name)}</h3>${fields(schema)}`
      ).join("")
    }</body></html>`;
}

function section({ path, method, operation }: {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}): string {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const rows = Object.entries(operation.responses ?? {}).map(([status, answer]) => {
    const shown = Object.entries(answer.content ?? {}).map(([type, { schema }]) =>
      `<code>${escape(type)}</code> ${schema === undefined ? "" : kind(schema)}`
    );
    return `<tr><td>${escape(status)}</td><td>${escape(answer.description ?? "")}</td><td>${
      shown.join("<br>")
    }</td></tr>`;
  });
  return `<h2 id="${anchor(method, path)}"><code>${method.toUpperCase()} ${
    escape(path)
  }</code></h2><p>${escape(operation.summary ?? "")}.</p>${
    body === undefined ? "" : `<p>Takes ${kind(body)}.</p>`
  }<table><tr><th>status</th><th>when</th>` +
    `<th>answer</th></tr>${rows.join("")}</table>`;
}

function fields(schema: Schema): string {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return `<p>${kind(schema)}</p>`;
  const rows = entries.map(([name, field]) => {
    const needed = schema.required?.includes(name) ? " (required)" : "";
    const fallback = field.default === undefined
      ? ""
      : ` Default: <code>${escape(JSON.stringify(field.default))}</code>.`;
    return `<tr><td><code>${escape(name)}</code>${needed}</td><td>${kind(field)}</td><td>${
      escape(field.description ?? "")
    }${fallback}</td></tr>`;
  });
  return `<table><tr><th>field</th><th>type</th><th>meaning</th></tr>${rows.join("")}</table>`;
}

function kind(schema: Schema): string {
  const { $ref, items, minimum, maximum } = schema;
  if ($ref !== undefined) {
    const name = escape($ref.split("/").at(-1) ?? "");
    return `<a href="#${name}">${name}</a>`;
  }
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) return union.map(kind).join(" or ");
  if (schema.const !== undefined) return `<code>${escape(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined) {
    return schema.enum.map((one) => `<code>${escape(JSON.stringify(one))}</code>`).join(" or ");
  }
  if (items !== undefined) return `array of ${kind(items)}`;
  const type = [schema.type ?? "any"].flat().join(" or ");
  const isSafe = (bound: number | undefined) =>
    bound !== undefined && Math.abs(bound) < 2 ** 53 - 1;
  const from = isSafe(minimum) ? ` ≥ ${minimum}` : "";
  const to = isSafe(maximum) ? ` ≤ ${maximum}` : "";
  return escape(type + from + to);
}

function anchor(method: string, path: string): string {
  return `${method}${path.replaceAll(/\W+/g, "-")}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
