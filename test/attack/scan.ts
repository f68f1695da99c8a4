// What nmap finds: an instrument that nobody here has made.
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { run } from '../../src/lib/exec.ts';
import { familyOf } from '../../src/model/address.ts';

export interface ScanOptions {
  /** Network namespace that it runs in, and the address that it has there. */
  namespace: string;
  from: string;
  /** Addresses of the family of `from`. */
  to: readonly string[];
  /** As nmap writes them, such as `22,80-90` or `-`. */
  tcp?: string;
  udp?: string;
  /** Packets a second, at least. */
  rate: number;
  /** How often it asks again where nobody answers. */
  retries?: number;
}

/** `reached`: the other end answered, be it that nobody listens there. Keys are `ADDRESS tcp/PORT`. Every other port is not reached. */
export async function scan({
  namespace,
  from,
  to,
  tcp,
  udp,
  rate,
  retries = 2,
}: ScanOptions): Promise<{ reached: Set<string>; tried: number }> {
  const output = `/tmp/caisson-test-scan-${randomUUID()}.xml`;
  const ports = [...(tcp === undefined ? [] : [`T:${tcp}`]), ...(udp === undefined ? [] : [`U:${udp}`])].join(',');
  const kinds = [...(tcp === undefined ? [] : ['-sS']), ...(udp === undefined ? [] : ['-sU']), ...(familyOf(from) === 6 ? ['-6'] : [])];
  const patience = [
    '--max-retries',
    String(retries),
    '--min-rate',
    String(rate),
    '--initial-rtt-timeout',
    '100ms',
    '--max-rtt-timeout',
    '200ms',
    ...(tcp === undefined ? [] : ['--defeat-rst-ratelimit']), // nmap refuses it without one
  ];
  try {
    await run(
      [
        'ip',
        'netns',
        'exec',
        namespace,
        'nmap',
        '-n',
        '-Pn',
        ...kinds,
        '-p',
        ports,
        ...patience,
        '-S',
        from,
        '-e',
        'eth0',
        '-dd',
        '-oX',
        output,
        ...to,
      ],
      { timeoutMs: 120_000, maxOutputBytes: 64 * 1024 * 1024 },
    );
    return parseScan(readFileSync(output, 'utf8'));
  } finally {
    rmSync(output, { force: true });
  }
}

function parseScan(text: string): { reached: Set<string>; tried: number } {
  const reached = new Set<string>();
  let tried = 0;
  for (const [, host = ''] of text.matchAll(/<host\b([\s\S]*?)<\/host>/g)) {
    const address = /<address addr="([^"]+)" addrtype="ipv[46]"/.exec(host)?.[1] ?? '';
    for (const [, protocol, port, state = ''] of host.matchAll(/<port protocol="(\w+)" portid="(\d+)"><state state="([^"]+)"/g)) {
      tried++;
      if (state === 'open' || state === 'closed') reached.add(`${address} ${protocol}/${port}`);
      else if (state !== 'filtered' && state !== 'open|filtered') throw new Error(`nmap says ${state} of ${address} ${protocol}/${port}`);
    }
    for (const [, state, count] of host.matchAll(/<extraports state="([^"]+)" count="(\d+)"/g)) {
      tried += Number(count);
      if (state !== 'filtered' && state !== 'open|filtered') throw new Error(`nmap lists no ports of ${address} that are ${state}`);
    }
  }
  return { reached, tried };
}
