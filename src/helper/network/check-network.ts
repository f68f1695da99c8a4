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

export const uplinkName = text(/^(?!csg)(?!lo$)[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'the name of an uplink');
const tapName = text(/^csg[a-hjkmnp-z2-9]{10}\d$/, 'the name of a tap');
const uid = text(uidPattern, 'the uid of a guest');

const uplink = object({ interface: uplinkName, gateway: optional(address), gateway6: optional(address) });
const zone = object({ subnets: list(prefixed, 16), uplink: optional(uplink) });

const ofItsGuest = <T extends { uid: string; tap: string }>(check: Check<T>): Check<T> => {
  return (value, at) => {
    const nic = check(value, at);
    return nic.tap.startsWith(`cs${nic.uid}`) ? nic : refuse(`${at}.tap`, `a tap of guest ${nic.uid}`, nic.tap);
  };
};

export const checkZones = object({ zones: list(zone, 4096), proxied: list(object({ interface: uplinkName, address }), 100_000) });

export const checkNicUp = ofItsGuest(
  object({
    uid,
    tap: tapName,
    mtu: whole(1280, 9216),
    hostAddresses: list(prefixed, 32),
    guestAddresses: list(address, 256),
    uplink: optional(uplinkName),
  }),
);

export const checkNicDown = ofItsGuest(object({ uid, tap: tapName, guestAddresses: list(address, 256), uplink: optional(uplinkName) }));

const head = 'add table inet caisson\ndelete table inet caisson\ntable inet caisson {\n';
/** Words that would read a file or leave the table, wherever they stand outside quotes. */
const forbidden = /\b(include|define|redefine|undefine|flush|destroy|reset|queue|tproxy|dup|fwd|log)\b/;

/**
 * The text replaces `table inet caisson` and says nothing else: braces close the table only at the end, no comment or continuation hides
 * anything, and quotes hold harmless characters alone.
 */
export const checkTable: Check<string> = (value, at) => {
  if (typeof value !== 'string' || value.length > 16 * 1024 * 1024) refuse(at, 'the text of a table', value);
  if (!value.startsWith(head) || !value.endsWith('\n}\n')) refuse(at, 'the one table inet caisson, replaced whole', value);
  const body = value.slice(head.length, -2);
  const bare = body.replaceAll(/"[A-Za-z0-9 .,:/=_<>*-]{0,120}"/g, '');
  const strange = /[^A-Za-z0-9 \t\n.,:/=_<>!@{};-]/.exec(bare);
  if (strange) refuse(at, 'only plain characters outside of quotes', strange[0]);
  const word = forbidden.exec(bare);
  if (word) refuse(at, 'only rules', word[0]);
  let depth = 1;
  for (const brace of bare.matchAll(/[{}]/g)) {
    depth += brace[0] === '{' ? 1 : -1;
    if (depth === 0) refuse(at, 'braces that close the table only at its end', bare.slice(brace.index, brace.index + 40));
  }
  if (depth !== 1) refuse(at, 'braces that match', value);
  return value;
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
  ['interface', /^csg\*$/],
  ['except-interface', /^lo$/],
  ['server', /^[0-9a-fA-F.:]{2,45}$/],
]);

export const checkDnsmasqConfig = lines(2_000_000, (line) => {
  const [key = '', ...rest] = line.split('=');
  return directives.get(key)?.test(rest.join('=')) === true;
});
export const checkDhcpHosts = lines(16_000_000, (line) =>
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}(,[0-9.]{7,15}|,\[[0-9a-f:]{2,39}\]){0,64},[a-z0-9-]{1,63}$/.test(line),
);
export const checkNames = lines(16_000_000, (line) => /^[0-9a-f.:]{2,45}( [a-z0-9.-]{1,253}){1,4}$/.test(line));

function lines(most: number, isGood: (line: string) => boolean): Check<string> {
  return (value, at) => {
    if (typeof value !== 'string' || value.length > most) refuse(at, `a text of at most ${most} characters`, value);
    for (const line of value.split('\n')) if (line !== '' && !isGood(line)) refuse(at, 'only lines that are known to be harmless', line);
    return value;
  };
}
