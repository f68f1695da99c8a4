// What happened.
import { z } from 'zod';
import { eventSchema } from '../../model/event.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list } from './parts.ts';

const eventObject = z
  .string()
  .max(120)
  .regex(
    /^(?:(?:guest|image|user|token)[:/]\S+|site|network|host)$/,
    'guest:NAME, image:NAME, user:NAME, token:NAME, site, network or host is expected',
  )
  .optional()
  .describe('Only what happened to it: `guest:NAME` (or by its uid), `image:NAME`, `user:NAME`, `token:NAME`, `site`, `network`, `host`');

export const eventEndpoints = defineEndpoints({
  eventList: {
    method: 'GET',
    path: '/v1/events',
    summary: 'What happened, oldest first, the last `limit` or those after an id',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({
      after: z.coerce.number().int().min(0).optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      object: eventObject,
    }),
    response: list(eventSchema),
  },
  eventFollow: {
    method: 'GET',
    path: '/v1/events/stream',
    summary: 'Events as they happen, as server-sent events; resumes after `Last-Event-ID`',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({ after: z.coerce.number().int().min(0).optional(), object: eventObject }),
    stream: 'events',
  },
});
