// The host's own figures, as any user may read them. The daemon lives in the guests' network, so their taps are among its devices.
import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { canonicalAddress } from '../../model/address.ts';
import type { DiskSpace, HostSensors, HostSocket, HostTopology } from '../host-sensors.ts';
import { parseListeners, parseMemoryPressure, parseNics, parseProcessors } from './parse-sensors.ts';

const read = (path: string) =>
  readFile(path, 'latin1').then(
    (text) => text.trim(),
    () => undefined,
  );
const list = (path: string) => readdir(path).catch(() => [] as string[]);

export function createHostSensors({ dataDirectory }: { dataDirectory: string }): HostSensors {
  return {
    nics: async () => parseNics((await read('/proc/self/net/dev')) ?? ''),
    memory: async () => parseMemoryPressure(`${(await read('/proc/meminfo')) ?? ''}\n`, await read('/proc/pressure/memory')),
    topology: async () => ({
      ...parseProcessors((await read('/proc/cpuinfo')) ?? ''),
      numaNodes: await readNodes(),
      hugePages: await readHugePages(),
      ...(await readTransparent()),
    }),
    disks: () => readDisks(['', 'guests', 'images'].map((folder) => join(dataDirectory, folder))),
    listeners: async () => ({ addresses: ownAddresses(), sockets: await readListeners() }),
  };
}

/** Of taps and bridges of guests too: those are no addresses that anything is published at. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.flatMap(({ address }) => canonicalAddress(address) ?? []));
}

async function readListeners(): Promise<HostSocket[]> {
  const tables = (['tcp', 'udp'] as const).flatMap((protocol) =>
    [protocol, `${protocol}6`].map(async (table) => parseListeners(protocol, (await read(`/proc/self/net/${table}`)) ?? '')),
  );
  return (await Promise.all(tables)).flat();
}

/** A folder that is not there yet has no disk. */
async function readDisks(folders: readonly string[]): Promise<DiskSpace[]> {
  const disks = new Map<number, DiskSpace>();
  for (const path of folders) {
    const { dev } = (await stat(path).catch(() => undefined)) ?? {};
    if (dev === undefined || disks.has(dev)) continue;
    const { blocks, bavail, bsize } = await statfs(path);
    disks.set(dev, { path, sizeBytes: blocks * bsize, freeBytes: bavail * bsize });
  }
  return [...disks.values()];
}

async function readNodes(): Promise<HostTopology['numaNodes']> {
  const root = '/sys/devices/system/node';
  const names = (await list(root)).filter((name) => /^node\d+$/.test(name));
  const nodes = names.map(async (name) => ({
    id: Number(name.slice(4)),
    cpus: (await read(`${root}/${name}/cpulist`)) ?? '',
    memoryMib: Math.floor(Number(/MemTotal:\s+(\d+) kB/.exec((await read(`${root}/${name}/meminfo`)) ?? '')?.[1] ?? 0) / 1024),
  }));
  return (await Promise.all(nodes)).toSorted((a, b) => a.id - b.id);
}

async function readHugePages(): Promise<HostTopology['hugePages']> {
  const root = '/sys/kernel/mm/hugepages';
  const sizes = (await list(root)).flatMap((name) => /^hugepages-(\d+)kB$/.exec(name)?.[1] ?? []);
  const pages = sizes.map(async (size) => {
    const number = async (name: string) => Number((await read(`${root}/hugepages-${size}kB/${name}`)) ?? 0);
    return { sizeKib: Number(size), total: await number('nr_hugepages'), free: await number('free_hugepages') };
  });
  return (await Promise.all(pages)).toSorted((a, b) => a.sizeKib - b.sizeKib);
}

async function readTransparent(): Promise<Pick<HostTopology, 'transparentHugePages'>> {
  const chosen = /\[(\w+)\]/.exec((await read('/sys/kernel/mm/transparent_hugepage/enabled')) ?? '')?.[1];
  return chosen === undefined ? {} : { transparentHugePages: chosen };
}
