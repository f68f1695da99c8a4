// Handlers without an engine: enough of a site to try the HTTP side alone. What a test does not give refuses to be called.
import { CaissonError } from '../../src/lib/errors.ts';
import { seededRandom, newMac, newUid, newUuid, type RandomSource } from '../../src/lib/ids.ts';
import { endpoints } from '../../src/api/endpoints.ts';
import type { Endpoint } from '../../src/api/endpoint.ts';
import type { Handlers, Streams } from '../../src/daemon/http/handlers-type.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { defaultRestart } from '../../src/model/guest-restart.ts';
import { defaultShutdown } from '../../src/model/guest-shutdown.ts';

export function sampleHandlers(given: Partial<Handlers>): Handlers {
  return completed(given, (endpoint) => endpoint.stream === undefined) as Handlers;
}

export function sampleStreams(given: Partial<Streams>): Streams {
  return completed(given, (endpoint) => endpoint.stream !== undefined) as Streams;
}

function completed(given: object, wanted: (endpoint: Endpoint) => boolean): object {
  const ids = Object.entries(endpoints).filter(([, endpoint]) => wanted(endpoint));
  const refuse = (id: string) => () => Promise.reject(new CaissonError('unsupported', `${id} is not part of this test`));
  return { ...Object.fromEntries(ids.map(([id]) => [id, refuse(id)])), ...given };
}

/** A job as an answer. */
export function sampleJob(title: string, random: RandomSource = seededRandom(7)): Job {
  return {
    uid: newUid('j', random),
    kind: 'guest-start',
    title,
    state: 'running',
    steps: [],
    startedAt: '2026-01-01T00:00:00.000Z',
    actor: 'local',
    objects: [],
  };
}

/** A running guest `guest-7` of a size that real ones have. */
export function sampleGuest(index: number, random: RandomSource = seededRandom(index + 1)): Guest {
  const uid = newUid('g', random);
  const mac = newMac(random);
  const address = `10.20.${index >> 8}.${index & 255}`;
  return {
    uid,
    name: `guest-${index}`,
    spec: {
      image: 'debian-12',
      nics: [{ zone: 'internal', addresses: [address] }],
      labels: { role: 'front' },
      cpus: 1,
      memoryMib: 512,
      disks: { root: { sizeMib: 8192, bus: 'virtio' } },
      firmware: 'bios',
      os: 'linux',
      display: 'vga',
      sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtn5fQ0xXlH3i1k2q4qv7r1m2W6Tq1g3l1m2W6Tq1g3 admin'],
      service: { ports: ['tcp/80'], ready: [{ http: { port: 80, path: '/health', status: 200 } }], readyWithinMs: 600_000 },
      after: [],
      autostart: true,
      restart: defaultRestart,
      shutdown: defaultShutdown,
    },
    wantedPower: 'running',
    userId: 1_900_000_000 + index,
    generation: 1,
    hardware: {
      version: 3,
      machineType: 'pc-q35-7.2',
      cpuModel: 'Nehalem',
      uuid: newUuid(random),
      generationId: newUuid(random),
      macs: [mac],
      serials: { root: `${uid}-root` },
      diskSlots: { root: 0 },
      nicSlots: [8],
      nicNumbers: [0],
      maxCpus: 4,
    },
    createdAt: '2026-01-01T00:00:00.000Z',
    status: {
      power: 'running',
      ready: true,
      reason: '',
      pid: 10_000 + index,
      startedAt: '2026-01-01T00:00:00.000Z',
      readyAt: '2026-01-01T00:00:20.000Z',
      readyAfterMs: 20_000,
      checkedAt: '2026-01-01T00:10:00.000Z',
      agent: 'answers',
      memoryBytes: 453 * 1024 * 1024,
      pending: [],
      disks: [{ name: 'root', path: `/var/lib/caisson/guests/${uid}/root.qcow2`, sizeBytes: 8 * 1024 ** 3, allocatedBytes: 123_456_512 }],
      nics: [{ mac, tap: `cs${uid}0`, zone: 'internal', addresses: [address] }],
    },
    actions: ['shutdown', 'stop', 'reboot', 'pause', 'console', 'rename'],
  };
}
