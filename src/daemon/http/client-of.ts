// From where a request comes, as far as it can be told: for limits and for people to recognise their sessions by.
import type { IncomingMessage } from 'node:http';
import { originOf } from './audit-trail.ts';

export interface ClientOf {
  /** Of the other end of the connection, as in the audit log. What a proxy says of others is not believed. */
  address: string;
  /** What the program says of itself. */
  program: string;
}

export function clientOf(request: IncomingMessage): ClientOf {
  return { address: originOf(request), program: request.headers['user-agent'] ?? '' };
}
