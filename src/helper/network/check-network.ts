// What the network's verbs accept. The daemon has checked it all, but the daemon is an ordinary user.
import { isIPv4, isIPv6 } from 'node:net';
import { uidPattern } from '../../lib/ids.ts';
import { type Check, list, object, optional, refuse, text, whole } from '../check.ts';

export const address: Check<string> = (value, at) =>
  typeof value === 'string' && (isIPv4(value) || (isIPv6(value) && !value.includes('%'))) ? value : refuse(at, 'an address', value);

/** `10.0.0.0/8`, `2001:db8::/64`. */
export const prefixed: Check<string> = (value, at) => {
  const match = typeof value === 'string' ? /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/.exec(value) : null;
  const most = isIPv4(match?.[1] ?? '') ? 32 : isIPv6(match?.[1] ?? '') ? 128 : -1;
  return match && Number(match[2]) <= most ? match[0] : refuse(at, 'an address with the length of its prefix', value);
};

export const uplinkName = text(/^(?!cs[gb])(?!lo$)[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'the name of an uplink');
const tapName = text(/^csg[a-hjkmnp-z2-9]{10}\d$/, 'the name of a tap');
const bridgeName = text(/^csb\d{1,4}$/, 'the name of a zone’s bridge');
const uid = text(uidPattern, 'the uid of a guest');
const card = text(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'a MAC');
const mtu = whole(1280, 9216);

const plainUplink = object({
  interface: uplinkName,
  parent: optional(uplinkName),
  vlan: optional(whole(1, 4094)),
  gateway: optional(address),
  gateway6: optional(address),
});
const uplink: typeof plainUplink = (value, at) => {
  const checked = plainUplink(value, at);
  const { interface: name, parent, vlan } = checked;
  const isWhole = vlan === undefined ? parent === undefined : name === `${parent}.${vlan}`;
  return isWhole ? checked : refuse(at, 'an interface, or one named after its parent and VLAN', name);
};
const yes: Check<true> = (value, at) => (value === true ? value : refuse(at, 'true', value));
const bridge = object({ name: bridgeName, mtu, hostAddresses: list(prefixed, 32) });
const zone = object({ subnets: list(prefixed, 16), uplink: optional(uplink), masquerade: optional(yes), bridge: optional(bridge) });

const ofItsGuest = <T extends { uid: string; tap: string }>(check: Check<T>): Check<T> => {
  return (value, at) => {
    const nic = check(value, at);
    return nic.tap.startsWith(`cs${nic.uid}`) ? nic : refuse(`${at}.tap`, `a tap of guest ${nic.uid}`, nic.tap);
  };
};

const claims = list(object({ interface: uplinkName, address }), 100_000);
const zones = { zones: list(zone, 4096), proxied: claims, listened: claims };
export const checkZones = object(zones);

export const checkNicUp = ofItsGuest(
  object({
    uid,
    tap: tapName,
    mtu,
    mac: optional(card),
    hostAddresses: list(prefixed, 32),
    guestAddresses: list(address, 256),
    uplink: optional(uplinkName),
    bridge: optional(bridgeName),
  }),
);

export const checkWiring = object({ ...zones, nics: list(checkNicUp, 100_000) });

export const checkRouters = object({ routers: list(object({ interface: uplinkName, address }), 256) });

export const checkNicDown = ofItsGuest(
  object({
    uid,
    tap: tapName,
    guestAddresses: list(address, 256),
    uplink: optional(uplinkName),
    bridge: optional(bridgeName),
  }),
);

const families = ['arp', 'bridge', 'inet'];
const cleared = families.map((family) => `add table ${family} caisson\ndelete table ${family} caisson\n`).join('');
const opened = /^table (arp|bridge|inet) caisson \{\n/;
/** Words that would read a file or leave the table, wherever they stand outside quotes; `log` is allowed in one form. */
const forbidden = /\b(include|define|redefine|undefine|flush|destroy|reset|queue|tproxy|dup|fwd|log)\b/;

/**
 * The text replaces the tables «caisson», each at most once, and says nothing else: braces close a table only at its end, no comment or
 * continuation hides anything, and quotes hold harmless characters alone.
 */
export const checkTable: Check<string> = (value, at) => {
  if (typeof value !== 'string' || value.length > 16 * 1024 * 1024) refuse(at, 'the text of tables', value);
  if (!value.startsWith(cleared)) refuse(at, 'the tables of caisson, replaced whole', value);
  const left = new Set(families);
  let rest = value.slice(cleared.length);
  do {
    const head = opened.exec(rest);
    if (!head?.[1] || !left.delete(head[1])) refuse(at, 'the tables of caisson, each at most once', rest.slice(0, 40));
    const end = rest.indexOf('\n}\n');
    if (end < 0) refuse(at, 'a table that ends', rest.slice(0, 40));
    checkInside(rest.slice(head[0].length, end + 1), at);
    rest = rest.slice(end + 3);
  } while (rest !== '');
  return value;
};

/** What stands inside the braces of a table, or in one command: it closes every brace that it opens, and no other. */
function checkInside(body: string, at: string): void {
  const bare = body.replaceAll(/"[A-Za-z0-9 .,:/=_<>*-]{0,127}"/g, '').replaceAll(' log prefix  level info', '');
  const strange = /[^A-Za-z0-9 \t\n.,:/=_<>!@{}&|();-]/.exec(bare);
  if (strange) refuse(at, 'only plain characters outside of quotes', strange[0]);
  const word = forbidden.exec(bare);
  if (word) refuse(at, 'only rules', word[0]);
  let depth = 0;
  for (const brace of bare.matchAll(/[{}]/g)) {
    depth += brace[0] === '{' ? 1 : -1;
    if (depth < 0) refuse(at, 'braces that close the table only at its end', bare.slice(brace.index, brace.index + 40));
  }
  if (depth !== 0) refuse(at, 'braces that match', body.slice(0, 40));
}

const commands = [
  /^(?:flush|delete) chain (?:arp|bridge|inet) caisson [a-z0-9_]{1,64}$/,
  /^delete (?:set|map|limit) (?:arp|bridge|inet) caisson [a-z0-9_]{1,64}$/,
  /^add (?:set|map|limit|chain) (?:arp|bridge|inet) caisson [a-z0-9_]{1,64}(?: (\{.*\}))?$/,
  /^(?:add|delete) element (?:arp|bridge|inet) caisson [a-z0-9_]{1,64} (\{.*\})$/,
  /^add rule (?:arp|bridge|inet) caisson [a-z0-9_]{1,64} (.+)$/,
];

/** Commands, one a line, that change what lies in the tables «caisson»: no second command hides behind a semicolon outside braces. */
export const checkChange: Check<string> = (value, at) => {
  if (typeof value !== 'string' || value.length > 16 * 1024 * 1024 || !value.endsWith('\n')) refuse(at, 'lines of commands', value);
  for (const line of value.slice(0, -1).split('\n')) {
    const match = commands.map((pattern) => pattern.exec(line)).find((found) => found !== null);
    if (!match) refuse(at, 'a command within the tables of caisson', line.slice(0, 80));
    const inside = match[1] ?? '';
    checkInside(inside, at);
    if (outsideBraces(inside).includes(';')) refuse(at, 'one command a line', line.slice(0, 80));
  }
  return value;
};

function outsideBraces(text: string): string {
  let depth = 0;
  let outside = '';
  for (const character of text) {
    if (character === '{') depth++;
    else if (character === '}') depth--;
    else if (depth === 0) outside += character;
  }
  return outside;
}

/** Either the whole or a change. */
export const checkRules: Check<{ table: string } | { change: string }> = (value, at) => {
  const isChange = typeof value === 'object' && value !== null && 'change' in value;
  return isChange ? object({ change: checkChange })(value, at) : object({ table: checkTable })(value, at);
};

/** Directives of dnsmasq that name no file and run no program, with the values that they may have. */
const plainValue = /^[A-Za-z0-9.,:/*![\]-]{0,400}$/;
const bare = [
  'bind-dynamic',
  'no-hosts',
  'no-resolv',
  'no-poll',
  'no-ping',
  'leasefile-ro',
  'dhcp-authoritative',
  'enable-ra',
  'quiet-dhcp',
  'quiet-dhcp6',
  'quiet-ra',
];
const valued = ['local', 'domain', 'shared-network', 'dhcp-range', 'dhcp-option'];
const directives = new Map<string, RegExp>([
  ...bare.map((key) => [key, /^$/] as const),
  ...valued.map((key) => [key, plainValue] as const),
  ['port', /^53$/],
  ['interface', /^cs[gb]\*$/],
  ['except-interface', /^lo$/],
  ['server', /^[0-9a-fA-F.:]{2,45}$/],
  ['dhcp-duid', /^\d{1,10},[0-9a-f]{2}(?::[0-9a-f]{2}){0,19}$/],
]);

export const checkDnsmasqConfig = lines(2_000_000, (line) => {
  const [key = '', ...rest] = line.split('=');
  return directives.get(key)?.test(rest.join('=')) === true;
});
export const checkDhcpHosts = lines(16_000_000, (line) =>
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}(?:,set:aside)?(,[0-9.]{7,15}|,\[[0-9a-f:]{2,39}\]){0,64},[a-z0-9-]{1,63}$/.test(line),
);
export const checkNames = lines(16_000_000, (line) => /^[0-9a-f.:]{2,45}( [a-z0-9.-]{1,253}){1,4}$/.test(line));

function lines(most: number, isGood: (line: string) => boolean): Check<string> {
  return (value, at) => {
    if (typeof value !== 'string' || value.length > most) refuse(at, `a text of at most ${most} characters`, value);
    for (const line of value.split('\n')) if (line !== '' && !isGood(line)) refuse(at, 'only lines that are known to be harmless', line);
    return value;
  };
}
