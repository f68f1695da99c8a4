// Who asks, and what they may: what a face needs to know before it shows anything.
import { z } from 'zod';
import { permissionSchema, roleBindingSchema } from './role.ts';

export const meSchema = z.strictObject({
  /** As it stands in jobs and events: `user:ada`, `token:deploy`, `local`, `token`. */
  actor: z.string(),
  /** The user's name; absent for the socket, the token file, and tokens that belong to nobody. */
  user: z.string().optional(),
  fullName: z.string().optional(),
  /** Roles and what they are on; of a token its own, of which only that counts which its user has too. */
  bindings: z.array(roleBindingSchema),
  /** What is allowed on the site as a whole. */
  site: z.array(permissionSchema),
  /** By name, every zone on which something is allowed. */
  zones: z.record(z.string(), z.array(permissionSchema)),
  /** By uid, every guest on which something is allowed that is not allowed on the whole site. */
  guests: z.record(z.string(), z.array(permissionSchema)),
  /** Whether signing in asks for a code too. Users only. */
  secondFactor: z.boolean().optional(),
  /** When the session ends, used or not, and when it ends if it is not used. Sessions only. */
  session: z.strictObject({ endsAt: z.iso.datetime(), endsUnusedAt: z.iso.datetime() }).optional(),
});
export type Me = z.output<typeof meSchema>;
