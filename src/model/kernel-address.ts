// An address as the kernel's tables of sockets write it. Pure.
import { addressFromBigInt } from './address.ts';

/**
 * 8 or 32 hexadecimal digits: words of 32 bits, each as it lies in the memory of a little-endian machine; an IPv4 address inside an IPv6 one is
 * that.
 */
export function parseKernelAddress(hex: string): string {
  const bytes = hex.match(/.{8}/g)?.flatMap((word) => (word.match(/../g) ?? []).toReversed()) ?? [];
  const value = BigInt(`0x${bytes.join('')}`);
  if (bytes.length === 4) return addressFromBigInt(4, value);
  return value >> 32n === 0xffffn ? addressFromBigInt(4, value & 0xffff_ffffn) : addressFromBigInt(6, value);
}
