// Consoles of a guest that a browser opens as a websocket.
import { z } from 'zod';

/** `serial`: text. `screen`: what a monitor would show, with keyboard and pointer. */
export const consoleKinds = ['serial', 'screen'] as const;
export const consoleKindSchema = z.enum(consoleKinds);
export type ConsoleKind = z.output<typeof consoleKindSchema>;

export const consoleTicketSchema = z.strictObject({
  /** To be sent once, as `ticket` in the query. */
  ticket: z.string(),
  endsAt: z.iso.datetime(),
  /** The whole path of the websocket, with the ticket. */
  path: z.string(),
});
export type ConsoleTicket = z.output<typeof consoleTicketSchema>;
