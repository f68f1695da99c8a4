// Jobs.
import { z } from 'zod';
import { jobSchema } from '../../model/job.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, emptyBody } from './parts.ts';

const jobParams = z.strictObject({ job: z.string().min(1).max(63) });

export const jobEndpoints = defineEndpoints({
  jobList: {
    method: 'GET',
    path: '/v1/jobs',
    summary: 'Jobs, newest first',
    access: { permission: 'view', on: 'each' },
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      state: z.enum(['running', 'succeeded', 'failed', 'cancelled']).optional(),
    }),
    response: list(jobSchema),
  },
  jobShow: {
    method: 'GET',
    path: '/v1/jobs/:job',
    summary: 'One job',
    params: jobParams,
    access: { permission: 'view', on: 'job' },
    response: jobSchema,
  },
  jobFollow: {
    method: 'GET',
    path: '/v1/jobs/:job/stream',
    summary: 'The job at every change until it ends, as server-sent events',
    access: { permission: 'view', on: 'job' },
    params: jobParams,
    stream: 'events',
  },
  jobCancel: {
    method: 'POST',
    path: '/v1/jobs/:job/cancel',
    summary: 'Cancel a running job',
    access: { permission: 'operate', on: 'job' },
    params: jobParams,
    body: emptyBody,
    response: jobSchema,
  },
});
