// Flows: what is listed, what decides, who reaches whom.
import { z } from 'zod';
import { flowExplanationSchema, flowViewSchema, flowVisitorSchema } from '../../model/flow-view.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, guestParams } from './parts.ts';

export const flowEndpoints = defineEndpoints({
  flowList: {
    method: 'GET',
    path: '/v1/flows',
    summary: 'Every flow, with the guests that it stands for',
    access: { permission: 'view', on: 'each' },
    response: list(flowViewSchema),
  },
  flowExplain: {
    method: 'GET',
    path: '/v1/flows/explain',
    summary: 'What decides between two ends on a port: by the site’s flows, and by the rules in force',
    access: { permission: 'view', on: 'site' },
    query: z.strictObject({
      from: z.string().min(1).max(80).describe('A guest, a zone, an address, `world` or `host`'),
      to: z.string().min(1).max(80).describe('The same'),
      port: z.string().min(1).max(40).describe('`tcp/80`, `udp/53`, `icmp`'),
    }),
    response: flowExplanationSchema,
  },
  flowVisitors: {
    method: 'GET',
    path: '/v1/guests/:guest/visitors',
    summary: 'Who can reach a guest, on which ports, by which flow',
    access: { permission: 'view', on: 'guest' },
    params: guestParams,
    response: list(flowVisitorSchema),
  },
});
