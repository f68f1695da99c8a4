// A site and its parts in the site file's spelling, as plain values. What is the default anyway is left out.
import { formatExactDuration, formatExactSize } from '../lib/units.ts';
import type { Flow } from './flow.ts';
import { defaultRestart, type GuestRestart } from './guest-restart.ts';
import { defaultShutdown, type GuestShutdown } from './guest-shutdown.ts';
import type { GuestSpec, NicSpec } from './guest.ts';
import { memoryDocument } from './guest-size.ts';
import type { Image } from './image.ts';
import { isRecord } from './plain-record.ts';
import type { Publication } from './publication.ts';
import { checkDocument, defaultReadyWithinMs, type Service } from './service.ts';
import type { Site } from './site.ts';
import type { Zone } from './zone.ts';

const mib = 1024 * 1024;
/** The site in the site file's spelling, without what is the default anyway. */
export function siteDocument(site: Site): Record<string, unknown> {
  return {
    version: site.version,
    site: site.site,
    ...compact({
      timezone: site.timezone === 'UTC' ? undefined : site.timezone,
      overcommitMemory: site.overcommitMemory,
      zones: mapValues(site.zones, zoneDocument),
      flows: site.flows.map(flowDocument),
      images: mapValues(site.images, imageDocument),
      guests: mapValues(site.guests, guestDocument),
    }),
  };
}

export function zoneDocument({ subnets, uplink, masquerade, publish, bridged, description }: Zone): Record<string, unknown> {
  return compact({
    subnets,
    uplink,
    masquerade: masquerade || undefined,
    publish: publish?.map(publicationDocument),
    bridged: bridged || undefined,
    description,
  });
}

export function publicationDocument({ listen, to, protocol, from }: Publication): Record<string, unknown> {
  return { listen, to, ...(protocol === 'tcp' ? {} : { protocol }), ...(from ? { from } : {}) };
}

export function flowDocument({ log, ...flow }: Flow): Record<string, unknown> {
  return { ...flow, ...(log ? { log } : {}) };
}

export function imageDocument(image: Image): Record<string, unknown> {
  if (!('recipe' in image)) return { ...image };
  const { sizeMib, files, ...rest } = image;
  return compact({
    ...rest,
    files: mapValues(files, ({ mode, ...content }) => (mode === '0644' ? content : { ...content, mode })),
    size: sizeMib === 2048 ? undefined : formatExactSize(sizeMib * mib),
  });
}

export function guestDocument(guest: GuestSpec): Record<string, unknown> {
  return compact({
    ...wholeGuestDocument(guest),
    ...(guest.cpus === 1 ? { cpus: undefined } : {}),
    ...(guest.firmware === 'bios' ? { firmware: undefined } : {}),
    ...(guest.os === 'linux' ? { os: undefined } : {}),
    ...(guest.display === 'vga' ? { display: undefined } : {}),
    ...(guest.autostart ? { autostart: undefined } : {}),
    restart: briefRestart(guest.restart),
    shutdown: briefShutdown(guest.shutdown),
  });
}

/** A guest in the site file's spelling with its defaults written out, for comparing. */
export function wholeGuestDocument(guest: GuestSpec): Record<string, unknown> {
  return compact({
    image: guest.image,
    ...nicsDocument(guest.nics),
    labels: guest.labels,
    cpus: guest.cpus,
    cpu: guest.cpu,
    memory: memoryDocument(guest),
    disks: mapValues(guest.disks, ({ sizeMib, bus }) => {
      const size = formatExactSize(sizeMib * mib);
      return bus === 'virtio' ? size : { size, bus };
    }),
    firmware: guest.firmware,
    os: guest.os,
    display: guest.display,
    sshKeys: guest.sshKeys,
    userData: guest.userData === undefined ? undefined : { text: guest.userData },
    service: guest.service ? serviceDocument(guest.service) : undefined,
    after: guest.after,
    autostart: guest.autostart,
    restart: restartDocument(guest.restart),
    shutdown: shutdownDocument(guest.shutdown),
    description: guest.description,
  });
}

/** A site that was applied before there was the field has none. */
function restartDocument({ policy, tries, stableAfterMs }: GuestRestart = defaultRestart): Record<string, unknown> {
  return policy === 'never' ? { policy } : { policy, tries, stableAfter: formatExactDuration(stableAfterMs) };
}

function briefRestart(restart: GuestRestart): unknown {
  const { policy, tries, stableAfterMs } = restart;
  const map = compact({
    policy: policy === defaultRestart.policy ? undefined : policy,
    tries: tries === defaultRestart.tries ? undefined : tries,
    stableAfter: stableAfterMs === defaultRestart.stableAfterMs ? undefined : formatExactDuration(stableAfterMs),
  });
  return Object.keys(map).length === 1 && map['policy'] !== undefined ? policy : map;
}

function shutdownDocument({ agentMs, powerButtonMs }: GuestShutdown = defaultShutdown): Record<string, unknown> {
  return { agent: formatExactDuration(agentMs), powerButton: formatExactDuration(powerButtonMs) };
}

function briefShutdown({ agentMs, powerButtonMs }: GuestShutdown): Record<string, unknown> {
  return compact({
    agent: agentMs === defaultShutdown.agentMs ? undefined : formatExactDuration(agentMs),
    powerButton: powerButtonMs === defaultShutdown.powerButtonMs ? undefined : formatExactDuration(powerButtonMs),
  });
}

/** One nic is written as fields of the guest. */
function nicsDocument(nics: readonly NicSpec[]): Record<string, unknown> {
  const [nic, ...others] = nics;
  if (nic && others.length === 0) return { ...nic };
  return { nics: nics.map(({ zone, addresses }) => ({ zone, ...(addresses.length > 0 ? { addresses } : {}) })) };
}

/** An empty map is a service too: one that says only that there is one. */
function serviceDocument(service: Service): Record<string, unknown> {
  const checks = service.ready.map(checkDocument);
  return compact({
    ports: service.ports,
    ready: checks.length === 1 ? checks[0] : checks,
    readyWithin: service.readyWithinMs === defaultReadyWithinMs ? undefined : formatExactDuration(service.readyWithinMs),
  });
}

/** Without absent fields, empty lists and empty maps, which all mean their default; an empty service is kept. */
function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(([key, field]) => {
      if (field === undefined) return false;
      if (Array.isArray(field)) return field.length > 0;
      return key === 'service' || !isRecord(field) || Object.keys(field).length > 0;
    }),
  );
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
