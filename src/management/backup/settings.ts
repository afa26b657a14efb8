/**
 * The settings of backups: one table for flags, help, the file of the home and its schema.
 *
 * @module
 */

import { decodeError, type Decoder } from "../../utils/json.ts";
import { defaultsOf, type SettingTable } from "../../utils/settings/setting.ts";

/** Where backups go, when, and how long they stay; keys and passwords are not among them, as files are copied about. */
export interface BackupSettings {
  /** A folder, or `s3://bucket/prefix`; null is the home's folder of backups. */
  readonly destination: string | null;
  /** The URL of an S3 service; null is that of Amazon. */
  readonly s3Endpoint: string | null;
  /** Its region. */
  readonly s3Region: string | null;
  /** Public keys of age for which backups are encrypted; null encrypts for none. */
  readonly recipients: readonly string[] | null;
  /** The only folders and files of the home that are saved; null saves all. */
  readonly include: readonly string[] | null;
  /** Folders and files of the home that are not saved. */
  readonly exclude: readonly string[] | null;
  /** How hard zstd tries. */
  readonly compressionLevel: number;
  /** The time of day, as `HH:MM`, at which the daemon makes a backup; null makes none. */
  readonly at: string | null;
  /** After how many days the daemon verifies all backups; null never does. */
  readonly verifyDays: number | null;
  /** How many of the newest stay. */
  readonly keepLast: number;
  /** For how many days the newest of a day stays. */
  readonly keepDaily: number;
  /** For how many weeks the newest of a week stays. */
  readonly keepWeekly: number;
}

const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

const timeOfDay: Decoder<string> = (value, place) => {
  if (typeof value === "string" && TIME_OF_DAY.test(value)) return value;
  throw decodeError(place, 'a time of day such as "03:00"', value);
};

/** The definition of every setting. */
export const BACKUP_SETTINGS: SettingTable<BackupSettings> = {
  destination: {
    kind: "place",
    default: null,
    otherwise: "the home's folder backups",
    value: "place",
    help: "a folder, or s3://bucket/prefix",
  },
  s3Endpoint: {
    kind: "text",
    default: null,
    otherwise: "Amazon's, or $AWS_ENDPOINT_URL",
    value: "url",
    help: "the URL of an S3 service",
  },
  s3Region: {
    kind: "text",
    default: null,
    otherwise: "us-east-1, or $AWS_REGION",
    value: "region",
    help: "the region of the S3 service",
  },
  recipients: {
    kind: "names",
    default: null,
    value: "keys",
    help: "encrypt for these public keys of age (age1…)",
  },
  include: {
    kind: "names",
    default: null,
    otherwise: "all of the home",
    value: "paths",
    help: "the only folders and files of the home to save",
  },
  exclude: {
    kind: "names",
    default: null,
    value: "paths",
    help: "folders and files of the home not to save",
  },
  compressionLevel: {
    kind: "integer",
    min: 1,
    max: 19,
    default: 3,
    value: "level",
    help: "how hard zstd tries",
  },
  at: {
    kind: "custom",
    decode: timeOfDay,
    parse: (text) => {
      if (TIME_OF_DAY.test(text)) return text;
      throw new Error("It must be a time of day such as 03:00.");
    },
    schema: { type: "string", pattern: TIME_OF_DAY.source },
    default: null,
    otherwise: "the daemon makes none",
    value: "HH:MM",
    help: "the time of day, on the machine's clock, at which the daemon makes a backup",
  },
  verifyDays: {
    kind: "number",
    min: 0,
    default: 7,
    value: "days",
    help: "after how many days the daemon reads and verifies all backups",
  },
  keepLast: { kind: "integer", min: 1, default: 3, help: "how many of the newest stay" },
  keepDaily: {
    kind: "integer",
    min: 0,
    default: 7,
    help: "for how many days the newest of a day stays (UTC)",
  },
  keepWeekly: {
    kind: "integer",
    min: 0,
    default: 4,
    help: "for how many weeks the newest of a week stays (UTC)",
  },
};

/** The settings where nothing is said. */
export const BACKUP_DEFAULTS: BackupSettings = defaultsOf(BACKUP_SETTINGS) as BackupSettings;
