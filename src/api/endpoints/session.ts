// Where users are signed in.
import { z } from 'zod';
import { sessionSchema } from '../../model/session.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, userParams } from './parts.ts';

export const sessionEndpoints = defineEndpoints({
  sessionList: {
    method: 'GET',
    path: '/v1/users/:user/sessions',
    summary: 'Where the user is signed in',
    access: { permission: 'audit', on: 'user' },
    params: userParams,
    response: list(sessionSchema),
  },
  sessionEnd: {
    method: 'DELETE',
    path: '/v1/users/:user/sessions',
    summary: 'End every session of the user, and all that was opened by them',
    access: { permission: 'administer', on: 'user' },
    params: userParams,
    response: z.strictObject({ ended: z.int() }),
  },
  sessionEndOne: {
    method: 'DELETE',
    path: '/v1/users/:user/sessions/:session',
    summary: 'End one session of the user, and all that was opened by it',
    access: { permission: 'administer', on: 'user' },
    params: userParams.extend({ session: z.string().regex(/^[0-9a-f]{12}$/, 'a session is named by twelve digits and letters a to f') }),
    response: sessionSchema,
  },
});
