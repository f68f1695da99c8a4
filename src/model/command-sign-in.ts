// Signing in a command line by a browser: it asks, shows a short code, and waits until somebody who is signed in on the page lets it in as themselves.
// The shape of RFC 8628.
import { z } from 'zod';
import { signedInSchema } from './session.ts';

/** How long somebody has to open the page, sign in there, and decide. */
export const commandSignInLifeMs = 10 * 60_000;

/** What a machine calls itself: nothing that could pass for a sentence. */
const machineNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62})$/, 'a machine’s name is letters, digits, dots and hyphens, at most 63');

/** `host` is the command line’s own word for where it runs; nobody has checked it. */
export const commandSignInAskSchema = z.strictObject({ host: machineNameSchema });

export const commandSignInBegunSchema = z.strictObject({
  /** For the command line alone: whoever has it gets the session. */
  secret: z.string(),
  /** For people: `BCDF-GHJK`. */
  code: z.string(),
  endsAt: z.iso.datetime(),
  /** How long to wait between two questions. */
  everySeconds: z.int(),
});
export type CommandSignInBegun = z.output<typeof commandSignInBegunSchema>;

/** As it is typed: capitals and hyphens do not count. */
export const commandCodeSchema = z.string().min(1).max(40);

export const commandDecisionSchema = z.enum(['approve', 'refuse']);
export type CommandDecision = z.output<typeof commandDecisionSchema>;

export const commandSignInSchema = z.strictObject({
  code: z.string(),
  /** As it calls itself. */
  host: z.string(),
  /** From where it asked. */
  address: z.string(),
  /** Whether that is where the browser is, too. */
  isFromHere: z.boolean(),
  askedAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
});
export type CommandSignIn = z.output<typeof commandSignInSchema>;

export const commandSignInAnswerSchema = z.strictObject({
  /** Absent: nobody has decided yet. */
  signedIn: signedInSchema.optional(),
  everySeconds: z.int(),
});
