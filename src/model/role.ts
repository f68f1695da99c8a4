// Roles and their bindings as they come from outside: what decides by them is in `rights.ts`.
import { z } from 'zod';
import { isName } from './name.ts';
import { guestUidOf, permissions, roles, type Scope } from './rights.ts';

export const roleSchema = z.enum(roles);
export const permissionSchema = z.enum(permissions);

export const scopeSchema = z
  .string()
  .refine((text) => parseScope(text) !== undefined, '“site”, “zone:NAME” or “guest:UID” is expected')
  .transform((text) => text as Scope);

export const roleBindingSchema = z.strictObject({ role: roleSchema, on: scopeSchema });

/** `site`, `zone:NAME`, `guest:UID`; undefined for anything else. */
export function parseScope(text: string): { kind: 'site' } | { kind: 'zone'; name: string } | { kind: 'guest'; uid: string } | undefined {
  if (text === 'site') return { kind: 'site' };
  const name = /^zone:(.*)$/.exec(text)?.[1];
  if (name !== undefined) return isName(name) ? { kind: 'zone', name } : undefined;
  const uid = guestUidOf(text);
  return uid === undefined ? undefined : { kind: 'guest', uid };
}
