// Site documents from a seed: small sites of one family, so that one applied after another changes this and keeps that.
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';
import type { GuestSpec } from '../../src/model/guest.ts';
import type { Site } from '../../src/model/site.ts';
import { Chance } from './chance.ts';

/** Memory of the simulated host beyond its reserve: room for most of the guests, not for all. */
export const roomMib = 2600;

export function documentOf(seed: number): Site {
  const site = siteOf(new Chance(seed));
  // By chances of their own, so that the rest stays what it was.
  const sizes = new Chance(seed + 1_000_003);
  for (const spec of Object.values(site.guests)) {
    // A range that the guest can be brought to while it runs.
    if (sizes.often(30)) spec.memoryRange = { minMib: spec.memoryMib / 2, maxMib: spec.memoryMib * 2 };
    spec.cpus = sizes.between(1, 3);
  }
  return sizes.often(25) ? { ...site, overcommitMemory: true } : site;
}

function siteOf(chance: Chance): Site {
  const names = Array.from({ length: 6 }, (_, index) => `guest${index}`).filter(() => chance.often(60));
  const guests: Record<string, GuestSpec> = {};
  for (const [index, name] of names.entries()) guests[name] = guestOf(chance, index, names.slice(0, index), guests);
  const flows = names
    .filter(() => chance.often(50))
    .map((name) => ({
      from: chance.pick(['world', 'all', ...names.filter((other) => other !== name)]),
      to: name,
      allow: [`tcp/${chance.between(80, 82)}`],
    }));
  return {
    version: 1,
    site: 'simulated',
    timezone: chance.pick(['UTC', 'Europe/Paris']),

    zones: {
      external: { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } },
      internal: { subnets: ['10.20.0.0/16'] },
    },
    flows,
    images: chance.often(50) ? { own: { file: '/srv/own.qcow2' } } : {},
    guests,
  };
}

function guestOf(chance: Chance, index: number, before: readonly string[], guests: Readonly<Record<string, GuestSpec>>): GuestSpec {
  const zone = chance.pick(['internal', 'internal', 'external']);
  const after = before
    .filter((name) => guests[name]?.autostart && chance.often(30))
    .map((name) => (chance.often(60) ? { requires: name } : { wants: name }));
  return {
    // Mostly the same each time: neither can be changed once the disk is made.
    image: chance.often(90) ? 'debian-12' : 'debian-13',
    nics: [{ zone, addresses: zone === 'external' && chance.often(25) ? [`192.0.2.${10 + index}`] : [] }],
    labels: chance.often(30) ? { role: 'front' } : {},
    cpus: chance.between(1, 2),
    memoryMib: chance.pick([64, 128, 256, 512]),
    disks: {
      root: { sizeMib: chance.often(92) ? 1024 : 2048, bus: 'virtio' },
      ...(chance.often(30) ? { data: { sizeMib: 512, bus: 'virtio' as const } } : {}),
    },
    firmware: 'bios',
    os: 'linux',
    display: 'none',
    sshKeys: [],
    ...(chance.often(70)
      ? {
          service: {
            ports: ['tcp/80'],
            ready: [chance.often(70) ? { tcp: { port: 80 } } : { agent: true as const }],
            readyWithinMs: 60_000,
          },
        }
      : {}),
    after,
    autostart: chance.often(75),
    restart: defaultRestart,
    shutdown: defaultShutdown,
    ...(chance.often(20) ? { description: 'changed' } : {}),
  };
}
