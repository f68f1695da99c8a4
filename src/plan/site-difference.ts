// What an apply would change. Three versions are compared field by field: the file as last applied, the file now, the site now.
//
// | applied → file | applied → site | outcome |
// | --- | --- | --- |
// | changed | same | changed |
// | same | changed | kept: somebody changed it elsewhere, the file has no opinion |
// | changed | changed otherwise | conflict |
// | changed | changed alike | nothing to do |
//
// An object that no file has brought yet has no “applied”: where it differs, nobody knows who is right, and it is a conflict.
import { parseSize } from '../lib/units.ts';
import type { Consequence, FieldDifference, ObjectDifference, SiteDifference } from '../model/site-difference.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Site } from '../model/site.ts';
import { alikeInNics, type Fields, fingerprint, guestFieldsOf, type ObjectKind, objectsOf, showValue } from './site-fields.ts';

export interface SiteVersions {
  /** The site file as last applied. */
  applied?: Site;
  /** The site file now. */
  wanted: Site;
  /** The site as it is. */
  current?: Site;
}

export const objectKinds: readonly ObjectKind[] = ['site', 'zone', 'image', 'guest', 'flow'];

export function compareSites({ applied, wanted, current }: SiteVersions): SiteDifference {
  const objects = objectKinds.flatMap((kind) => {
    // Where there is no site, nobody has changed anything elsewhere: everything is new.
    const base = current && applied ? objectsOf(kind, applied) : new Map<string, Fields>();
    const file = objectsOf(kind, wanted);
    const site = current ? objectsOf(kind, current) : new Map<string, Fields>();
    const names = new Set([...file.keys(), ...site.keys()]);
    return [...names].flatMap((name) => compareObject(kind, name, base.get(name), file.get(name), site.get(name)) ?? []);
  });
  return { objects: objects.map((object) => (object.object === 'site' ? { ...object, name: wanted.site } : object)) };
}

export function compareObject(
  object: ObjectKind,
  name: string,
  applied: Fields | undefined,
  wanted: Fields | undefined,
  current: Fields | undefined,
): ObjectDifference | undefined {
  const whole = (change: ObjectDifference['change'], note?: string): ObjectDifference => ({
    object,
    name,
    change,
    fields: [],
    ...(note === undefined ? {} : { note }),
  });
  if (wanted && current) {
    const alike = object === 'guest' ? alikeInNics({ applied, wanted, current }) : { applied, wanted, current };
    return compareFields(object, name, alike);
  }
  if (wanted) {
    if (!applied) return whole('created', object === 'zone' && wanted.get('bridged') === true ? sharedWire : undefined);
    return same(applied, wanted)
      ? whole('kept', 'removed elsewhere, still in the file')
      : whole('conflict', 'removed elsewhere, changed in the file');
  }
  if (!current) return undefined;
  if (!applied) return whole('kept', 'made elsewhere, not in the file');
  if (!same(applied, current)) return whole('conflict', 'removed from the file, changed elsewhere');
  return whole('removed', object === 'guest' ? 'a guest is removed only when asked to: --prune' : undefined);
}

/** Nothing to create, change, remove or decide: what was changed elsewhere stays as it is. */
export function isEmpty(difference: SiteDifference): boolean {
  return difference.objects.every((object) => object.change === 'kept');
}

/** A sentence for each change that cannot be made. */
export function refusals(difference: SiteDifference): string[] {
  return difference.objects.flatMap((object) =>
    object.fields
      .filter((field) => field.consequence === 'recreate' && field.outcome !== 'kept')
      .map((field) => `${title(object)}: ${field.field} ${arrow(field)} is not possible: ${field.note ?? ''}`),
  );
}

/** The objects that the file and somebody else changed differently. */
export function conflicts(difference: SiteDifference): ObjectDifference[] {
  return difference.objects.filter((object) => object.change === 'conflict');
}

/** One line for each change, for people. */
export function describeDifference(difference: SiteDifference): string[] {
  return difference.objects.flatMap((object) => {
    if (object.fields.length > 0) return object.fields.map((field) => fieldLine(object, field));
    const sign = { created: '+', changed: '~', removed: '-', kept: '=', conflict: '!' }[object.change];
    const note = object.change === 'kept' || object.change === 'conflict' ? `: ${object.note}` : object.note ? ` (${object.note})` : '';
    return [`${sign} ${title(object)}${note}`];
  });
}

function fieldLine(object: ObjectDifference, field: FieldDifference): string {
  const start = `${title(object)}: ${field.field}`;
  switch (field.outcome) {
    case 'kept':
      return `= ${start} ${field.before ?? '(none)'}: changed elsewhere, the file still says ${field.after ?? '(none)'}`;
    case 'conflict':
      return `! ${start} ${field.before ?? '(none)'}: changed elsewhere, and the file now says ${field.after ?? '(none)'}`;
    case 'changed': {
      if (field.consequence === 'recreate') return `! ${start} ${arrow(field)}: not possible: ${field.note ?? ''}`;
      const notes = [field.consequence === 'restart' ? 'at next start' : undefined, field.note].filter((note) => note !== undefined);
      return `~ ${start} ${arrow(field)}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
    }
  }
}

function title(object: ObjectDifference): string {
  return `${object.object} ${object.name}`;
}

function arrow(field: FieldDifference): string {
  return `${field.before ?? '(none)'} → ${field.after ?? '(none)'}`;
}

function compareFields(
  object: ObjectKind,
  name: string,
  { applied, wanted, current }: { applied: Fields | undefined; wanted: Fields; current: Fields },
): ObjectDifference | undefined {
  const fields = [...new Set([...wanted.keys(), ...current.keys()])].flatMap((field): FieldDifference[] => {
    const [was, file, site] = [applied, wanted, current].map((version) =>
      version?.has(field) ? fingerprint(version.get(field)) : undefined,
    );
    if (file === site) return [];
    const outcome = !applied ? 'conflict' : was === file ? 'kept' : was === site ? 'changed' : 'conflict';
    const show = (version: Fields) => (version.has(field) ? showValue(field, version.get(field)) : undefined);
    const before = show(current);
    const after = show(wanted);
    const isNic = object === 'guest' && nicFields.has(field) && onlyComeOrGo(current, wanted);
    const effect: Effect = isNic && outcome !== 'kept' ? { consequence: 'live' } : effectOf(object, field, outcome, before, after);
    return [{ field, outcome, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }), ...effect }];
  });
  if (fields.length === 0) return undefined;
  const change = fields.some((field) => field.outcome === 'conflict')
    ? 'conflict'
    : fields.some((field) => field.outcome === 'changed')
      ? 'changed'
      : 'kept';
  const consequence = strongest(fields);
  return { object, name, change, fields, ...(consequence ? { consequence } : {}) };
}

interface Effect {
  consequence?: Consequence;
  note?: string;
}

/** What a bridged zone gives up, said wherever one comes to be. */
const sharedWire = 'weaker: its guests share one wire, where flows are filtered without knowledge of connections';

function effectOf(
  object: ObjectKind,
  field: string,
  outcome: FieldDifference['outcome'],
  before: string | undefined,
  after: string | undefined,
): Effect {
  if (object === 'image') return imageEffect;
  if (object === 'guest' && outcome !== 'kept') return guestEffect(field, before, after);
  return object === 'zone' && field === 'bridged' && after === 'true' ? { note: sharedWire } : {};
}

const imageEffect: Effect = { note: 'for guests made from now on; existing ones keep their disks' };

/** Fields of a guest that its hypervisor never sees, or can change while it runs. */
const liveFields = /^(labels(\..*)?|after|autostart|description|(service|restart|shutdown)(\..*)?|cpus|cpu)$/;

function guestEffect(field: string, before: string | undefined, after: string | undefined): Effect {
  if (liveFields.test(field)) return { consequence: 'live' };
  if (field === 'image') {
    return {
      consequence: 'recreate',
      note: 'its root disk is made already and holds what the guest has written; make a guest of another name, or delete this one and its disks first',
    };
  }
  if (field === 'memory')
    return before && after && rangeIn(before) === rangeIn(after) ? { consequence: 'live' } : { consequence: 'restart' };
  if (field.startsWith('disks.')) return diskEffect(before, after);
  return { consequence: 'restart' };
}

/** Two spellings of a guest's nics. */
const nicFields = new Set(['zone', 'addresses', 'nics']);

/** Whether no nic changes that stays, or takes over the place of one that goes: then nics are plugged in or out while the guest runs. */
function onlyComeOrGo(before: Fields, after: Fields): boolean {
  const [was, is] = [before, after].map((fields) => {
    const all = (fields.get('nics') ?? [{ zone: fields.get('zone'), addresses: fields.get('addresses') }]) as { zone: string }[];
    return new Map(all.map((nic) => [nic.zone, fingerprint(nic)]));
  }) as [Map<string, string>, Map<string, string>];
  const staying = [...was.keys()].filter((zone) => is.has(zone));
  return staying.length === Math.min(was.size, is.size) && staying.every((zone) => was.get(zone) === is.get(zone));
}

/** `{ min: 512MiB, max: 2GiB, size: 1GiB }` → the part that is hardware; of a single size all of it. */
function rangeIn(memory: string): string {
  return memory.replace(/, size: \w+ }$/, ' }');
}

function diskEffect(before: string | undefined, after: string | undefined): Effect {
  if (before === undefined) return { consequence: 'live' };
  if (after === undefined) return { consequence: 'live', note: 'the guest loses the disk, its file is kept' };
  // A size, or a map with size and bus.
  const read = (text: string) => ({ size: parseSize(/\d+\w+/.exec(text)?.[0] ?? '') ?? 0, bus: /bus: (\w+)/.exec(text)?.[1] ?? 'virtio' });
  const [was, is] = [read(before), read(after)];
  if (is.size < was.size) {
    return { consequence: 'recreate', note: `a disk cannot shrink; give ${before} or more, or add a smaller disk of another name` };
  }
  return { consequence: was.bus === is.bus ? 'live' : 'restart' };
}

/** What differs of one guest, for people: `memory 1GiB → 2GiB`. */
export function compareGuest(before: GuestSpec, after: GuestSpec): string[] {
  const [was, is] = [guestFieldsOf(before), guestFieldsOf(after)];
  const show = (fields: Fields, field: string) => (fields.has(field) ? showValue(field, fields.get(field)) : '(none)');
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((field) => show(was, field) !== show(is, field))
    .map((field) => `${field} ${show(was, field)} → ${show(is, field)}`);
}

function strongest(fields: FieldDifference[]): Consequence | undefined {
  return (['recreate', 'restart', 'live'] as const).find((consequence) => fields.some((field) => field.consequence === consequence));
}

function same(a: Fields, b: Fields): boolean {
  return a.size === b.size && [...a].every(([field, value]) => b.has(field) && fingerprint(b.get(field)) === fingerprint(value));
}
