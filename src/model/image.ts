// Where a guest's first disk comes from.
import { z } from 'zod';
import { expects } from './expected.ts';
import type { ImageRecipe } from './image-recipe.ts';
import { diskSizeSchema } from './quantity.ts';
import { fileReferenceSchema, textSchema } from './text.ts';

const packageSchema = z
  .string(expects('the name of a Debian package'))
  .regex(/^[a-z0-9][a-z0-9+.-]{1,127}$/, 'a Debian package has lower-case letters, digits, and + . - in its name');

const contentShape = {
  text: textSchema(1024 * 1024)
    .optional()
    .describe('What the file holds.'),
  base64: z
    .base64({ error: (issue) => (issue.code === 'invalid_type' ? 'a text is expected' : 'it is not base64') })
    .max(2 * 1024 * 1024)
    .optional()
    .describe('What the file holds, when it is not text.'),
  mode: z
    .string(expects("four octal digits in quotes, for example '0644',"))
    .regex(/^0[0-7]{3}$/, "a mode has four octal digits in quotes, for example '0644'")
    .default('0644')
    .describe('Permissions, four octal digits in quotes.'),
};

const imageContentSchema = z
  .strictObject(contentShape)
  .refine((file) => (file.text === undefined) !== (file.base64 === undefined), 'give exactly one of text, base64');

/** The site file's spelling; what `file` refers to is put in its place before the schema sees it. */
const imageContentFileSchema = z
  .strictObject(
    { file: fileReferenceSchema.optional().describe('A file beside the site file that holds it.'), ...contentShape },
    expects('a map such as { text: hello } or { file: files/motd }'),
  )
  .refine(
    (file) => [file.file, file.text, file.base64].filter((source) => source !== undefined).length === 1,
    'give exactly one of file, text, base64',
  )
  .transform((file) => file as z.output<typeof imageContentSchema>);

const targetPathSchema = z
  .string()
  .regex(/^\/(?!.*(^|\/)\.\.?(\/|$))[\x21-\x7e]{1,1023}$/, 'a file of an image has an absolute path without spaces and without “..”');

const recipeShape = {
  recipe: z.literal('debian', 'the only recipe is “debian”').describe('How the image is made: `debian` (from Debian’s packages).'),
  suite: z.enum(['bookworm', 'trixie']).describe('Release of Debian: `bookworm` (12) or `trixie` (13).'),
  packages: z
    .array(packageSchema, expects('a list of Debian packages, for example [nginx],'))
    .max(512)
    .default([])
    .describe('Debian packages beside the base system, kernel, guest agent and network that every image has.'),
  run: z
    .array(textSchema(8192).min(1), expects('a list of shell commands'))
    .max(64)
    .default([])
    .describe('Shell commands run in the image’s root at the end of the build, in order.'),
};

const recipeSchema = z.strictObject({ ...recipeShape, files: z.record(targetPathSchema, imageContentSchema), sizeMib: z.int().min(1) });

const urlSchema = z.url({ protocol: /^https?$/, error: 'an http or https address is expected' }).max(2048);
const sha256Schema = z
  .string(expects('the SHA-256 of the image, 64 hexadecimal digits in quotes,'))
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 has 64 hexadecimal digits, lower case');
const imagePathSchema = z
  .string(expects('an absolute path'))
  .regex(/^\/[^\u0000-\u001f\u007f]{1,4095}$/, 'a path of an image file begins with / and has no control characters');

export const imageSchema = z.union([
  recipeSchema,
  z.strictObject({ url: urlSchema, sha256: sha256Schema }),
  z.strictObject({ file: imagePathSchema }),
]);
export type Image = z.output<typeof imageSchema>;

/** The site file's spelling. */
export const imageFileSchema = z.union(
  [
    z
      .strictObject({
        ...recipeShape,
        files: z
          .record(targetPathSchema, imageContentFileSchema, expects('a map of absolute path to content'))
          .default({})
          .describe('Files put into the image after the packages are installed, by absolute path.'),
        size: diskSizeSchema
          .default(2048)
          .meta({ default: '2GiB' })
          .describe('Virtual size of the image; a guest’s root disk is at least as big.'),
      })
      .transform(({ size, ...rest }) => ({ ...rest, sizeMib: size })),
    z.strictObject({
      url: urlSchema.describe('Where a finished disk image is fetched from (qcow2 or raw).'),
      sha256: sha256Schema.describe('SHA-256 of the fetched file: 64 hexadecimal digits.'),
    }),
    z.strictObject({ file: imagePathSchema.describe('Absolute path of a finished disk image on the host (qcow2 or raw).') }),
  ],
  expects('an image, which is one of { recipe: debian, suite: bookworm }, { url: …, sha256: … }, { file: /… },'),
);

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
        .map(([path, file]) => [
          path,
          {
            ...(file.text === undefined ? {} : { text: file.text }),
            ...(file.base64 === undefined ? {} : { base64: file.base64 }),
            mode: file.mode,
          },
        ]),
    ),
    run: image.run,
    sizeMib: image.sizeMib,
  };
}
