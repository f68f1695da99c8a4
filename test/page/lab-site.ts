// A site for looking at the page: two zones, guests of several sizes, flows between them.
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';
import type { Site } from '../../src/model/site.ts';

type Spec = Site['guests'][string];

export function labGuest(zone: string, address: string, memoryMib: number, more: Partial<Spec> = {}): Spec {
  return {
    image: 'debian-12',
    nics: [{ zone, addresses: [address] }],
    labels: {},
    cpus: 1,
    memoryMib,
    disks: { root: { sizeMib: 8192, bus: 'virtio' } },
    firmware: 'bios',
    os: 'linux',
    display: 'none',
    sshKeys: [],
    after: [],
    autostart: true,
    restart: { ...defaultRestart, policy: 'never' },
    shutdown: defaultShutdown,
    ...more,
  };
}

const serves = (port: number): Pick<Spec, 'service'> => ({
  service: { ports: [`tcp/${port}`], ready: [{ tcp: { port } }], readyWithinMs: 600_000 },
});

export const labSite: Site = {
  version: 1,
  site: 'lab',
  timezone: 'UTC',
  zones: {
    external: { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } },
    internal: { subnets: ['10.20.0.0/16'] },
  },
  flows: [
    { from: 'world', to: 'web', allow: ['tcp/80', 'tcp/443'], comment: 'the web site' },
    { from: 'world', to: 'mail', allow: ['tcp/25'] },
    { from: 'web', to: 'database', allow: ['tcp/3306'] },
    { from: 'zone:external', to: 'dns', allow: ['udp/53'] },
    { from: 'mail', to: 'world', allow: ['tcp/25'] },
  ],
  images: {},
  guests: {
    database: labGuest('internal', '10.20.0.10', 2048, { cpus: 2, display: 'vga', description: 'data of the web site', ...serves(3306) }),
    web: labGuest('external', '192.0.2.10', 1024, { labels: { role: 'front' }, ...serves(80), after: [{ requires: 'database' }] }),
    mail: labGuest('external', '192.0.2.12', 768, serves(25)),
    dns: labGuest('external', '192.0.2.11', 512, { service: { ports: ['udp/53'], ready: [], readyWithinMs: 600_000 } }),
    stream: labGuest('external', '192.0.2.13', 768, { description: 'video by HLS' }),
    jail: labGuest('internal', '10.20.0.20', 256, { autostart: false }),
  },
};

export const evil = '<img src=x onerror="document.title=1337">';

/** The same with texts that try to be markup, wherever somebody can write one. */
export function hostileSite(): Site {
  const site = structuredClone(labSite);
  const { external } = site.zones;
  const { database } = site.guests;
  if (external) external.description = evil;
  if (database) database.description = `data ${evil}`;
  for (const flow of site.flows) flow.comment = evil;
  return site;
}
