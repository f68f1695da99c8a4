// What this host is, as far as guests need to know.
import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, hostname, networkInterfaces, release } from 'node:os';
import { run } from '../lib/exec.ts';
import type { HostFacts } from '../model/helper-protocol.ts';
import type { Cgroups } from './cgroups.ts';
import { readBootId } from './process-stat.ts';

/** `Name:   1234 kB` lines → MiB by name. */
export function parseMemory(meminfo: string): Map<string, number> {
  const lines = meminfo.matchAll(/^(\w+):\s+(\d+) kB$/gm);
  return new Map([...lines].map(([, name, kib]) => [name ?? '', Math.floor(Number(kib) / 1024)]));
}

export async function readHostFacts(cgroups: Cgroups): Promise<HostFacts> {
  const memory = parseMemory(readFileSync('/proc/meminfo', 'latin1'));
  const swapTotalMib = memory.get('SwapTotal') ?? 0;
  const architecture = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  const [nftables, dnsmasq, qemu] = await Promise.all([
    version(['nft', '--version'], /v(\d\S*)/),
    version(['dnsmasq', '--version'], /version (\S+)/),
    version([`/usr/bin/qemu-system-${architecture}`, '--version'], /version (\S+)/),
  ]);
  return {
    memoryTotalMib: memory.get('MemTotal') ?? 0,
    memoryAvailableMib: memory.get('MemAvailable') ?? 0,
    swapTotalMib,
    swapUsedMib: swapTotalMib - (memory.get('SwapFree') ?? 0),
    cpus: cpus().length,
    cgroups: cgroups.layout.kind,
    cgroupControllers: cgroups.controllers(),
    kernel: release(),
    hostname: hostname(),
    addresses: ownAddresses(),
    architecture,
    bootId: readBootId(),
    ...(nftables && { nftables }),
    ...(dnsmasq && { dnsmasq }),
    ...(qemu && { qemu }),
    kvmDevice: existsSync('/dev/kvm'),
  };
}

/** Taps of guests and bridges of zones carry addresses of guests' networks: nobody reaches the host by them. */
function ownAddresses(): string[] {
  const named = Object.entries(networkInterfaces()).filter(([name]) => !name.startsWith('cs'));
  return named.flatMap(([, addresses = []]) => addresses.filter(({ internal }) => !internal).map(({ address }) => address));
}

async function version(argv: [string, ...string[]], pattern: RegExp): Promise<string | undefined> {
  try {
    return pattern.exec((await run(argv)).stdout)?.[1];
  } catch {
    return undefined;
  }
}
