// A site's objects as flat fields in the site file's spelling: what is compared, merged and shown one by one.
import { createHash } from 'node:crypto';
import { describeFlow } from '../model/flow.ts';
import { isRecord } from '../model/plain-record.ts';
import { clip, printable } from '../model/quote.ts';
import { formatSize } from '../lib/units.ts';
import { flowDocument, imageDocument, publicationDocument, wholeGuestDocument, zoneDocument } from '../model/site-document.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Site } from '../model/site.ts';
import type { Zone } from '../model/zone.ts';

export type ObjectKind = 'site' | 'zone' | 'image' | 'guest' | 'flow';

/** Field name (`memory`, `disks.data`) → value in the site file's spelling. */
export type Fields = Map<string, unknown>;

/** Fields whose entries are fields of their own; everything else is one value. */
const divided: Record<ObjectKind, readonly string[]> = {
  site: [],
  zone: ['publish'],
  image: ['files'],
  guest: ['labels', 'disks', 'service', 'restart', 'shutdown'],
  flow: [],
};

/** What people keep passwords in, or what is too long to read: shown as digest and size. */
const veiled = /^(userData$|files\.)/;

const longest = 160;

/** The objects of a kind by name, each as its fields. A flow's name is its text. */
export function objectsOf(kind: ObjectKind, site: Site): Map<string, Fields> {
  const flat = (name: string, document: Record<string, unknown>): [string, Fields] => [name, flatten(kind, document)];
  switch (kind) {
    case 'site':
      return new Map([
        flat('', {
          version: site.version,
          site: site.site,
          timezone: site.timezone,
          ...(site.overcommitMemory ? { overcommitMemory: true } : {}),
        }),
      ]);
    case 'zone':
      return new Map(Object.entries(site.zones).map(([name, zone]) => flat(name, zoneFields(zone))));
    case 'image':
      return new Map(Object.entries(site.images).map(([name, image]) => flat(name, { ...imageDocument(image) })));
    case 'guest':
      return new Map(Object.entries(site.guests).map(([name, guest]) => flat(name, wholeGuestDocument(guest))));
    case 'flow':
      return new Map(site.flows.map((flow) => flat(describeFlow(flow), flowDocument(flow))));
  }
}

/** Each publication is a field of its own, by what it listens on. */
function zoneFields(zone: Zone): Record<string, unknown> {
  const { publish, ...rest } = zoneDocument(zone);
  const published = (zone.publish ?? []).map((one): [string, unknown] => {
    const { listen: _listen, protocol: _protocol, ...where } = publicationDocument(one);
    return [`${one.protocol}/${one.listen}`, where];
  });
  return publish === undefined ? rest : { ...rest, publish: Object.fromEntries(published) };
}

function publishedList(published: Record<string, unknown>): unknown[] {
  return Object.entries(published).map(([key, where]) => {
    const protocol = key.slice(0, 3);
    return { listen: key.slice(4), ...(isRecord(where) ? where : {}), ...(protocol === 'tcp' ? {} : { protocol }) };
  });
}

export function guestFieldsOf(guest: GuestSpec): Fields {
  return flatten('guest', wholeGuestDocument(guest));
}

/** Versions of one guest in one spelling of its nics: `zone` and `addresses` are compared with `nics` as the list of one that they stand for. */
export function alikeInNics<Wanted extends Fields | undefined, Current extends Fields | undefined>(versions: {
  applied: Fields | undefined;
  wanted: Wanted;
  current: Current;
}): typeof versions {
  const { applied, wanted, current } = versions;
  if (![applied, wanted, current].some((fields) => fields?.has('nics'))) return versions;
  const alike = <Version extends Fields | undefined>(fields: Version) => (fields && withNics(fields)) as Version;
  return { applied: alike(applied), wanted: alike(wanted), current: alike(current) };
}

function withNics(fields: Fields): Fields {
  if (fields.has('nics')) return fields;
  const { zone, addresses, ...rest } = Object.fromEntries(fields);
  return new Map(Object.entries({ ...rest, nics: [{ zone, ...(addresses === undefined ? {} : { addresses }) }] }));
}

function flatten(kind: ObjectKind, document: Record<string, unknown>): Fields {
  const fields: Fields = new Map();
  for (const [key, value] of Object.entries(document)) {
    if (value === undefined) continue;
    if (divided[kind].includes(key) && isRecord(value) && Object.keys(value).length > 0) {
      for (const [entry, inner] of Object.entries(value)) fields.set(`${key}.${entry}`, inner);
    } else fields.set(key, value);
  }
  return fields;
}

/** The document that `flatten` took apart. */
export function unflatten(kind: ObjectKind, fields: Fields): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [field, value] of fields) {
    const dot = field.indexOf('.');
    const key = dot === -1 ? field : field.slice(0, dot);
    if (dot === -1 || !divided[kind].includes(key)) document[field] = value;
    else document[key] = { ...(isRecord(document[key]) ? document[key] : {}), [field.slice(dot + 1)]: value };
  }
  const { publish } = document;
  return isRecord(publish) ? { ...document, publish: publishedList(publish) } : document;
}

/** Equal for equal values, whatever the order of their fields. */
export function fingerprint(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fingerprint).join(',')}]`;
  if (isRecord(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${fingerprint(field)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'undefined';
}

/** A value as one short line. */
export function showValue(field: string, value: unknown): string {
  if (veiled.test(field)) return digest(fingerprint(value), contentBytes(value));
  if (field === 'sshKeys' && Array.isArray(value)) return `[${value.map((key) => showKey(String(key))).join(', ')}]`;
  const text = flowText(value);
  return text.length > longest ? `${clip(text, 60)} ${digest(text, Buffer.byteLength(text))}` : text;
}

function digest(text: string, bytes: number): string {
  return `sha256:${createHash('sha256').update(text).digest('hex').slice(0, 12)} (${bytes < 1024 ? `${bytes} B` : formatSize(bytes)})`;
}

function contentBytes(value: unknown): number {
  if (!isRecord(value)) return 0;
  if (typeof value['base64'] === 'string') return Buffer.from(value['base64'], 'base64').length;
  return Buffer.byteLength(String(value['text'] ?? ''));
}

function showKey(key: string): string {
  const [type, body, ...name] = key.split(' ');
  return printable([type, `…${(body ?? '').slice(-8)}`, ...name].join(' '));
}

function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (isRecord(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{ ${fields.map(([key, field]) => `${printable(key)}: ${flowText(field)}`).join(', ')} }`;
  }
  return printable(String(value));
}
