/**
 * The options by which commands find out where and how models are deployed.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { DAEMON_SETTINGS } from "../core/daemon/settings.ts";
import { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import {
  hostOf,
  type HostSettings,
  parseShipping,
} from "../monitoring/deployment/host_settings.ts";
import {
  CANARY_SETTINGS,
  DEPLOYMENT_SETTINGS,
  type DeploymentSettings,
  GATE_SETTINGS,
} from "../monitoring/deployment/settings.ts";
import {
  type DeploymentEvent,
  DeploymentOrchestrator,
} from "../monitoring/deployment_orchestrator.ts";
import { UserError } from "../utils/errors.ts";
import {
  type GivenSetting,
  type GivenSettings,
  resolveSettings,
  valuesOf,
} from "../utils/settings/layers.ts";
import { type AnySettings, anySettings } from "../utils/settings/setting.ts";
import { addConfigOptions, type ConfigOptions, warnOfSettings } from "./config_options.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { integerOption, repeatedOption } from "./option_values.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { readConfig, readHome, type SettingsReader } from "./settings_layer.ts";

/** What every command of `deploy` takes. */
export interface DeployHostOptions extends HomeOption {
  /** Hosts, by URL or by the name that the settings give them. */
  readonly host?: readonly string[];
  /** Whether JSON is printed. */
  readonly json?: boolean;
}

/** What `deploy` itself takes besides. */
export interface DeployOptions extends DeployHostOptions, ConfigOptions {
  /** How files get to hosts. */
  readonly ship?: string;
  /** Where to compute. */
  readonly device?: DeviceWish;
  /** CPU threads. */
  readonly threads?: number;
}

const TABLE = anySettings(DEPLOYMENT_SETTINGS);
const GATE_TABLE = anySettings(GATE_SETTINGS);
const CANARY_TABLE = anySettings(CANARY_SETTINGS);

/** Settings without a flag of their name: hosts have one of their own, the others are groups or the daemon's. */
const WITHOUT_FLAG: readonly string[] = ["hosts", "gate", "canary", "auto"];
const FLAG_TABLE: AnySettings = Object.fromEntries(
  Object.entries(TABLE).filter(([key]) => !WITHOUT_FLAG.includes(key)),
);

/** Adds the options that say which hosts are meant. */
export function addHostOptions(command: Command): Command {
  return addHomeOption(command)
    .option(
      "--host <url>",
      "a host, by its URL or its name in the settings; may be given several times (default: all of the settings)",
      repeatedOption,
    )
    .option("--json", "print one JSON object");
}

/** Adds all options of `deploy`. */
export function addDeployOptions(command: Command): Command {
  addHostOptions(command).option(
    "--ship <how>",
    "how files get to hosts: serve[:address[:port]], link:<folder>, rsync:<user@machine>:<folder>, " +
      "s3://<bucket>/<prefix>, or the URL of a folder (default: as the settings have it, else serve)",
  );
  for (const table of [GATE_TABLE, CANARY_TABLE, FLAG_TABLE]) addSettingFlags(command, table);
  return addConfigOptions(command)
    .addOption(
      new Option("--device <device>", "where models are evaluated").choices(DEVICE_WISHES)
        .default("auto"),
    )
    .option(
      "--threads <number>",
      "CPU threads (default: by the machine)",
      integerOption({ min: 1 }),
    );
}

/** What the options and files come to. */
export interface DeployPlace extends HomePlace {
  /** The settings, flags and all. */
  readonly settings: DeploymentSettings;
  /** The settings with their sources. */
  readonly given: GivenSettings;
}

/** The table of the settings, to print them by. */
export const DEPLOY_TABLE: AnySettings = TABLE;

/**
 * Finds out what is meant.
 *
 * @throws {UserError} If a setting cannot be, or a host is not known.
 */
export async function readDeploySettings(
  options: DeployOptions,
  command: Command,
): Promise<DeployPlace> {
  const place = findHome(options);
  const { context, home } = place;
  const { cwd } = context;
  const reader: SettingsReader = {
    ...{ command: "deployment", table: TABLE, context },
    onWarning: warnOfSettings,
  };
  const flags = (table: AnySettings) =>
    flagSettings(command, { table, cwd, onWarning: warnOfSettings });
  const given = resolveSettings(TABLE, [
    await readHome(reader),
    await readConfig(options.config, reader),
    flags(FLAG_TABLE),
  ]);
  // every value was decoded by its setting
  const values = valuesOf(given) as unknown as DeploymentSettings;
  const [gateFlags, canaryFlags] = [located(flags(GATE_TABLE), cwd), flags(CANARY_TABLE)];
  const gate = { ...values.gate, ...valuesOf(gateFlags) };
  const settings: DeploymentSettings = {
    ...values,
    hosts: hostsOf(options, { known: values.hosts, home, cwd }),
    gate: { ...gate, tasks: gate.tasks ?? await fixedSet(place) },
    canary: { ...values.canary, ...valuesOf(canaryFlags) },
  };
  const shown = (key: "hosts" | "gate" | "canary", isByFlag: boolean): GivenSetting => ({
    value: settings[key],
    source: isByFlag ? { origin: "flag" } : given[key]!.source,
  });
  return {
    ...place,
    given: {
      ...given,
      hosts: shown("hosts", options.host !== undefined || options.ship !== undefined),
      gate: shown("gate", Object.keys(gateFlags).length > 0),
      canary: shown("canary", Object.keys(canaryFlags).length > 0),
    },
    settings,
  };

  /** The daemon's fixed set is what models are judged by where nothing else is said. */
  async function fixedSet({ context }: HomePlace): Promise<readonly string[] | null> {
    const table = anySettings(DAEMON_SETTINGS);
    const daemon = resolveSettings(table, [
      await readHome({ command: "daemon", table, context, onWarning: () => {} }),
    ]);
    const set = daemon["fixedSet"]?.value;
    return typeof set === "string" ? [resolve(home, set)] : null;
  }
}

/** Opens the orchestrator that the options mean. */
export function openOrchestrator(
  { home, context, settings }: DeployPlace,
  { device, threads, onEvent }: Pick<DeployOptions, "device" | "threads"> & {
    readonly onEvent?: (event: DeploymentEvent) => void;
  },
): DeploymentOrchestrator {
  return new DeploymentOrchestrator({
    ...{ home, settings, env: context.env },
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(onEvent === undefined ? {} : { onEvent }),
  });
}

function hostsOf(
  { host: wanted, ship }: DeployOptions,
  { known: written, home, cwd }: {
    readonly known: readonly HostSettings[];
    readonly home: string;
    readonly cwd: string;
  },
): readonly HostSettings[] {
  const known = written.map((host) => placed(host, home));
  const hosts = wanted === undefined ? known : wanted.map((each) => {
    const found = known.find(({ name, url }) => name === each || url === each.replace(/\/+$/, ""));
    if (found !== undefined) return found;
    if (/^https?:/i.test(each)) return hostOf({ url: each });
    const names = known.map(({ name }) => `"${name}"`).join(", ");
    throw new UserError(
      `Cannot deploy to "${each}": it is neither a URL nor a host of the settings${
        names === "" ? "" : `, which are ${names}`
      }`,
    );
  });
  return ship === undefined ? hosts : hosts.map((host) => placed(hostOf({ ...host, ship }), cwd));
}

/** Folders and files of a host are relative to the home in its file, and to the current folder on the command line. */
function placed(host: HostSettings, base: string): HostSettings {
  const { ship, keyFile } = host;
  const shipping = parseShipping(ship);
  return {
    ...host,
    keyFile: keyFile === null ? null : resolve(base, keyFile),
    ship: shipping.kind === "link" ? `link:${resolve(base, shipping.root)}` : ship,
  };
}

/** Files on the command line are relative to the current folder. */
function located(given: GivenSettings, cwd: string): GivenSettings {
  return Object.fromEntries(
    Object.entries(given).map(([key, each]) => {
      const { value } = each;
      if (!Array.isArray(value) || key === "licenses") return [key, each];
      const places = value.map((task: string) =>
        existsSync(resolve(cwd, task)) ? resolve(cwd, task) : task
      );
      return [key, { ...each, value: places }];
    }),
  );
}
