// Sites of any size for tests and benches.
import type { Site } from '../../src/model/site.ts';
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';

/** `count` guests `guest-0` … in one zone, each with a service that is asked by HTTP. */
export function sampleSite(count: number, options: { autostart?: boolean } = {}): Site {
  const guests = Array.from({ length: count }, (_, index): [string, Site['guests'][string]] => [
    `guest-${index}`,
    {
      image: 'debian-12',
      nics: [{ zone: 'internal', addresses: [`10.20.${4 + (index >> 8)}.${index & 255}`] }],
      labels: { role: 'front' },
      cpus: 1,
      memoryMib: 512,
      disks: { root: { sizeMib: 8192, bus: 'virtio' } },
      firmware: 'bios',
      os: 'linux',
      display: 'vga',
      sshKeys: [],
      service: { ports: ['tcp/80'], ready: [{ http: { port: 80, path: '/health', status: 200 } }], readyWithinMs: 600_000 },
      after: [],
      autostart: options.autostart ?? true,
      restart: defaultRestart,
      shutdown: defaultShutdown,
    },
  ]);
  return {
    version: 1,
    site: 'lab',
    timezone: 'UTC',
    zones: { internal: { subnets: ['10.20.0.0/16'] } },
    flows: [],
    images: {},
    guests: Object.fromEntries(guests),
  };
}
