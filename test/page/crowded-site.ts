// A site as large as one gets: a thousand guests in two dozen zones, names as long as they may be, many flows. For looking at what becomes of a page then.
import type { Site } from '../../src/model/site.ts';
import { labGuest } from './lab-site.ts';

const kinds = ['web', 'db', 'mail', 'dns', 'files', 'print', 'ldap', 'build'];
const departments = [
  'physics',
  'chemistry',
  'library',
  'administration',
  'observatory',
  'zoology',
  'medicine-and-care',
  'teaching',
  'machine-shop',
  'guests-of-the-house',
  'measuring-and-control-of-buildings',
  'research-group-for-applied-statistics-and-econometrics-of-the',
];
const memory = [256, 512, 512, 768, 1024, 2048, 4096, 16_384];

export const crowdedGuests = 1000;
const zoneCount = 24;

/** At most 63 characters. */
function zoneName(index: number): string {
  const department = departments[index % departments.length] ?? '';
  return index < departments.length ? department : `${department.slice(0, 60)}-2`;
}

function guestName(index: number): string {
  const kind = kinds[index % kinds.length] ?? '';
  if (index % 50 === 7) return `${kind}-of-the-faculty-of-mathematics-and-natural-sciences-${index}`.slice(0, 63);
  return `${kind}-${index}`;
}

function guest(index: number): [string, Site['guests'][string]] {
  const zone = index % zoneCount;
  const port = 8000 + (index % 100);
  const isServer = index % 3 !== 0;
  return [
    guestName(index),
    labGuest(zoneName(zone), `10.${20 + zone}.1.${1 + Math.floor(index / zoneCount)}`, memory[index % memory.length] ?? 512, {
      cpus: 1 + (index % 4),
      labels: { role: kinds[index % kinds.length] ?? '', rack: `r${index % 40}` },
      display: index % 2 === 0 ? 'vga' : 'none',
      autostart: index % 11 !== 0,
      ...(index % 50 === 7
        ? { description: 'What the faculty keeps its measurements in, together with everything that was ever written about them' }
        : {}),
      ...(isServer ? { service: { ports: [`tcp/${port}`], ready: [{ tcp: { port } }], readyWithinMs: 600_000 } } : {}),
    }),
  ];
}

export const crowdedSite: Site = {
  version: 1,
  site: 'university-of-applied-sciences-and-arts-on-the-river',
  timezone: 'UTC',
  zones: Object.fromEntries(
    Array.from({ length: zoneCount }, (_, index) => [
      zoneName(index),
      {
        subnets: [`10.${20 + index}.0.0/16`],
        ...(index < 3 ? { uplink: { interface: `eth${index + 1}` }, masquerade: true } : {}),
      },
    ]),
  ),
  flows: Array.from({ length: 120 }, (_, index) => ({
    from: index % 5 === 0 ? `zone:${zoneName(index % zoneCount)}` : guestName(index),
    to: guestName((index * 7 + 1) % crowdedGuests),
    allow: [`tcp/${8000 + ((index * 7 + 1) % 100)}`, ...(index % 4 === 0 ? ['udp/53', 'tcp/53', 'icmp'] : [])],
    ...(index % 3 === 0 ? { comment: 'asked for by the department, until the new system is there' } : {}),
  })),
  images: {},
  guests: Object.fromEntries(Array.from({ length: crowdedGuests }, (_, index) => guest(index))),
};
