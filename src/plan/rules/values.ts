// Values of nft's JSON as what can be compared: numbers, and texts of interface names. Pure.
import { addressToBigInt, canonicalAddress } from '../../model/address.ts';
import type { Json } from './ruleset.ts';

/** `wide`: more than 48 bits. */
export type ValueKind = 'name' | 'ipv4' | 'ipv6' | 'mac' | 'number' | 'wide' | 'etherType' | 'arpOperation' | 'state' | 'direction';
/** IPv4 addresses, ports and the like are numbers, IPv6 addresses and wide ones bigints. */
export type Value = number | bigint | string;

/** What a value is held against. */
export type Bounds = { first: number | bigint; last: number | bigint } | { text: string; isPrefix: boolean };

/** Undefined for what is not understood. */
export function readBounds(kind: ValueKind, json: Json): Bounds | undefined {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    const { prefix, range, elem } = json;
    if (elem !== undefined && isRecord(elem) && elem['val'] !== undefined) return readBounds(kind, elem['val']);
    if (Array.isArray(range)) return spanOf(readPoint(kind, range[0]), readPoint(kind, range[1]));
    if (isRecord(prefix)) return prefixBounds(kind, readPoint(kind, prefix['addr']), prefix['len']);
    return undefined;
  }
  if (kind === 'name') return typeof json === 'string' ? nameBounds(json) : undefined;
  if (json === '*') return wholeOf(kind);
  const point = readPoint(kind, json);
  return spanOf(point, point);
}

export function isWithin(bounds: Bounds, value: Value): boolean {
  if ('text' in bounds) return bounds.isPrefix ? typeof value === 'string' && value.startsWith(bounds.text) : value === bounds.text;
  return typeof value !== 'string' && value >= bounds.first && value <= bounds.last;
}

/** Undefined for what is not understood: a name where a number was asked for. */
export function readPoint(kind: ValueKind, json: Json | undefined): number | bigint | undefined {
  if (kind === 'ipv4' || kind === 'ipv6') return typeof json === 'string' ? readAddress(kind, json) : undefined;
  if (kind === 'mac') return readMac(json);
  if (kind === 'state' && Array.isArray(json)) return joinBits(json);
  const number = readNumber(json);
  if (number === undefined) return undefined;
  if (kind === 'wide') return number < 0n ? number + (1n << 64n) : number;
  const plain = Number(number);
  if (plain < 0) return undefined;
  // nft 1.0.6 writes these as the machine has them in memory.
  if (kind === 'etherType') return etherTypes.includes(plain) ? plain : swapBytes(plain);
  if (kind === 'arpOperation') return plain < 256 ? plain : swapBytes(plain);
  return plain;
}

/** A list of bits as the number that has them all. */
export function joinBits(list: readonly Json[]): number | undefined {
  const numbers = list.map((each) => readNumber(each));
  return numbers.every((each) => each !== undefined) ? Number(numbers.reduce((sum, each) => sum | each, 0n)) : undefined;
}

function readAddress(kind: 'ipv4' | 'ipv6', text: string): number | bigint | undefined {
  const address = canonicalAddress(text);
  if (address === undefined || address.includes(':') !== (kind === 'ipv6')) return undefined;
  return toValue(address);
}

/** As packets have them here. */
export function toValue(address: string): number | bigint {
  const value = addressToBigInt(address);
  return address.includes(':') ? value : Number(value);
}

export function readMac(json: Json | undefined): number | undefined {
  if (typeof json !== 'string' || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(json)) return undefined;
  return Number.parseInt(json.replaceAll(':', ''), 16);
}

function readNumber(json: Json | undefined): bigint | undefined {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : undefined;
  return typeof json === 'string' && /^(0x[0-9a-f]+|\d+)$/i.test(json) ? BigInt(json) : undefined;
}

const etherTypes: readonly number[] = [0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8];

function swapBytes(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8);
}

function nameBounds(text: string): Bounds {
  return text.endsWith('*') ? { text: text.slice(0, -1), isPrefix: true } : { text, isPrefix: false };
}

function spanOf(first: number | bigint | undefined, last: number | bigint | undefined): Bounds | undefined {
  return first === undefined || last === undefined || first > last ? undefined : { first, last };
}

function prefixBounds(kind: ValueKind, base: number | bigint | undefined, length: Json | undefined): Bounds | undefined {
  if ((kind !== 'ipv4' && kind !== 'ipv6') || base === undefined || typeof length !== 'number') return undefined;
  const hosts = (1n << BigInt((kind === 'ipv4' ? 32 : 128) - length)) - 1n;
  const last = BigInt(base) | hosts;
  return { first: base, last: kind === 'ipv4' ? Number(last) : last };
}

function wholeOf(kind: ValueKind): Bounds | undefined {
  if (kind === 'ipv6' || kind === 'wide') return { first: 0n, last: (1n << 128n) - 1n };
  return kind === 'name' ? { text: '', isPrefix: true } : { first: 0, last: 2 ** 48 - 1 };
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
