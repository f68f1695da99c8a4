// The site as a whole.
import { z } from 'zod';
import { siteDifferenceSchema } from '../../model/site-difference.ts';
import { siteSchema } from '../../model/site.ts';
import { defineEndpoints } from '../endpoint.ts';
import { deleteDisksQuery, jobResponse } from './parts.ts';

const applyOptions = {
  site: siteSchema,
  /** Delete guests, zones and images that the site file no longer has. */
  prune: z.boolean().default(false),
  /** With `prune`: delete the disks of deleted guests too. */
  deleteDisks: z.boolean().default(false),
  /** Overwrite what was changed elsewhere since the last apply. */
  overwrite: z.boolean().default(false),
};

export const siteEndpoints = defineEndpoints({
  siteShow: {
    method: 'GET',
    path: '/v1/site',
    summary: 'The site as it is wanted',
    access: { permission: 'view', on: 'site' },
    versioned: 'site',
    response: z.strictObject({ revision: z.int(), site: siteSchema }),
  },
  sitePlan: {
    method: 'POST',
    path: '/v1/site/plan',
    summary: 'What an apply of this site would change; changes nothing',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    body: z.strictObject(applyOptions),
    response: z.strictObject({
      /** One line for each change, for people; empty when there is nothing to change. */
      lines: z.array(z.string()),
      /** Why it cannot be applied as it is: changes that are impossible in place, conflicts. */
      refusals: z.array(z.string()),
      difference: siteDifferenceSchema,
    }),
    changes: 'nothing',
  },
  siteApply: {
    method: 'PUT',
    path: '/v1/site',
    summary: 'Make the site so',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    body: z.strictObject(applyOptions),
    response: jobResponse,
    job: true,
    logs: ['site', 'prune', 'deleteDisks', 'overwrite'],
  },
  siteDestroy: {
    method: 'DELETE',
    path: '/v1/site',
    summary: 'Stop and delete every guest, zone and image of the site',
    access: { permission: 'configure', on: 'site' },
    versioned: 'site',
    query: deleteDisksQuery,
    response: jobResponse,
    job: true,
  },
});
