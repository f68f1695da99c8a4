// IPv4 and IPv6 addresses and ranges, always kept in canonical spelling. Pure.
import ipaddr from 'ipaddr.js';
import { remembered } from '../lib/remembered.ts';

export type Family = 4 | 6;

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

export interface Cidr {
  family: Family;
  /** Canonical text of the first address. */
  base: string;
  prefixLength: number;
}

/** A site names the same few thousand addresses again and again, and parsing one takes a microsecond or two. */
const mostRemembered = 20_000;
/** Longer ones are no addresses, and nothing of a stranger's text is kept. */
const longestText = 49;

/** The canonical spelling of an address; undefined when it is not one (no zone ids, no octal, no short forms). */
export function canonicalAddress(text: string): string | undefined {
  return text.length > longestText ? undefined : knownAddress(text);
}

const knownAddress = remembered(mostRemembered, (text) => {
  const parsed = parseStrict(text);
  return parsed && canonical(parsed);
});

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** `10.0.0.0/8` → its parts; undefined when it is not a range or has bits set beyond its length. */
export function parseCidr(text: string): Readonly<Cidr> | undefined {
  return text.length > longestText ? undefined : knownCidr(text);
}

const knownCidr = remembered(mostRemembered, (text): Readonly<Cidr> | undefined => {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const parsed = match?.[1] === undefined ? undefined : parseStrict(match[1]);
  const prefixLength = Number(match?.[2]);
  if (!parsed || prefixLength > width(parsed)) return undefined;
  const value = toBigInt(parsed);
  const hostBits = BigInt(width(parsed) - prefixLength);
  if ((value >> hostBits) << hostBits !== value) return undefined;
  return Object.freeze({ family: parsed.kind() === 'ipv4' ? 4 : 6, base: canonical(parsed), prefixLength });
});

/** The range that a text with bits set beyond its prefix lies in: `10.20.3.4/16` → 10.20.0.0/16. For messages, and for counting by; never for rules. */
export function surroundingCidr(text: string): Cidr | undefined {
  const [address, prefix] = text.split('/');
  const canonicalText = address === undefined ? undefined : canonicalAddress(address);
  if (canonicalText === undefined || prefix === undefined || !/^\d{1,3}$/.test(prefix)) return undefined;
  const family = familyOf(canonicalText);
  const prefixLength = Number(prefix);
  const hostBits = (family === 4 ? 32 : 128) - prefixLength;
  if (hostBits < 0) return undefined;
  const base = (addressToBigInt(canonicalText) >> BigInt(hostBits)) << BigInt(hostBits);
  return { family, base: addressFromBigInt(family, base), prefixLength };
}

export function formatCidr(cidr: Cidr): string {
  return `${cidr.base}/${cidr.prefixLength}`;
}

/** First and last address of a range as numbers. */
export function cidrBounds(cidr: Cidr): { first: bigint; last: bigint } {
  const first = addressToBigInt(cidr.base);
  return { first, last: first + (1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefixLength)) - 1n };
}

export function cidrContains(cidr: Cidr, address: string): boolean {
  if (familyOf(address) !== cidr.family) return false;
  const { first, last } = cidrBounds(cidr);
  const value = addressToBigInt(address);
  return value >= first && value <= last;
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && (cidrContains(a, b.base) || cidrContains(b, a.base));
}

/** Of an address in canonical spelling. */
export const addressToBigInt = remembered(mostRemembered, (address) => toBigInt(ipaddr.parse(address)));

export function addressFromBigInt(family: Family, value: bigint): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn));
  return canonical(ipaddr.fromByteArray(bytes));
}

function parseStrict(text: string): Parsed | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

function canonical(parsed: Parsed): string {
  return parsed.kind() === 'ipv4' ? parsed.toString() : (parsed as ipaddr.IPv6).toRFC5952String();
}

function width(parsed: Parsed): number {
  return parsed.kind() === 'ipv4' ? 32 : 128;
}

function toBigInt(parsed: Parsed): bigint {
  return parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
