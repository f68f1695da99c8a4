// The security rules.
import { auditSchema } from '../../model/audit.ts';
import { defineEndpoints } from '../endpoint.ts';

export const auditEndpoints = defineEndpoints({
  auditShow: {
    method: 'GET',
    path: '/v1/audit',
    summary: 'The five security rules with their evidence and verdicts, looked at now: at the kernel, and inside every guest',
    access: { permission: 'audit', on: 'site' },
    response: auditSchema,
  },
});
