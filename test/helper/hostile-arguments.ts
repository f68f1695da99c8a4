// Arguments of every verb of the root helper as they should be, and out of them all that they should not be: each value in them, one at a time,
// replaced by what a daemon that has been taken over would try there. A verb that is added needs an entry here, or this does not compile.
import type { HelperArgs, HelperVerb } from '../../src/model/helper-protocol.ts';
import { sandbox } from '../../src/helper/check-arguments.ts';

export interface HostileCase {
  verb: HelperVerb;
  /** Where in the arguments, and what stands there: `guestStart.taps[0].name = "../../etc"`. */
  what: string;
  args: unknown;
}

export interface OwnPlaces {
  dataDirectory: string;
  imageCache: string;
  /** A user id that guests may have. */
  userId: number;
}

const uid = 'gk3m9x4q2ab';
const tap = `cs${uid}0`;
const mac = '52:54:00:0a:0b:0c';
const cleared = ['arp', 'bridge', 'inet'].map((family) => `add table ${family} caisson\ndelete table ${family} caisson\n`).join('');

const zones = {
  zones: [
    { subnets: ['192.0.2.0/24', '2001:db8::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1', gateway6: '2001:db8::1' } },
    { subnets: ['10.30.0.0/24'], uplink: { interface: 'eth1.20', parent: 'eth1', vlan: 20 }, masquerade: true as const },
    { subnets: ['10.20.0.0/16'], bridge: { name: 'csb1', mtu: 1500, hostAddresses: ['10.20.0.1/16'] } },
  ],
  proxied: [{ interface: 'eth1', address: '192.0.2.10' }],
  listened: [{ interface: 'eth1', address: '192.0.2.50' }],
};
const nic = {
  uid,
  tap,
  mtu: 1500,
  mac,
  hostAddresses: ['10.20.0.1/16', 'fe80::1/64'],
  guestAddresses: ['10.20.0.5', 'fd20::5'],
  uplink: 'eth1',
  bridge: 'csb1',
};
const texts = { dhcpHosts: `${mac},10.20.0.5,web\n`, names: '10.20.0.5 web.internal.lab\n' };
const targets = [{ protocol: 'tcp' as const, address: '192.0.2.10', port: 80 }];

export function goodArguments({ dataDirectory, imageCache, userId }: OwnPlaces): { [V in HelperVerb]: HelperArgs<V>[] } {
  const folder = `${dataDirectory}/guests/${uid}`;
  return {
    hello: [{}],
    hostFacts: [{}],
    guestProcesses: [{}],
    guestIsolation: [{}],
    hostTeardown: [{}],
    hostExamine: [{}],
    guestStart: [
      {
        uid,
        userId,
        argv: ['/usr/bin/qemu-system-x86_64', '-sandbox', sandbox],
        taps: [{ name: tap }],
        disks: [`${folder}/root.qcow2`],
        files: [`${dataDirectory}/images/0a.qcow2`],
        generation: 3,
        limits: { memoryMib: 512, cpuWeight: 100, pids: 64 },
        kvm: true,
      },
    ],
    guestKill: [{ uid, pid: 4711, startTime: 123_456, signal: 'TERM' }],
    guestLimit: [{ uid, limits: { memoryMib: 600, cpuWeight: 100, cpuLimit: 1.5, cpuPin: [0, 1], pids: 64 } }],
    guestUsage: [{ uid, exact: true }],
    guestGiveFile: [{ uid, userId, path: `${folder}/data.qcow2` }],
    guestTakeFile: [{ uid, path: `${folder}/data.qcow2` }],
    guestGiveTap: [{ uid, userId, tap }],
    guestTakeTap: [{ uid, tap }],
    guestForget: [{ uid }],
    guestOwnDisk: [{ uid, userId, path: `${folder}/root.qcow2` }],
    guestDeleteFolder: [{ uid }],
    imageBuild: [
      { recipePath: `${dataDirectory}/images/r.json`, outPath: `${imageCache}/0a.qcow2`, manifestPath: `${dataDirectory}/images/m.json` },
    ],
    imageFetch: [{ url: 'https://example.org/a.qcow2', sha256: 'ab'.repeat(32), outPath: `${imageCache}/0a.qcow2` }],
    worldProbe: [{ targets, uplinks: ['eth1'] }],
    probeOpen: [{ uid, tap, mac, mtu: 1500, addresses: ['10.20.0.9/16'], routers: ['10.20.0.1'], uplink: 'eth1' }],
    probeRun: [{ uid, targets }],
    probeClose: [{ uid }],
    rulesApply: [
      { table: `${cleared}table inet caisson {\n\tchain a {\n\t\taccept\n\t}\n}\n` },
      { change: 'add element inet caisson a { 10.20.0.5 }\n' },
    ],
    rulesRead: [{ terse: true }],
    zonesCheck: [zones],
    zonesApply: [zones],
    wiringCheck: [{ ...zones, nics: [nic] }],
    routersAsk: [{ routers: [{ interface: 'eth1', address: '192.0.2.1' }] }],
    nicUp: [nic],
    nicDown: [{ uid, tap, guestAddresses: ['10.20.0.5'], uplink: 'eth1', bridge: 'csb1' }],
    changesWatch: [{}],
    linksRead: [{}],
    dnsmasqStart: [{ config: 'port=53\ninterface=csg*\n', ...texts }],
    dnsmasqReload: [texts],
    dnsmasqStop: [{}],
    dnsmasqStatus: [{}],
    networkRemove: [{}],
  };
}

/** Other guests', the machine's, a shell's, a configuration's: none of them is ever right in the place of a text of ours. */
const hostileTexts = [
  'gaaaaaaaaaa',
  'csgaaaaaaaaaa0',
  'eth0; reboot',
  '../../etc/passwd',
  '/etc/shadow',
  '/proc/1/root/etc/shadow',
  '/dev/sda',
  '-rf',
  '--help',
  '$(id)',
  '`id`',
  '%s%n',
  'a\nb',
  'a\0b',
  '\u202eb',
  'x'.repeat(70_000),
  'include "/etc/shadow"\n',
  'conf-file=/etc/shadow\n',
  'dhcp-script=/bin/sh\n',
  '0.0.0.0/33',
  '::/129',
  '127.0.0.1/8/8',
  'fe80::1%eth0',
];
const numbers = [-1, 1.5, 2 ** 53, 4_294_967_295.5, 1e308];
const otherKinds = [null, {}, [], { length: 1 }, [[]], 7, 'x', true];

/** Every hostile case of every verb. */
export function hostileCases(places: OwnPlaces): HostileCase[] {
  const good = goodArguments(places);
  return (Object.keys(good) as HelperVerb[]).flatMap((verb) =>
    good[verb].flatMap((args) =>
      variants(args, verb)
        .filter(({ what }) => !isHarmless.some((pattern) => pattern.test(what)))
        .map(({ what, value }) => ({ verb, what, args: value })),
    ),
  );
}

/** What may stand there all the same, with the reason. */
const isHarmless = [
  // A guest's uid alone is whose ever it is about; whether that guest runs is asked of the kernel.
  /^(?:guestKill|guestLimit|guestUsage|guestForget|guestDeleteFolder|probeRun|probeClose)\.uid = "gaaaaaaaaaa"$/,
  // Part of a processor is what that limit is for.
  /^guestLimit\.limits\.cpuLimit = 1\.5$/,
  // QEMU's own arguments are free texts: its jail is what holds it.
  /^guestStart\.argv\[1\] = "(?!a\\u0000)/,
  // Any name may be an uplink's as long as it is one.
  /\.(?:uplink|interface|parent|uplinks\[\d\]) = "(?:gaaaaaaaaaa|x)"$/,
  // Empty lists of addresses, targets, files and so on ask for nothing.
  /(?:disks|files|taps|targets|uplinks|addresses|routers|zones|subnets|hostAddresses|guestAddresses|proxied|listened|nics) = \[\]$/,
];

function variants(value: unknown, at: string): { what: string; value: unknown }[] {
  const replaced = (bad: unknown) => ({ what: `${at} = ${show(bad)}`, value: bad });
  const kind = kindOf(value);
  const others = otherKinds.filter((other) => kindOf(other) !== kind).map(replaced);
  if (Array.isArray(value)) {
    const inside = value.flatMap((one, index) =>
      variants(one, `${at}[${index}]`).map(({ what, value: bad }) => ({ what, value: value.toSpliced(index, 1, bad) })),
    );
    return [...others, replaced([]), { what: `${at}: without end`, value: Array<unknown>(100_001).fill(value[0]) }, ...inside];
  }
  if (typeof value === 'object' && value !== null) {
    const inside = Object.entries(value).flatMap(([name, one]) =>
      variants(one, `${at}.${name}`).map(({ what, value: bad }) => ({ what, value: { ...value, [name]: bad } })),
    );
    return [
      ...others,
      { what: `${at}: a field more`, value: { ...value, more: 1 } },
      { what: `${at}: __proto__`, value: JSON.parse('{"__proto__": {"uid": "x"}}') as unknown },
      ...inside,
    ];
  }
  if (typeof value === 'string') return [...others, ...hostileTexts.map(replaced)];
  if (typeof value === 'number') return [...others, ...numbers.map(replaced)];
  return others;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text;
}
