// Where a guest's first disk comes from.
import { z } from 'zod';
import type { ImageRecipe } from './image-recipe.ts';
import { diskSizeSchema } from './quantity.ts';

const packageSchema = z.string().regex(/^[a-z0-9][a-z0-9+.-]{1,127}$/, 'a Debian package name is expected');

const imageContentSchema = z
  .strictObject({
    text: z.string().max(1024 * 1024).optional(),
    base64: z.base64().max(2 * 1024 * 1024).optional(),
    mode: z.string().regex(/^0[0-7]{3}$/, 'a mode has four octal digits in quotes, for example \'0644\'').default('0644'),
  })
  .refine((file) => (file.text === undefined) !== (file.base64 === undefined), 'give exactly one of file, text, base64');

const recipeSchema = z.strictObject({
  recipe: z.literal('debian', 'the only recipe is “debian”'),
  suite: z.enum(['bookworm', 'trixie']),
  packages: z.array(packageSchema).max(512).default([]),
  files: z
    .record(z.string().regex(/^\/(?!.*(^|\/)\.\.?(\/|$))[\x21-\x7e]{1,1023}$/, 'an absolute path without .. is expected'), imageContentSchema)
    .default({}),
  run: z.array(z.string().min(1).max(8192)).max(64).default([]),
});

export const imageSchema = z.union([
  recipeSchema.extend({ sizeMib: z.int().positive() }),
  z.strictObject({ url: z.url({ protocol: /^https?$/ }), sha256: z.string() }),
  z.strictObject({ file: z.string() }),
]);
export type Image = z.output<typeof imageSchema>;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'the SHA-256 of the file is expected, 64 hexadecimal digits');

/** The site file's spelling. */
export const imageFileSchema = z.union([
  recipeSchema.extend({ size: diskSizeSchema.default(2048) }).transform(({ size, ...rest }) => ({ ...rest, sizeMib: size })),
  z.strictObject({ url: z.url({ protocol: /^https?$/, error: 'an http or https address is expected' }), sha256: sha256Schema }),
  z.strictObject({ file: z.string().regex(/^\/[^\0\n]{1,4095}$/, 'an absolute path is expected') }),
]);

/** Images that every site has, unless it defines one of that name itself. */
export const builtInImages: Record<string, Image> = {
  'debian-12': builtIn('bookworm'),
  'debian-13': builtIn('trixie'),
};

function builtIn(suite: 'bookworm' | 'trixie'): Image {
  return { recipe: 'debian', suite, packages: ['cloud-init', 'openssh-server', 'sudo'], files: {}, run: [], sizeMib: 2048 };
}

/** The recipe in the builder's form, canonical: order and repetition of packages do not change the digest. */
export function canonicalRecipe(image: Extract<Image, { recipe: string }>): ImageRecipe {
  return {
    recipe: image.recipe,
    suite: image.suite,
    packages: [...new Set(image.packages)].toSorted(),
    files: Object.fromEntries(
      Object.entries(image.files)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, file]) => [path, { ...(file.text === undefined ? {} : { text: file.text }), ...(file.base64 === undefined ? {} : { base64: file.base64 }), mode: file.mode }]),
    ),
    run: image.run,
    sizeMib: image.sizeMib,
  };
}
