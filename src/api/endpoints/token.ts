// API tokens.
import { z } from 'zod';
import { mostTokenDays, tokenSchema, usualTokenDays } from '../../model/token.ts';
import { wantedBindingSchema } from '../../model/user.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list } from './parts.ts';

const tokenParams = z.strictObject({ token: z.string().min(1).max(63) });

export const tokenEndpoints = defineEndpoints({
  tokenList: {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'API tokens, without their secrets: one’s own, and those of others',
    access: { permission: 'audit', on: 'each' },
    response: list(tokenSchema),
  },
  tokenCreate: {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Make an API token; its secret is shown this once. It never may more than the user who made it',
    access: 'signed-in',
    logs: ['name', 'bindings', 'days'],
    body: z.strictObject({
      name: z.string().max(63),
      bindings: z.array(wantedBindingSchema).min(1).max(200).optional().describe('Default: the user’s own'),
      days: z.int().min(1).max(mostTokenDays).default(usualTokenDays),
    }),
    response: z.strictObject({ token: tokenSchema, secret: z.string() }),
  },
  tokenDelete: {
    method: 'DELETE',
    path: '/v1/tokens/:token',
    summary: 'Delete an API token; what is open by it ends at once',
    access: { permission: 'administer', on: 'token' },
    params: tokenParams,
    response: tokenSchema,
  },
});
