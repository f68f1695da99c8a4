// Texts of /proc and /sys → figures. Pure.
import { parseKernelAddress } from '../../model/kernel-address.ts';
import type { HostSocket, HostTopology, MemoryPressure, NicCounters } from '../host-sensors.ts';

/** /proc/net/dev. */
export function parseNics(text: string): Map<string, NicCounters> {
  const found = new Map<string, NicCounters>();
  for (const line of text.split('\n')) {
    const match = /^\s*(\S+):\s*(.*)$/.exec(line);
    if (!match?.[1] || !match[2]) continue;
    const fields = match[2].trim().split(/\s+/).map(Number);
    const [receivedBytes = 0, receivedPackets = 0] = fields;
    const [sentBytes = 0, sentPackets = 0] = fields.slice(8);
    found.set(match[1], { receivedBytes, receivedPackets, sentBytes, sentPackets });
  }
  return found;
}

/** /proc/net/tcp and the like: sockets that wait for somebody, which in UDP are those that are connected to nobody. */
export function parseListeners(protocol: HostSocket['protocol'], table: string): HostSocket[] {
  const waiting = protocol === 'tcp' ? /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A / : /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+:0000 07 /;
  return table.split('\n').flatMap((line): HostSocket[] => {
    const [, address, port] = waiting.exec(line) ?? [];
    if (address === undefined || port === undefined) return [];
    return [{ protocol, address: parseKernelAddress(address), port: Number.parseInt(port, 16) }];
  });
}

/** /proc/meminfo, and /proc/pressure/memory where there is one. */
export function parseMemoryPressure(meminfo: string, pressure: string | undefined): MemoryPressure {
  const mib = (name: string) => Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) / 1024);
  const part = (kind: string) => Number(new RegExp(`^${kind} avg10=([\\d.]+)`, 'm').exec(pressure ?? '')?.[1] ?? Number.NaN) / 100;
  const [some, full] = [part('some'), part('full')];
  return {
    availableMib: mib('MemAvailable'),
    swapUsedMib: mib('SwapTotal') - mib('SwapFree'),
    ...(Number.isNaN(some) ? {} : { waiting: { some, full: Number.isNaN(full) ? 0 : full } }),
  };
}

/** /proc/cpuinfo. */
export function parseProcessors(cpuinfo: string): Pick<HostTopology, 'sockets' | 'cores' | 'threads' | 'model'> {
  const blocks = cpuinfo.split(/\n\s*\n/).filter((block) => /^processor\s*:/m.test(block));
  const field = (block: string, name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(block)?.[1]?.trim();
  const sockets = new Set(blocks.map((block) => field(block, 'physical id') ?? '0'));
  const cores = new Set(blocks.map((block, index) => `${field(block, 'physical id') ?? '0'}/${field(block, 'core id') ?? index}`));
  const model = field(cpuinfo, 'model name');
  return { sockets: sockets.size, cores: cores.size, threads: blocks.length, ...(model === undefined ? {} : { model }) };
}
