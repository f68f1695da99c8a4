// What a DHCP client says, with fields of the attacker's choice, and DHCPv6 alike. Pure.
import { addressBytes, broadcast, ip, macBytes, protocols, u16, u32, udp } from './frames.ts';
import type { Mark } from './wire.ts';

export const dhcpTypes = { discover: 1, request: 3, decline: 4, release: 7, inform: 8 };

export interface DhcpClient {
  /** MAC that the frame comes from. */
  mac: string;
  type: number;
  mark: Mark;
  /** Whose request it says to be; absent: its own. */
  chaddr?: string;
  /** Address that it says to have, that a relay says to have, and that it asks for. */
  ciaddr?: string;
  giaddr?: string;
  requested?: string;
  serverId?: string;
  name?: string;
  from?: string;
  to?: string;
}

/** A server's answer holds the mark, too: it stands in what is left of the client's hardware address. */
export function dhcpFrame(client: DhcpClient): Buffer {
  const { mac, type, mark, from = '0.0.0.0', to = '255.255.255.255' } = client;
  const fields = Buffer.alloc(236);
  Buffer.from([1, 1, 6, 0, 1, 2, 3, 4]).copy(fields, 0);
  addressBytes(client.ciaddr ?? '0.0.0.0').copy(fields, 12);
  addressBytes(client.giaddr ?? '0.0.0.0').copy(fields, 24);
  macBytes(client.chaddr ?? mac).copy(fields, 28);
  mark.bytes.subarray(0, 8).copy(fields, 34);
  const options = [
    Buffer.from([0x63, 0x82, 0x53, 0x63, 53, 1, type]),
    ...(client.serverId === undefined ? [] : [Buffer.from([54, 4]), addressBytes(client.serverId)]),
    ...(client.requested === undefined ? [] : [Buffer.from([50, 4]), addressBytes(client.requested)]),
    ...(client.name === undefined ? [] : [Buffer.from([12, client.name.length]), Buffer.from(client.name)]),
    Buffer.from([255]),
  ];
  const payload = udp({ from, to }, { from: 68, to: 67 }, Buffer.concat([fields, ...options]));
  return ip({ from: mac, to: broadcast }, { from, to, protocol: protocols.udp, payload });
}

export const dhcp6Types = { request: 3, release: 8, decline: 9, relay: 12 };

/** Says, in the name of the machine with the MAC `chaddr`, something about `address`. */
export function dhcp6Frame({
  mac,
  link,
  type,
  chaddr,
  address,
}: {
  mac: string;
  link: string;
  type: number;
  chaddr: string;
  address: string;
}): Buffer {
  const duid = Buffer.concat([u16(3), u16(1), macBytes(chaddr)]);
  const option = (code: number, content: Buffer) => Buffer.concat([u16(code), u16(content.length), content]);
  const association = Buffer.concat([u32(1), u32(0), u32(0), option(5, Buffer.concat([addressBytes(address), u32(3600), u32(3600)]))]);
  const message = Buffer.concat([Buffer.from([type, 1, 2, 3]), option(1, duid), option(3, association)]);
  const ends = { from: link, to: 'ff02::1:2' };
  return ip(
    { from: mac, to: '33:33:00:01:00:02' },
    { ...ends, protocol: protocols.udp, payload: udp(ends, { from: 546, to: 547 }, message) },
  );
}
