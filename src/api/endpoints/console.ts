// Consoles and screens of guests.
import { z } from 'zod';
import { consoleKindSchema, consoleTicketSchema } from '../../model/console-ticket.ts';
import { defineEndpoints } from '../endpoint.ts';
import { guestParams } from './parts.ts';

const consoleTicketQuery = z.string().max(200).optional().describe('Of a browser');

export const consoleEndpoints = defineEndpoints({
  consoleTicket: {
    method: 'POST',
    path: '/v1/guests/:guest/console-tickets',
    summary: 'A ticket by which a browser opens a console of the guest: once, within half a minute',
    access: { permission: 'operate', on: 'guest' },
    logs: ['kind'],
    params: guestParams,
    body: z.strictObject({ kind: consoleKindSchema }),
    response: consoleTicketSchema,
  },
  guestConsole: {
    method: 'GET',
    path: '/v1/guests/:guest/console',
    summary: 'The serial console as a websocket: binary both ways; the last `history` bytes come first',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    query: z.strictObject({
      history: z.coerce.number().int().min(0).max(1_048_576).default(16_384),
      ticket: consoleTicketQuery,
    }),
    stream: 'websocket',
  },
  guestScreen: {
    method: 'GET',
    path: '/v1/guests/:guest/screen',
    summary: 'The screen as a websocket: RFB, the protocol of VNC, binary both ways; whoever looks sees and types the same',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    query: z.strictObject({ ticket: consoleTicketQuery }),
    stream: 'websocket',
  },
  guestScreenshot: {
    method: 'GET',
    path: '/v1/guests/:guest/screenshot',
    summary: 'What its screen shows now, as a picture',
    access: { permission: 'operate', on: 'guest' },
    params: guestParams,
    isLook: true,
    media: 'image/png',
  },
});
