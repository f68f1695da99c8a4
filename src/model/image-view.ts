// An image as the API shows it: one of the site, built in, or left over in the host's folder.
import { z } from 'zod';

export const imageViewSchema = z.strictObject({
  name: z.string(),
  source: z.enum(['recipe', 'url', 'file']),
  builtIn: z.boolean(),
  digest: z.string(),
  /** Present on this host. */
  present: z.boolean(),
  sizeBytes: z.int().optional(),
  /** Guests made from it. */
  guests: z.array(z.string()),
});
export type ImageView = z.output<typeof imageViewSchema>;
