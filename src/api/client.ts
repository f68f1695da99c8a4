// The typed client: one function for every row of the endpoint table. Used by the command line, the page and the tests.
import type { z } from 'zod';
import { type EndpointId, endpoints, type Endpoints } from './endpoints.ts';
import type { Endpoint } from './endpoint.ts';

type Input<T> = T extends z.ZodType ? z.input<T> : never;
type Output<T> = T extends z.ZodType ? z.output<T> : never;
type FieldOf<E, K extends string> = E extends Record<K, infer T> ? T : never;

/** What a call of this endpoint needs, from its row. */
export type CallArguments<E> = ([FieldOf<E, 'params'>] extends [never] ? unknown : { params: Input<FieldOf<E, 'params'>> }) &
  ([FieldOf<E, 'query'>] extends [never] ? unknown : { query?: Input<FieldOf<E, 'query'>> }) &
  ([FieldOf<E, 'body'>] extends [never]
    ? unknown
    : undefined extends Input<FieldOf<E, 'body'>>
      ? { body?: Input<FieldOf<E, 'body'>> }
      : { body: Input<FieldOf<E, 'body'>> });

export type CallResult<E> = Output<FieldOf<E, 'response'>>;

export interface Request {
  method: string;
  /** With the query. */
  path: string;
  body?: unknown;
  signal?: AbortSignal;
}

/** How requests travel: over a unix socket, TCP, or `fetch` in a page. Throws CaissonError for every answer that is not 2xx. */
export interface Transport {
  request(request: Request): Promise<unknown>;
  /** The `data` of each server-sent event. */
  events(request: Request): AsyncIterable<unknown>;
}

export interface Client {
  call<Id extends EndpointId>(
    id: Id,
    args?: CallArguments<Endpoints[Id]>,
    options?: { signal?: AbortSignal },
  ): Promise<CallResult<Endpoints[Id]>>;
  stream<Id extends EndpointId>(id: Id, args?: CallArguments<Endpoints[Id]>, options?: { signal?: AbortSignal }): AsyncIterable<unknown>;
}

export function createClient(transport: Transport): Client {
  return {
    async call(id, args, options) {
      return (await transport.request(requestOf(id, args, options?.signal))) as never;
    },
    stream(id, args, options) {
      return transport.events(requestOf(id, args, options?.signal));
    },
  };
}

interface LooseArguments {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

function requestOf(id: EndpointId, args: unknown, signal: AbortSignal | undefined): Request {
  const endpoint: Endpoint = endpoints[id];
  const { params, query, body } = (args ?? {}) as LooseArguments;
  return {
    method: endpoint.method,
    path: pathOf(endpoint, params, query),
    ...(body === undefined ? {} : { body }),
    ...(signal ? { signal } : {}),
  };
}

/** The path of a call, every value encoded. */
export function pathOf(endpoint: Endpoint, params: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const path = endpoint.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  return pairs.length === 0
    ? path
    : `${path}?${new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, String(value)])).toString()}`;
}
