// What an apply writes: the file's changes on top of the site as it is. What somebody changed elsewhere stays, unless it is to be overwritten;
// a guest that is gone from the file stays, unless it is to be pruned.
import { CaissonError } from '../lib/errors.ts';
import { type Site, siteFileSchema } from '../model/site.ts';
import { compareObject, objectKinds, type SiteVersions } from './site-difference.ts';
import { alikeInNics, type Fields, type ObjectKind, objectsOf, unflatten } from './site-fields.ts';

export interface MergeOptions extends SiteVersions {
  /** The file wins where the site was changed elsewhere. */
  overwrite?: boolean;
  /** Guests that are gone from the file go. */
  prune?: boolean;
}

export interface MergedSite {
  /** What the site is to be. To be checked with `checkSite`: a zone may be gone whose guest stays. */
  site: Site;
  /** What to remember as the file as last applied: what was left undone is still to be seen the next time. */
  applied: Site;
}

interface Versions {
  applied: Fields | undefined;
  wanted: Fields | undefined;
  current: Fields | undefined;
}

/** Throws `conflict` when the merge of two sound sites makes no sound objects. */
export function mergeSites({ applied, wanted, current, overwrite = false, prune = false }: MergeOptions): MergedSite {
  const site = new Map<ObjectKind, Map<string, Fields>>();
  const remembered = new Map<ObjectKind, Map<string, Fields>>();
  for (const kind of objectKinds) {
    const base = current && applied ? objectsOf(kind, applied) : new Map<string, Fields>();
    const file = objectsOf(kind, wanted);
    const now = current ? objectsOf(kind, current) : new Map<string, Fields>();
    const merged = new Map<string, Fields>();
    const memory = new Map<string, Fields>();
    for (const name of new Set([...file.keys(), ...now.keys()])) {
      const versions = { applied: base.get(name), wanted: file.get(name), current: now.get(name) };
      const result = mergeObject(kind, name, versions, overwrite, prune);
      if (result.site) merged.set(name, result.site);
      if (result.remembered) memory.set(name, result.remembered);
    }
    site.set(kind, merged);
    remembered.set(kind, memory);
  }
  return { site: assemble(site), applied: assemble(remembered) };
}

function mergeObject(
  kind: ObjectKind,
  name: string,
  versions: Versions,
  overwrite: boolean,
  prune: boolean,
): { site: Fields | undefined; remembered: Fields | undefined } {
  const { applied, wanted, current } = kind === 'guest' ? alikeInNics(versions) : versions;
  const difference = compareObject(kind, name, applied, wanted, current);
  const unresolved = difference?.change === 'conflict' && !overwrite;
  const remembered = unresolved && kind !== 'site' ? applied : wanted;
  if (!difference) return { site: wanted, remembered };
  if (wanted && current) {
    const mayMix = kind !== 'image' || sourceOf(wanted) === sourceOf(current);
    if (!mayMix) return { site: difference.change === 'changed' || overwrite ? wanted : current, remembered };
    const merged: Fields = new Map(wanted);
    for (const { field, outcome } of difference.fields) {
      if (outcome === 'changed' || overwrite) continue;
      if (current.has(field)) merged.set(field, current.get(field));
      else merged.delete(field);
    }
    return { site: merged, remembered };
  }
  if (wanted) return { site: difference.change === 'created' || overwrite ? wanted : undefined, remembered };
  const goes = difference.change === 'removed' || (difference.change === 'conflict' && overwrite);
  if (goes && (kind !== 'guest' || prune)) return { site: undefined, remembered: undefined };
  return { site: current, remembered: applied };
}

/** Where an image comes from: fields of different sources cannot be mixed. */
function sourceOf(image: Fields): string {
  return ['recipe', 'url', 'file'].find((field) => image.has(field)) ?? '';
}

function assemble(objects: Map<ObjectKind, Map<string, Fields>>): Site {
  const of = (kind: ObjectKind) =>
    [...(objects.get(kind) ?? new Map<string, Fields>())].map(([name, fields]) => [name, unflatten(kind, fields)] as const);
  const document = {
    ...Object.fromEntries(of('site').flatMap(([, fields]) => Object.entries(fields))),
    zones: Object.fromEntries(of('zone')),
    images: Object.fromEntries(of('image')),
    guests: Object.fromEntries(of('guest')),
    flows: of('flow').map(([, fields]) => fields),
  };
  const parsed = siteFileSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new CaissonError(
    'conflict',
    `the file’s changes and those made elsewhere do not go together (at ${where}): take the other changes into the file, or overwrite them`,
  );
}
