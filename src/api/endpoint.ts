// What an endpoint is: data from which the server's checks, the typed client, OpenAPI and the authorization tests derive.
import type { z } from 'zod';

export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/v1/guests/:guest`. */
  path: `/v1/${string}`;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** JSON of the answer; absent for `stream`. */
  response?: z.ZodType;
  /** 202 with a job to follow, by `Location` too. */
  job?: true;
  /** Not a single JSON answer: server-sent events or a websocket. */
  stream?: 'events' | 'websocket';
}

/** Names the table's literal types while checking each row. */
export function defineEndpoints<const T extends Record<string, Endpoint>>(table: T): T {
  return table;
}
