// Packets with work left to do on them: what a guest's card would have its host do (cut a large one up, fill in a checksum) is told in a header
// that the guest writes. The host believes it as little as the rest.
import { checksum, ethernet, ip, ipPacket, protocols, tcp, tcpFlags, u16, udp } from './frames.ts';

/** As virtio has it; numbers are little-endian. */
export interface Offload {
  /** Fill in a checksum: of everything from `start` on, at `start + offset`. */
  checksum?: { start: number; offset: number };
  /** Cut it up into pieces of `size` bytes. 1 TCP, 3 UDP in fragments, 4 TCP by IPv6, 5 UDP in datagrams. */
  cut?: { kind: number; size: number; headers: number };
}

export function offloaded(frame: Uint8Array, { checksum: fill, cut }: Offload): Buffer {
  const header = Buffer.alloc(10);
  header[0] = fill ? 1 : 0;
  header[1] = cut?.kind ?? 0;
  header.writeUInt16LE(cut?.headers ?? 0, 2);
  header.writeUInt16LE(cut?.size ?? 0, 4);
  header.writeUInt16LE(fill?.start ?? 0, 6);
  header.writeUInt16LE(fill?.offset ?? 0, 8);
  return Buffer.concat([header, frame]);
}

/**
 * A datagram to a port that is allowed, whose checksum is to be written where its port stands, and comes to another port: whoever fills
 * it in after the filter sends what the filter has not seen. `payload` ends with two bytes that make it come out so.
 */
export function redirectingChecksum(
  ends: { from: string; to: string },
  between: { from: string; to: string },
  ports: { from: number; allowed: number; wanted: number },
  payload: Uint8Array,
): Buffer {
  const isIpv6 = between.from.includes(':');
  const start = isIpv6 ? 54 : 34;
  const length = 8 + payload.length + 2;
  const datagram = Buffer.concat([u16(ports.from), u16(ports.allowed), u16(length), u16(0), payload, u16(0)]);
  const missing = (~ports.wanted & 0xffff) - (~checksum(datagram) & 0xffff);
  datagram.writeUInt16BE(missing < 0 ? missing + 0xffff : missing, datagram.length - 2);
  const packet = ipPacket({ ...between, protocol: protocols.udp, payload: datagram });
  return offloaded(ethernet(ends, isIpv6 ? 0x86dd : 0x0800, packet), { checksum: { start, offset: 2 } });
}

/** Large ones by TCP and UDP, to be cut up in every way that there is. */
export function largePackets(ends: { from: string; to: string }, between: { from: string; to: string }, payload: Uint8Array): Buffer[] {
  const isIpv6 = between.from.includes(':');
  const start = isIpv6 ? 54 : 34;
  const ports = { from: 4000, to: 3306 };
  const asTcp = ip(ends, { ...between, protocol: protocols.tcp, payload: tcp(between, ports, tcpFlags.ack, payload) });
  const asUdp = ip(ends, { ...between, protocol: protocols.udp, payload: udp(between, ports, payload) });
  const cutTcp = { kind: isIpv6 ? 4 : 1, size: 1400, headers: start + 20 };
  return [
    offloaded(asTcp, { checksum: { start, offset: 16 }, cut: cutTcp }),
    // With an explicit notice of congestion.
    offloaded(asTcp, { checksum: { start, offset: 16 }, cut: { ...cutTcp, kind: cutTcp.kind | 0x80 } }),
    // Said to be of the other family, of a size of nothing, with headers longer than it is.
    offloaded(asTcp, { checksum: { start, offset: 16 }, cut: { ...cutTcp, kind: isIpv6 ? 1 : 4 } }),
    offloaded(asTcp, { checksum: { start, offset: 16 }, cut: { ...cutTcp, size: 1 } }),
    offloaded(asTcp, { checksum: { start, offset: 16 }, cut: { ...cutTcp, headers: 65_000 } }),
    offloaded(asUdp, { checksum: { start, offset: 6 }, cut: { kind: 3, size: 1400, headers: start + 8 } }),
    offloaded(asUdp, { checksum: { start, offset: 6 }, cut: { kind: 5, size: 1400, headers: start + 8 } }),
  ];
}
