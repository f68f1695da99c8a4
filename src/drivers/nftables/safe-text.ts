// What may stand in text that a root program parses (nft, dnsmasq). Every string of a state passes through here, and one that
// is not exactly of its kind is refused: a defect or an attack upstream cannot become a rule.
import { CaissonError } from '../../lib/errors.ts';
import { type Cidr, canonicalAddress, formatCidr, parseCidr } from '../../model/address.ts';
import type { NetworkFlow, NetworkService } from '../../model/network-state.ts';

const patterns = {
  tap: /^csg[a-z0-9]{1,12}$/,
  interface: /^(?!cs[gb])[A-Za-z][A-Za-z0-9_.-]{0,14}$/,
  bridge: /^csb\d{1,4}$/,
  mac: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/,
  label: /^[a-z0-9][a-z0-9-]{0,62}$/,
} as const;

/** `text` itself when it is exactly a word of that kind; throws `invalid`. */
export function checkWord(kind: keyof typeof patterns, text: string): string {
  if (patterns[kind].test(text)) return text;
  throw new CaissonError(
    'invalid',
    `${JSON.stringify(text.slice(0, 80))} cannot be used as ${kind === 'label' ? 'a name' : `a ${kind}`} in network rules`,
  );
}

/** `text` itself when it is an address in canonical spelling; throws `invalid`. */
export function checkAddress(text: string): string {
  if (canonicalAddress(text) === text) return text;
  throw new CaissonError('invalid', `${JSON.stringify(text.slice(0, 80))} is not an address in canonical spelling`);
}

/** The parts of a range in canonical spelling; throws `invalid`. */
export function checkCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr && formatCidr(cidr) === text) return cidr;
  throw new CaissonError('invalid', `${JSON.stringify(text.slice(0, 80))} is not an address range in canonical spelling`);
}

/** A service that nft can match; throws `invalid`. */
export function checkService(service: NetworkService): NetworkService {
  const isUpTo = (most: number, value: unknown) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
  switch (service.protocol) {
    case 'tcp':
    case 'udp': {
      const { from, to } = service.ports;
      if (isUpTo(65_535, from) && isUpTo(65_535, to) && from <= to) return service;
      break;
    }
    case 'icmp': {
      const { v4 = null, v6 = null } = service.types ?? {};
      if ((v4 === null || isUpTo(255, v4)) && (v6 === null || isUpTo(255, v6))) return service;
      break;
    }
    case 'other':
      if (isUpTo(255, service.number)) return service;
      break;
    default:
  }
  throw new CaissonError('invalid', `${JSON.stringify(service).slice(0, 80)} is not a service that network rules can allow`);
}

/** A rate that nft can count; throws `invalid`. */
export function checkRate(rate: NonNullable<NetworkFlow['rate']>): NonNullable<NetworkFlow['rate']> {
  const { count, per } = rate;
  if (Number.isInteger(count) && count >= 1 && count <= 1_000_000 && ['second', 'minute', 'hour'].includes(per)) return rate;
  throw new CaissonError('invalid', `${JSON.stringify(rate).slice(0, 80)} is not a rate that network rules can count`);
}

/** What of a person's text can stand inside double quotes in nft: at most 120 harmless ASCII characters. */
export function quotable(text: string): string {
  return text
    .replaceAll('→', '->')
    .replaceAll(/[^A-Za-z0-9 .,:/=_<>-]/g, '')
    .slice(0, 120);
}
