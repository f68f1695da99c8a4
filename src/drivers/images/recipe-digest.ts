// The name of what a recipe makes: a digest of the recipe in canonical form and of the builder's version. Pure.
import { createHash } from 'node:crypto';
import type { ImageRecipe } from '../../model/image-recipe.ts';

/** Raised whenever the same recipe would give another image: caches then build anew. */
export const builderVersion = 7;

/** JSON with sorted keys, without spaces: equal values give equal text. */
export function renderCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderCanonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${renderCanonicalJson(field)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** 64 hexadecimal digits. The order of packages does not matter, that of commands does. */
export function digestRecipe(recipe: ImageRecipe): string {
  const canonical = { ...recipe, packages: [...new Set(recipe.packages)].toSorted() };
  return createHash('sha256')
    .update(renderCanonicalJson({ builderVersion, recipe: canonical }))
    .digest('hex');
}

/** A UUID that the recipe determines, one for each purpose. */
export function deriveUuid(digest: string, purpose: string): string {
  const hex = createHash('sha256').update(`${digest} ${purpose}`).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
