// Which version of a wish somebody has seen: a digest of its content, the same over restarts and whoever wrote it, with the digests of its parts, so
// that who was overtaken is told by what. Pure.
import { createHash } from 'node:crypto';
import type { PartChange } from '../model/part-change.ts';
import type { Site } from '../model/site.ts';

export interface WishVersion {
  tag: string;
  /** `guest web` → digest. */
  parts: ReadonlyMap<string, string>;
}

export function siteVersion({ zones, images, guests, flows, ...own }: Site): WishVersion {
  const named = (what: string, record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).map(([name, value]): [string, string] => [`${what} ${name}`, digestOf(value)]);
  const parts = new Map([
    ['the site itself', digestOf(own)],
    ...named('zone', zones),
    ...named('image', images),
    ...named('guest', guests),
    ['flow list', digestOf(flows)],
  ]);
  // In an order that does not depend on who was written first.
  return { tag: digestOf([...parts].toSorted(([a], [b]) => (a < b ? -1 : 1))), parts };
}

export function guestVersion({ name, spec }: { name: string; spec: object }): WishVersion {
  return objectVersion({ name, ...spec });
}

/** Of a zone, an image, a user: each of its fields is a part. */
export function objectVersion(wish: object): WishVersion {
  const parts = new Map(Object.entries(wish).map(([field, value]): [string, string] => [`its ${field}`, digestOf(value)]));
  return { tag: digestOf([...parts].toSorted(([a], [b]) => (a < b ? -1 : 1))), parts };
}

/** What happened between the two, part by part. */
export function changesBetween(before: WishVersion, now: WishVersion): PartChange[] {
  const names = [...new Set([...before.parts.keys(), ...now.parts.keys()])].toSorted();
  return names.flatMap((name) => {
    const [old, current] = [before.parts.get(name), now.parts.get(name)];
    if (old === current) return [];
    return [{ part: name, change: old === undefined ? 'added' : current === undefined ? 'removed' : 'changed' }];
  });
}

function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('base64url')
    .slice(0, 22);
}
