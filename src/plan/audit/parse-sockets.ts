// The kernel's tables of sockets (/proc/net/tcp and the like), as a guest hands them out: it may lie, so every line is exactly what
// Linux writes or the table is refused, and there are no more of them than a person can read. Pure.
import { CaissonError } from '../../lib/errors.ts';
import { parseKernelAddress } from '../../model/kernel-address.ts';
import type { FoundSocket } from './evidence.ts';

const head = /^ *sl +local_address +re(m|mote)_address +st /;
const line = /^ *\d{1,10}: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) /;

/** State of a TCP socket that waits for connections, and of an UDP socket that is connected to nobody. */
const waiting = { tcp: '0A', udp: '07' } as const;

/** More than this in one guest is no service any more. */
const maxSockets = 500;

/**
 * The sockets that wait for somebody. `complete` is false when the table was cut: its last line then may be half; TCP sockets that
 * listen come first. Throws `unavailable` for what is no such table.
 */
export function parseSockets(protocol: 'tcp' | 'udp', table: string, complete: boolean): FoundSocket[] {
  const [first = '', ...rest] = table.split('\n');
  if (!head.test(first)) throw malformed(protocol);
  const lines = rest.filter((text, index) => text !== '' && (complete || index < rest.length - 1));
  const found = lines.flatMap((text): FoundSocket[] => {
    const [, address = '', port = '', , remotePort, state] = line.exec(text) ?? [];
    if (state === undefined) throw malformed(protocol);
    if (state !== waiting[protocol] || (protocol === 'udp' && remotePort !== '0000')) return [];
    return [{ protocol, address: parseKernelAddress(address), port: Number.parseInt(port, 16) }];
  });
  const unique = [...new Map(found.map((socket) => [`${socket.address} ${socket.port}`, socket])).values()];
  if (unique.length > maxSockets) throw new CaissonError('unavailable', `the guest tells of ${unique.length} ${protocol} sockets`);
  return unique;
}

function malformed(protocol: string): CaissonError {
  return new CaissonError('unavailable', `the guest’s list of ${protocol} sockets is malformed`);
}
