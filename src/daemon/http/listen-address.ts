// Where the daemon may listen. Without TLS a token would travel readable, so only addresses that never leave the machine.
import { BlockList, isIP } from 'node:net';
import { CaissonError } from '../../lib/errors.ts';

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

/** `127.0.0.1:8420`, `[::1]:8420`, `localhost:8420`. Throws `invalid`, or `unsupported` for an address that others can reach. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw new CaissonError('invalid', `“${text}” is not an address to listen on: expected is for example 127.0.0.1:8420 or [::1]:8420`);
  const given = match[1] ?? match[2] ?? '';
  const host = given === 'localhost' ? '127.0.0.1' : given;
  checkLoopback(host);
  return { host, port };
}

/** Throws `unsupported` for an address that is not loopback. */
export function checkLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new CaissonError(
    'unsupported',
    `the daemon does not listen on ${host}: this version speaks HTTP without TLS, so only on this machine (127.0.0.1 or ::1); from another machine, forward a port with ssh -L`,
  );
}
