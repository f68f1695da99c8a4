// The typed client: one function for every row of the endpoint table. Used by the command line, the page and the tests.
import type { z } from 'zod';
import { type EndpointId, endpoints, type Endpoints } from './endpoints.ts';
import type { CaissonError } from '../lib/errors.ts';
import type { PartChange } from '../model/part-change.ts';
import type { Endpoint } from './endpoint.ts';
import type { Request, Transport } from './transport.ts';
import { newKey, sendAgain, type SendAgainOptions, withKey } from './send-again.ts';

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

export interface CallOptions {
  signal?: AbortSignal;
  /** Which version one has seen of what is changed: where it is another one now, nothing is done (`conflict`, see `staleOf`). */
  seen?: string | undefined;
  /** Of the intention to begin a job; default: a new one. The same intention, asked again, begins it once. */
  key?: string;
}

export interface Client {
  /** What begins a job is sent again by itself when the connection is cut: the job is begun once. */
  call<Id extends EndpointId>(id: Id, args?: CallArguments<Endpoints[Id]>, options?: CallOptions): Promise<CallResult<Endpoints[Id]>>;
  /** The same with which version it is, for those who may change it. */
  see<Id extends EndpointId>(
    id: Id,
    args?: CallArguments<Endpoints[Id]>,
    options?: { signal?: AbortSignal },
  ): Promise<{ value: CallResult<Endpoints[Id]>; tag: string | undefined }>;
  /** Of an endpoint that answers with bytes (`media`). */
  bytes<Id extends EndpointId>(
    id: Id,
    args?: CallArguments<Endpoints[Id]>,
    options?: { signal?: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
  stream<Id extends EndpointId>(id: Id, args?: CallArguments<Endpoints[Id]>, options?: { signal?: AbortSignal }): AsyncIterable<unknown>;
}

export function createClient(transport: Transport, sending: SendAgainOptions = {}): Client {
  return {
    async call(id, args, options = {}) {
      const request = requestOf(id, args, options);
      const { body } = await (isKeyed(id) ? sendAgain(transport, withKey(request, options.key), sending) : transport.request(request));
      return body as never;
    },
    async see(id, args, options = {}) {
      const { body, tag } = await transport.request(requestOf(id, args, options));
      return { value: body as never, tag };
    },
    bytes(id, args, options = {}) {
      return transport.bytes(requestOf(id, args, options));
    },
    stream(id, args, options = {}) {
      return transport.events(requestOf(id, args, options));
    },
  };
}

/** The same client for one intention: whatever job it begins, it begins once, however often it is asked. */
export function forOneIntention(client: Client, key = newKey()): Client {
  return { ...client, call: (id, args, options) => client.call(id, args, { key, ...options }) };
}

/** What was changed since one has seen it, where that is why nothing was done; as far as it is known. */
export function staleOf(error: CaissonError): PartChange[] | undefined {
  return error.details?.['stale'] as PartChange[] | undefined;
}

function isKeyed(id: EndpointId): boolean {
  const endpoint: Endpoint = endpoints[id];
  return endpoint.job === true;
}

interface LooseArguments {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

function requestOf(id: EndpointId, args: unknown, { signal, seen }: CallOptions): Request {
  const endpoint: Endpoint = endpoints[id];
  const { params, query, body } = (args ?? {}) as LooseArguments;
  return {
    method: endpoint.method,
    path: pathOf(endpoint, params, query),
    ...(body === undefined ? {} : { body }),
    ...(seen === undefined ? {} : { headers: { 'if-match': seen } }),
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
