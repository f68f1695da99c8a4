// Ethernet frames as an attacker would make them: every field may be wrong on purpose, checksums are right. Pure.
import { addressToBigInt, familyOf } from '../../src/model/address.ts';

export const broadcast = 'ff:ff:ff:ff:ff:ff';

export const protocols = { hopByHop: 0, icmp: 1, igmp: 2, tcp: 6, udp: 17, routing: 43, fragment: 44, icmp6: 58, none: 59, options: 60 };

export function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

export function addressBytes(address: string): Buffer {
  const length = familyOf(address) === 4 ? 4 : 16;
  return Buffer.from(
    addressToBigInt(address)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  );
}

export const u16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255]);
export const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);

/** Who sends to whom on the wire. */
export interface Ends {
  from: string;
  to: string;
}

/** Padded to the shortest frame there is. */
export function ethernet({ from, to }: Ends, type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.concat([macBytes(to), macBytes(from), u16(type), payload]);
  return frame.length >= 60 ? frame : Buffer.concat([frame, Buffer.alloc(60 - frame.length)]);
}

/** Puts tags, outermost first, before the type of a frame. Type 0x88a8 for the outer one of two. */
export function tagged(frame: Uint8Array, ...tags: { id: number; type?: number }[]): Buffer {
  return Buffer.concat([frame.subarray(0, 12), ...tags.flatMap(({ id, type = 0x8100 }) => [u16(type), u16(id)]), frame.subarray(12)]);
}

/** The same frame with a length in the place of its type, and the type behind an LLC and SNAP header. */
export function snapped(frame: Uint8Array): Buffer {
  const inner = Buffer.concat([Buffer.from('aaaa03000000', 'hex'), frame.subarray(12)]);
  return Buffer.concat([frame.subarray(0, 12), u16(inner.length), inner]);
}

export function arp(
  ends: Ends,
  {
    ask,
    sender,
    target,
    more = Buffer.alloc(0),
  }: { ask: boolean; sender: [mac: string, address: string]; target: [mac: string, address: string]; more?: Buffer },
): Buffer {
  const fields = [sender, target].flatMap(([mac, address]) => [macBytes(mac), addressBytes(address)]);
  return ethernet(ends, 0x0806, Buffer.concat([Buffer.from('000108000604', 'hex'), u16(ask ? 1 : 2), ...fields, more]));
}

export interface Ip {
  from: string;
  to: string;
  protocol: number;
  payload: Uint8Array;
  ttl?: number;
  /** IPv4 only: a multiple of four bytes. */
  options?: Uint8Array;
  id?: number;
  /** IPv4 only: offset in bytes, a multiple of eight. */
  part?: { offset: number; more: boolean };
}

/** An IPv4 or IPv6 packet in a frame. */
export function ip(ends: Ends, packet: Ip): Buffer {
  return ethernet(ends, familyOf(packet.from) === 4 ? 0x0800 : 0x86dd, ipPacket(packet));
}

export function ipPacket({ from, to, protocol, payload, ttl = 64, options = Buffer.alloc(0), id = 1, part }: Ip): Buffer {
  if (familyOf(from) === 6) {
    return Buffer.concat([
      u32(0x60000000),
      u16(payload.length),
      Buffer.from([protocol, ttl]),
      addressBytes(from),
      addressBytes(to),
      payload,
    ]);
  }
  const length = 20 + options.length;
  const header = Buffer.concat([
    Buffer.from([0x40 | (length / 4), 0]),
    u16(length + payload.length),
    u16(id),
    u16(part ? (part.offset / 8) | (part.more ? 0x2000 : 0) : 0),
    Buffer.from([ttl, protocol]),
    u16(0),
    addressBytes(from),
    addressBytes(to),
    options,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** A packet in two or more parts of at most `size` bytes each, a multiple of eight. */
export function ipParts(ends: Ends, packet: Ip, size: number): Buffer[] {
  const { payload, protocol, id = 1 } = packet;
  const offsets = Array.from({ length: Math.ceil(payload.length / size) }, (_, index) => index * size);
  return offsets.map((offset) => {
    const piece = payload.subarray(offset, offset + size);
    const more = offset + size < payload.length;
    return familyOf(packet.from) === 4
      ? ip(ends, { ...packet, payload: piece, part: { offset, more } })
      : ip(ends, { ...packet, protocol: protocols.fragment, payload: fragment(protocol, { offset, more, id }, piece) });
  });
}

/** IPv6: a fragment header and what follows it. */
export function fragment(next: number, { offset, more, id }: { offset: number; more: boolean; id: number }, rest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([next, 0]), u16(offset | (more ? 1 : 0)), u32(id), rest]);
}

/** IPv6: an extension header of eight or more bytes and what follows it. `content` begins at its third byte. */
export function extension(next: number, content: Uint8Array, rest: Uint8Array): Buffer {
  const padded = Buffer.concat([content, Buffer.alloc((8 - ((content.length + 2) % 8)) % 8)]);
  return Buffer.concat([Buffer.from([next, (padded.length + 2) / 8 - 1]), padded, rest]);
}

type Addresses = Pick<Ip, 'from' | 'to'>;

export function udp(between: Addresses, ports: { from: number; to: number }, payload: Uint8Array): Buffer {
  const bytes = Buffer.concat([u16(ports.from), u16(ports.to), u16(8 + payload.length), u16(0), payload]);
  return withChecksum(between, protocols.udp, bytes, 6);
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16 };

export function tcp(between: Addresses, ports: { from: number; to: number }, flags: number, payload: Uint8Array): Buffer {
  const header = [
    u16(ports.from),
    u16(ports.to),
    u32(1000),
    u32(flags & tcpFlags.ack ? 1 : 0),
    Buffer.from([0x50, flags]),
    u16(64_240),
    u16(0),
    u16(0),
  ];
  return withChecksum(between, protocols.tcp, Buffer.concat([...header, payload]), 16);
}

export function icmp(type: number, code: number, rest: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from([type, code]), u16(0), u32(rest), payload]);
  bytes.writeUInt16BE(checksum(bytes), 2);
  return bytes;
}

export function icmp6(between: Addresses, type: number, code: number, body: Uint8Array): Buffer {
  return withChecksum(between, protocols.icmp6, Buffer.concat([Buffer.from([type, code]), u16(0), body]), 2);
}

/** An option of neighbour discovery: its length is rounded up to eight bytes. */
export function ndOption(type: number, content: Uint8Array): Buffer {
  const padded = Buffer.concat([content, Buffer.alloc((8 - ((content.length + 2) % 8)) % 8)]);
  return Buffer.concat([Buffer.from([type, (padded.length + 2) / 8]), padded]);
}

function withChecksum({ from, to }: Addresses, protocol: number, bytes: Buffer, at: number): Buffer {
  const pseudo =
    familyOf(from) === 4
      ? [addressBytes(from), addressBytes(to), Buffer.from([0, protocol]), u16(bytes.length)]
      : [addressBytes(from), addressBytes(to), u32(bytes.length), u32(protocol)];
  bytes.writeUInt16BE(checksum(Buffer.concat([...pseudo, bytes])), at);
  return bytes;
}

/** The internet's: ones' complement of the sum of 16-bit words. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
