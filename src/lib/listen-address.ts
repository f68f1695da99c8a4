// Addresses to listen on, and which of them never leave the machine: what travels readable is for those alone.
import { BlockList, isIP } from 'node:net';
import { CaissonError } from './errors.ts';

export interface ListenAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for a literal address that only this machine can reach. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** `127.0.0.1:8420`, `[::]:8420`, `localhost:8420`. Throws `invalid`. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw new CaissonError('invalid', `“${text}” is not an address to listen on: expected is for example 127.0.0.1:8420 or [::1]:8420`);
  const given = match[1] ?? match[2] ?? '';
  const host = given === 'localhost' ? '127.0.0.1' : given;
  if (isIP(host) === 0)
    throw new CaissonError('invalid', `“${text}” names no address: give the one to listen on, for example 0.0.0.0:8420 for all`);
  return { host, port };
}
