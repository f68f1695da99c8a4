// The audit log.
import { z } from 'zod';
import { logEntrySchema, loggedActionSchema, logHashSchema, logHeadSchema } from '../../model/log-entry.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list } from './parts.ts';

export const logEndpoints = defineEndpoints({
  logList: {
    method: 'GET',
    path: '/v1/audit-log',
    summary: 'Who did what from where, and how it went: everything that changes something, consoles and logins, newest first',
    query: z.strictObject({
      before: z.coerce.number().int().min(1).optional().describe('Only what is older than this number: the next page'),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      actor: z.string().min(1).max(200).optional(),
      operation: z.string().min(1).max(63).optional().describe('Id of an endpoint, as `guestStart`'),
      object: z.string().min(1).max(200).optional().describe('As it was named: `guest/web`'),
      kind: z.enum(['request', 'login']).optional(),
    }),
    access: { permission: 'audit', on: 'site' },
    response: list(loggedActionSchema),
  },
  logEntries: {
    method: 'GET',
    path: '/v1/audit-log/entries',
    summary: 'The audit log as it was written, oldest first: what is exported, and what proves by its hashes that nothing was changed',
    query: z.strictObject({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
    }),
    access: { permission: 'audit', on: 'site' },
    /** `last`: number of the last entry ever written; `archived`: the last one that was archived, from which those that are here go on. */
    response: z.strictObject({ items: z.array(logEntrySchema), last: z.int().min(0), archived: logHeadSchema }),
  },
  logArchive: {
    method: 'POST',
    path: '/v1/audit-log/archive',
    summary:
      'Remove the oldest entries, up to the one that is named, which somebody has archived: `sha256` is that of their lines of JSON, as an export has them',
    access: { permission: 'administer', on: 'site' },
    logs: ['through', 'sha256'],
    body: z.strictObject({ through: logHeadSchema, sha256: logHashSchema }),
    response: z.strictObject({ entries: z.int(), archived: logHeadSchema }),
  },
});
