// This host.
import { z } from 'zod';
import { hostCertificateSchema } from '../../model/host-certificate.ts';
import { hostExaminationSchema } from '../../model/host-check.ts';
import { hostSchema } from '../../model/host.ts';
import { defineEndpoints } from '../endpoint.ts';
import { emptyBody, jobResponse } from './parts.ts';

export const hostEndpoints = defineEndpoints({
  hostShow: { method: 'GET', path: '/v1/host', summary: 'This host', access: { permission: 'view', on: 'site' }, response: hostSchema },
  hostCertificate: {
    method: 'GET',
    path: '/v1/host/certificate',
    summary: 'By which certificate the host is known, and the authority that it made, for import',
    access: { permission: 'view', on: 'site' },
    response: hostCertificateSchema,
  },
  hostExamination: {
    method: 'GET',
    path: '/v1/host/examination',
    summary: 'What the doctor found on the host the last time that it was asked for',
    access: { permission: 'view', on: 'site' },
    response: hostExaminationSchema,
  },
  hostExamine: {
    method: 'POST',
    path: '/v1/host/examination',
    summary:
      'Have the doctor look at the host, as `caisson doctor` does, but for what only root can try; the job’s result is what it found',
    access: { permission: 'operate', on: 'site' },
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  hostShutdown: {
    method: 'POST',
    path: '/v1/host/shutdown',
    summary: 'Stop every guest in order; the daemon then keeps them stopped until `site apply` or the next start of the host',
    access: { permission: 'operate', on: 'site' },
    body: z
      .strictObject({
        /** For each guest, in place of its own limits. */
        timeoutMs: z.int().positive().max(7_200_000).optional(),
        /** For all of them together: divided among the levels; what is not down in its share loses its power. */
        withinMs: z.int().positive().max(86_400_000).optional(),
      })
      .optional(),
    response: jobResponse,
    job: true,
    logs: ['timeoutMs', 'withinMs'],
  },
});
