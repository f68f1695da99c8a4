// Users, what they may, and what they sign in with.
import { z } from 'zod';
import { keyCreationOptionsSchema, keyCreationSchema } from '../../model/security-key.ts';
import { userLinkSchema } from '../../model/user-link.ts';
import { userSchema, wantedBindingSchema } from '../../model/user.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, userParams, emptyBody } from './parts.ts';

const currentPasswordBody = z
  .strictObject({ currentPassword: z.string().max(1024).optional().describe('For one’s own account') })
  .optional();

export const userEndpoints = defineEndpoints({
  userList: {
    method: 'GET',
    path: '/v1/users',
    summary: 'Every user with their roles',
    access: { permission: 'audit', on: 'site' },
    response: list(userSchema),
  },
  userShow: {
    method: 'GET',
    path: '/v1/users/:user',
    summary: 'One user',
    access: { permission: 'audit', on: 'user' },
    versioned: 'user',
    params: userParams,
    response: userSchema,
  },
  userAdd: {
    method: 'POST',
    path: '/v1/users',
    summary: 'Make a user; without a password they cannot sign in yet',
    access: { permission: 'administer', on: 'site' },
    logs: ['name', 'fullName', 'bindings'],
    body: z.strictObject({
      name: z.string().max(63),
      fullName: z.string().max(100).optional(),
      password: z.string().max(1024).optional(),
      bindings: z.array(wantedBindingSchema).max(200).default([]),
    }),
    response: userSchema,
  },
  userSet: {
    method: 'PATCH',
    path: '/v1/users/:user',
    summary: 'Change a user’s name, roles, or whether they may sign in; what they have open and may not have any more ends at once',
    access: { permission: 'administer', on: 'site' },
    logs: ['fullName', 'enabled', 'bindings'],
    versioned: 'user',
    params: userParams,
    body: z.strictObject({
      fullName: z.string().max(100).optional(),
      enabled: z.boolean().optional(),
      bindings: z.array(wantedBindingSchema).max(200).optional().describe('In place of those that there are'),
    }),
    response: userSchema,
  },
  userDelete: {
    method: 'DELETE',
    path: '/v1/users/:user',
    summary: 'Delete a user with sessions and tokens',
    access: { permission: 'administer', on: 'site' },
    versioned: 'user',
    params: userParams,
    response: userSchema,
  },
  userPassword: {
    method: 'PUT',
    path: '/v1/users/:user/password',
    summary: 'Set a password; ends every other session of the user. One’s own needs the password before',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: z.strictObject({ password: z.string().max(1024), currentPassword: z.string().max(1024).optional() }),
    response: userSchema,
  },
  userPasswordLink: {
    method: 'POST',
    path: '/v1/users/:user/password-link',
    summary: 'A link by which the user chooses a password, once, within a day; in place of the one before',
    access: { permission: 'administer', on: 'site' },
    params: userParams,
    body: emptyBody,
    response: userLinkSchema,
  },
  userSignInLink: {
    method: 'POST',
    path: '/v1/users/:user/sign-in-link',
    summary: 'A link that signs the user in, once, within two minutes; for the host’s administrator, on its socket',
    access: { permission: 'administer', on: 'site' },
    params: userParams,
    body: emptyBody,
    response: userLinkSchema,
  },
  userTotpBegin: {
    method: 'POST',
    path: '/v1/users/:user/totp',
    summary: 'Begin a second factor: a secret for an authenticator, which counts once a code of it is confirmed',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: z.strictObject({ secret: z.string(), uri: z.string() }),
  },
  userTotpConfirm: {
    method: 'POST',
    path: '/v1/users/:user/totp/confirm',
    summary: 'Confirm the authenticator by a code; answers with recovery codes when it is the first second factor, shown this once',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: z.strictObject({ code: z.string().max(40) }),
    response: z.strictObject({ recoveryCodes: z.array(z.string()) }),
  },
  userTotpRemove: {
    method: 'POST',
    path: '/v1/users/:user/totp/remove',
    summary: 'Remove the authenticator; security keys stay',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: userSchema,
  },
  userKeyBegin: {
    method: 'POST',
    path: '/v1/users/:user/keys/begin',
    summary: 'Begin to add a security key: what the browser is to ask it for. By the user alone, in a page that is open by a name',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: keyCreationOptionsSchema,
  },
  userKeyAdd: {
    method: 'POST',
    path: '/v1/users/:user/keys',
    summary: 'Add a security key; answers with recovery codes when it is the first second factor, shown this once',
    access: { permission: 'administer', on: 'user' },
    logs: ['name'],
    params: userParams,
    body: z.strictObject({ name: z.string().max(200), creation: keyCreationSchema }),
    response: z.strictObject({ user: userSchema, recoveryCodes: z.array(z.string()) }),
  },
  userKeyRemove: {
    method: 'POST',
    path: '/v1/users/:user/keys/remove',
    summary: 'Remove a security key',
    access: { permission: 'administer', on: 'user' },
    logs: ['name'],
    params: userParams,
    body: z.strictObject({
      name: z.string().max(200),
      currentPassword: z.string().max(1024).optional().describe('For one’s own account'),
    }),
    response: userSchema,
  },
  userProviderForget: {
    method: 'POST',
    path: '/v1/users/:user/provider/forget',
    summary: 'The user is not known by the provider of identities any more',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    body: currentPasswordBody,
    response: userSchema,
  },
});
