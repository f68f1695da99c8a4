// What an endpoint is: data from which the server's checks, the typed client, OpenAPI and the authorization tests derive.
import type { z } from 'zod';
import type { Permission } from '../model/rights.ts';

/**
 * Who may call it. `anybody`: also who has not said who they are. `signed-in`: everybody else; what the answer holds is about the caller.
 * Otherwise a permission, and on what:
 * - `site`: on the site as a whole;
 * - `guest`, `zone`, `job`: on the one that `params` names; a job is what it is about;
 * - `user`, `token`: on the site, or it is oneself, or one's own;
 * - `each`: the answer holds what the caller has the permission on, and nothing else.
 */
export type Access =
  | 'anybody'
  | 'signed-in'
  | { permission: Permission; on: 'site' | 'guest' | 'zone' | 'job' | 'user' | 'token' | 'each' };

export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/v1/guests/:guest`. */
  path: `/v1/${string}`;
  summary: string;
  access: Access;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** The body comes as a form, since a standard of others wants it so. */
  form?: true;
  /** JSON of the answer; absent for `media` and `stream`. */
  response?: z.ZodType;
  /** The answer is bytes of this kind instead of JSON. */
  media?: 'image/png';
  /** 202 with a job to follow, by `Location` too. */
  job?: true;
  /** Not a single JSON answer: server-sent events or a websocket. */
  stream?: 'events' | 'websocket';
  /** What its `ETag` is the version of, and `If-Match` is compared with. */
  versioned?: 'site' | 'guest' | 'zone' | 'image' | 'user';
  /** `nothing`: it only asks, although its method is not GET. */
  changes?: 'nothing';
  /** It changes nothing, and shows what may be secret: in the audit log once in a while for whoever looks, and not each time. */
  isLook?: true;
  /** Fields of the body that the audit log keeps. Others are left out: they may be secret. */
  logs?: readonly string[];
  /** Its handler writes to the audit log itself: only that knows who it is about. */
  logsItself?: true;
}

/** Whether `If-Match` is compared: it changes what has a version. Others tell the version of what they show. */
export function takesIfMatch({ method, changes, versioned }: Endpoint): boolean {
  return versioned !== undefined && method !== 'GET' && changes !== 'nothing';
}

/** Whether it is in the audit log: what changes something, and consoles, which may do anything. */
export function isLogged({ method, changes, stream, logsItself }: Endpoint): boolean {
  return !logsItself && ((method !== 'GET' && changes !== 'nothing') || stream === 'websocket');
}

/** Names the table's literal types while checking each row. */
export function defineEndpoints<const T extends Record<string, Endpoint>>(table: T): T {
  return table;
}

/** Of a body that is a form. */
export const formMedia = 'application/x-www-form-urlencoded';
