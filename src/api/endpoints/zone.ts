// Zones, and the proof that they hold.
import { z } from 'zod';
import { zoneCheckSchema, zoneViewSchema } from '../../model/zone-check.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, nameParams, jobResponse } from './parts.ts';

export const zoneEndpoints = defineEndpoints({
  zoneList: {
    method: 'GET',
    path: '/v1/zones',
    summary: 'Every zone with its guests and flows',
    access: { permission: 'view', on: 'each' },
    response: list(zoneViewSchema),
  },
  zoneShow: {
    method: 'GET',
    path: '/v1/zones/:name',
    summary: 'One zone',
    params: nameParams,
    access: { permission: 'view', on: 'zone' },
    versioned: 'zone',
    response: zoneViewSchema,
  },
  zoneCheck: {
    method: 'POST',
    path: '/v1/zones/check',
    summary:
      'Decide what the rules in force do, for every pair of addresses and every port, then try pairs of guests, host and world for real; the job’s result is the proof',
    access: { permission: 'operate', on: 'site' },
    body: z
      .strictObject({
        control: z.boolean().default(true),
        extraPorts: z.array(z.string()).max(32).optional(),
        rulesOnly: z.boolean().default(false).describe('Decide only: nothing is sent, and no guest takes part'),
      })
      .optional(),
    response: jobResponse,
    job: true,
    logs: ['control', 'extraPorts', 'rulesOnly'],
  },
  zoneCheckShow: {
    method: 'GET',
    path: '/v1/zones/check',
    summary: 'The result of the last check',
    access: { permission: 'view', on: 'site' },
    response: zoneCheckSchema,
  },
});
