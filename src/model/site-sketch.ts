// A site as far as it is known: what the checks between objects work on. Where a site file has something wrong, `null` stands for “there, but
// not known”, so that nobody says something that is wrong only because of it. A whole `Site` is a sketch with everything known.

export type DocumentPath = readonly (string | number)[];

export interface SiteProblem {
  path: DocumentPath;
  message: string;
}

/** A value of the site, or `null` where something is written that cannot be understood. */
export type Known<T> = T | null;

export interface ZoneSketch {
  subnets: Known<readonly Known<string>[]>;
  uplink?: Known<UplinkSketch> | undefined;
  masquerade?: Known<boolean> | undefined;
  bridged?: Known<boolean> | undefined;
  publish?: Known<readonly Known<PublicationSketch>[]> | undefined;
}

export interface UplinkSketch {
  interface: Known<string>;
  vlan?: Known<number> | undefined;
  gateway?: Known<string> | undefined;
  gateway6?: Known<string> | undefined;
}

export interface PublicationSketch {
  listen: Known<string>;
  to: Known<string>;
  protocol: Known<'tcp' | 'udp'>;
  from?: Known<readonly Known<string>[]> | undefined;
}

export interface GuestSketch {
  image: Known<string>;
  nics?: Known<readonly Known<NicSketch>[]> | undefined;
  /** How a site file writes the one nic of a guest. */
  zone?: Known<string> | undefined;
  addresses?: Known<readonly Known<string>[]> | undefined;
  labels: Known<Record<string, Known<string>>>;
  after: Known<readonly Known<{ requires?: Known<string> | undefined; wants?: Known<string> | undefined }>[]>;
  autostart: Known<boolean>;
}

export interface NicSketch {
  zone: Known<string>;
  addresses: Known<readonly Known<string>[]>;
}

export interface FlowSketch {
  from: Known<string>;
  to: Known<string>;
  allow: Known<readonly Known<string>[]>;
  rate?: Known<string> | undefined;
  log?: Known<boolean> | undefined;
}

export interface SiteSketch {
  zones: Known<Record<string, Known<ZoneSketch>>>;
  flows: Known<readonly Known<FlowSketch>[]>;
  images: Known<Record<string, unknown>>;
  guests: Known<Record<string, Known<GuestSketch>>>;
}

/** What is known of the objects of a kind, by name. */
export function entries<T>(record: Known<Record<string, Known<T>>>): [string, T][] {
  return Object.entries(record ?? {}).filter((entry): entry is [string, T & {}] => entry[1] !== null && entry[1] !== undefined);
}

/** The nics of a guest, however they are written; null when it is not known which it has. */
export function nicsOfGuest({ nics, zone, addresses }: GuestSketch): Known<readonly Known<NicSketch>[]> {
  if (zone === undefined || (zone === null && nics)) return nics ?? null;
  return [{ zone, addresses: addresses ?? null }];
}

/** The zones that a guest has a nic in; null where one is not known. */
export function zonesOfGuest(guest: GuestSketch): Known<readonly string[]> {
  const zones = nicsOfGuest(guest)?.map((nic) => nic?.zone ?? null);
  return isWhole(zones) ? zones : null;
}

/** Every fixed address of a guest; null where one is not known. */
export function addressesOfGuest(guest: GuestSketch): Known<readonly string[]> {
  const addresses = nicsOfGuest(guest)?.flatMap((nic): readonly Known<string>[] => nic?.addresses ?? [null]);
  return isWhole(addresses) ? addresses : null;
}

/** Whether every entry of a list is known. */
export function isWhole<T>(list: Known<readonly Known<T>[]> | undefined): list is readonly T[] {
  return list !== null && list !== undefined && list.every((item) => item !== null);
}
