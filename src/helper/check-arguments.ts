// The arguments of the helper's own verbs, checked against its own knowledge before anything is done: a daemon that has been
// taken over gets no further than what this file lets through. What only the file system can tell (links, owners) is checked
// by the verb itself, on what it has opened. Pure.
import { CaissonError } from '../lib/errors.ts';
import { uidPattern } from '../lib/ids.ts';
import type { HelperArgs } from '../model/helper-protocol.ts';
import { between, type Check, flag, list, object, oneOf, optional, refuse, text, whole } from './check.ts';
import { address, prefixed, uplinkName } from './network/check-network.ts';
import type { NetworkHelper } from '../model/network-helper.ts';
import type { HelperVerb } from '../model/helper-protocol.ts';

/** What the helper knows by itself. */
export interface Owned {
  dataDirectory: string;
  /** Where images are kept for all data directories. */
  imageCache: string;
  userIds: { base: number; count: number };
}

export type OwnVerb = Exclude<HelperVerb, keyof NetworkHelper>;

/** All four denials: what QEMU may then do is what a guest may do that has broken out of it. */
export const sandbox = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';
const qemuPrograms = /^\/usr\/bin\/qemu-system-(x86_64|aarch64)$/;
/** Would change what process, user or root runs, or read options that are not checked here. */
const forbiddenOptions = new Set(['daemonize', 'runas', 'run-with', 'chroot', 'pidfile', 'readconfig', 'writeconfig', 'add-fd']);
const maxArgvBytes = 256 * 1024;

/** Names below the data directory: nothing that a shell, an fstab or a terminal reads as more than a name. */
const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const none = object({});
const guestUid = text(uidPattern, 'the uid of a guest');
const processId = whole(2, 4_194_304);
const startTime = whole(1, Number.MAX_SAFE_INTEGER);

const argument: Check<string> = (value, at) => {
  if (typeof value !== 'string' || value.includes('\0')) refuse(at, 'a text without NUL', value);
  return value;
};

const qemuArgv: Check<string[]> = (value, at) => {
  const argv = list(argument, 4096)(value, at);
  if (!qemuPrograms.test(argv[0] ?? '')) refuse(`${at}[0]`, "QEMU's full path", argv[0]);
  const bytes = argv.reduce((sum, one) => sum + Buffer.byteLength(one) + 1, 0);
  if (bytes > maxArgvBytes) refuse(at, `at most ${maxArgvBytes} bytes`, bytes);
  const options = argv.map((one) => one.replace(/^--?/, '-'));
  for (const [index, option] of options.entries()) {
    if (option.startsWith('-') && forbiddenOptions.has(option.slice(1))) refuse(`${at}[${index}]`, `no ${option}`, option);
  }
  const at1 = options.indexOf('-sandbox');
  if (at1 < 1 || options.indexOf('-sandbox', at1 + 1) !== -1 || argv[at1 + 1] !== sandbox)
    refuse(at, `-sandbox ${sandbox}, once`, argv[at1 + 1]);
  return argv;
};

const pin: Check<number[]> = (value, at) => {
  const processors = list(whole(0, 4095), 4096)(value, at);
  return processors.length > 0 ? processors : refuse(at, 'at least one processor', value);
};

const limits = object({
  memoryMib: whole(16, 64 * 1024 * 1024),
  cpuWeight: whole(1, 10_000),
  cpuLimit: optional(between(0.01, 4096)),
  cpuPin: optional(pin),
  pids: whole(1, 100_000),
});

const targets = list(object({ protocol: oneOf('tcp', 'udp'), address, port: whole(1, 65_535) }), 100_000);

const digest = text(/^[0-9a-f]{64}$/, 'a SHA-256 in hexadecimal');
const url = text(/^https?:\/\/[!-~]{1,2000}$/, 'an address that starts with http:// or https://');

type Checks = { [V in OwnVerb]: (owned: Owned) => Check<HelperArgs<V>> };

const checks: Checks = {
  hello: () => none,
  hostFacts: () => none,
  guestProcesses: () => none,
  guestIsolation: () => none,
  hostTeardown: () => none,
  hostExamine: () => none,
  guestForget: () => object({ uid: guestUid }),
  guestDeleteFolder: () => object({ uid: guestUid }),
  guestKill: () => object({ uid: guestUid, pid: processId, startTime, signal: oneOf('TERM', 'KILL') }),
  guestOwnDisk: (owned) => (value, at) => {
    const args = object({ uid: guestUid, userId: userId(owned), path: argument })(value, at);
    inFolder(args.path, guestFolder(owned, args.uid), `${at}.path`);
    return args;
  },
  guestStart: (owned) => (value, at) => {
    const args = object({
      uid: guestUid,
      userId: userId(owned),
      argv: qemuArgv,
      taps: list(object({ name: argument }), 10),
      disks: list(argument, 64),
      files: list(argument, 64),
      generation: whole(0, Number.MAX_SAFE_INTEGER),
      limits,
      kvm: optional(flag),
    })(value, at);
    for (const [index, tap] of args.taps.entries()) {
      if (!isTapOf(args.uid, tap.name)) refuse(`${at}.taps[${index}].name`, `cs${args.uid} and a digit`, tap.name);
    }
    if (new Set(args.taps.map((tap) => tap.name)).size !== args.taps.length) refuse(`${at}.taps`, 'each tap once', args.taps);
    const folder = guestFolder(owned, args.uid);
    for (const [index, path] of args.disks.entries()) inFolder(path, folder, `${at}.disks[${index}]`);
    for (const [index, path] of args.files.entries()) {
      inFolder(path, path.startsWith(`${folder}/`) ? folder : `${owned.dataDirectory}/images`, `${at}.files[${index}]`);
    }
    const paths = [...args.disks, ...args.files];
    if (new Set(paths).size !== paths.length) refuse(at, 'each file once', paths);
    return args;
  },
  guestLimit: () => object({ uid: guestUid, limits }),
  guestUsage: () => object({ uid: guestUid, exact: flag }),
  guestGiveFile: (owned) => (value, at) => {
    const args = object({ uid: guestUid, userId: userId(owned), path: argument })(value, at);
    inFolder(args.path, guestFolder(owned, args.uid), `${at}.path`);
    return args;
  },
  guestTakeFile: (owned) => (value, at) => {
    const args = object({ uid: guestUid, path: argument })(value, at);
    inFolder(args.path, guestFolder(owned, args.uid), `${at}.path`);
    return args;
  },
  guestGiveTap: (owned) => (value, at) => {
    const args = object({ uid: guestUid, userId: userId(owned), tap: argument })(value, at);
    if (!isTapOf(args.uid, args.tap)) refuse(`${at}.tap`, `cs${args.uid} and a digit`, args.tap);
    return args;
  },
  guestTakeTap: () => (value, at) => {
    const args = object({ uid: guestUid, tap: argument })(value, at);
    if (!isTapOf(args.uid, args.tap)) refuse(`${at}.tap`, `cs${args.uid} and a digit`, args.tap);
    return args;
  },
  imageBuild: (owned) => (value, at) => {
    const args = object({ recipePath: argument, outPath: argument, manifestPath: optional(argument) })(value, at);
    inImageFolders(args.recipePath, owned, `${at}.recipePath`);
    inImageFolders(args.outPath, owned, `${at}.outPath`);
    if (args.manifestPath !== undefined) inImageFolders(args.manifestPath, owned, `${at}.manifestPath`);
    return args;
  },
  worldProbe: () => object({ targets, uplinks: list(uplinkName, 64) }),
  probeOpen: () => (value, at) => {
    const args = object({
      uid: text(/^g[a-hjkmnp-z2-9]{10}$/, 'a uid as guests have it'),
      tap: argument,
      mac: text(/^52:54:00(:[0-9a-f]{2}){3}$/, 'a MAC address of a guest'),
      mtu: whole(1280, 9216),
      addresses: list(prefixed, 4),
      routers: list(address, 2),
      uplink: optional(uplinkName),
    })(value, at);
    if (!isTapOf(args.uid, args.tap)) refuse(`${at}.tap`, `cs${args.uid} and a digit`, args.tap);
    return args;
  },
  probeRun: () => object({ uid: guestUid, targets }),
  probeClose: () => object({ uid: guestUid }),
  imageFetch: (owned) => (value, at) => {
    const args = object({ url, sha256: digest, outPath: argument })(value, at);
    inImageFolders(args.outPath, owned, `${at}.outPath`);
    return args;
  },
};

/** The arguments of one of the helper's own verbs, or `invalid`. */
export function checkArguments<V extends OwnVerb>(verb: V, args: unknown, owned: Owned): HelperArgs<V> {
  return checks[verb](owned)(args, verb);
}

export function isTapOf(uid: string, name: string): boolean {
  return name.length === 14 && name.startsWith(`cs${uid}`) && /^[0-9]$/.test(name.slice(13));
}

export function guestFolder(owned: Pick<Owned, 'dataDirectory'>, uid: string): string {
  return `${owned.dataDirectory}/guests/${uid}`;
}

function userId(owned: Owned): Check<number> {
  return whole(owned.userIds.base, owned.userIds.base + owned.userIds.count - 1);
}

function inImageFolders(path: string, owned: Owned, at: string): void {
  const folders = [`${owned.dataDirectory}/images`, owned.imageCache];
  inFolder(path, folders.find((folder) => path.startsWith(`${folder}/`)) ?? `${owned.dataDirectory}/images`, at);
}

function inFolder(path: string, folder: string, at: string): void {
  if (!path.startsWith(`${folder}/`) || !fileName.test(path.slice(folder.length + 1))) {
    throw new CaissonError('invalid', `${at}: expected a file right in ${folder}, got ${JSON.stringify(path.slice(0, 200))}`);
  }
}
