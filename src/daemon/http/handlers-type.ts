// What the server calls, derived from the endpoint table: a row without its handler does not compile.
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import type { CallResult } from '../../api/client.ts';
import type { Endpoints, EndpointId } from '../../api/endpoints.ts';
import type { Actor } from '../../model/actor.ts';
import type { Caller } from '../../model/caller.ts';
import type { ClientOf } from './client-of.ts';
import type { PreparedJson } from './prepared-json.ts';
import type { WithSession } from './session-cookie.ts';

/** A part of a request (`params`, `query`, `body`) as its schema gives it; undefined where the row has none. */
type Parsed<E, K extends string> = E extends Record<K, infer T extends z.ZodType> ? z.output<T> : undefined;

/** A checked request. */
export interface Call<E> {
  params: Parsed<E, 'params'>;
  query: Parsed<E, 'query'>;
  body: Parsed<E, 'body'>;
  /** Who asks, as it stands in jobs and events: `local` on the unix socket, `user:ada`, … */
  actor: Actor;
  /** The same with what they may: for what a row of the table leaves to the handler (`each`). */
  caller: Caller;
  client: ClientOf;
  /** Aborted when the client has gone or the server closes. */
  signal: AbortSignal;
}

type IdsWith<T> = { [Id in EndpointId]: Endpoints[Id] extends T ? Id : never }[EndpointId];
export type EventsEndpointId = IdsWith<{ stream: 'events' }>;
export type WebsocketEndpointId = IdsWith<{ stream: 'websocket' }>;
type MediaEndpointId = IdsWith<{ media: string }>;
type JsonEndpointId = Exclude<EndpointId, EventsEndpointId | WebsocketEndpointId | MediaEndpointId>;

/** One function for every endpoint that answers at once, most with JSON. It throws CaissonError; nothing it returns is checked in production. */
export type Handlers = {
  [Id in JsonEndpointId]: (
    call: Call<Endpoints[Id]>,
  ) => Promise<CallResult<Endpoints[Id]> | PreparedJson<CallResult<Endpoints[Id]>> | WithSession<CallResult<Endpoints[Id]>>>;
} & {
  /** Bytes, as they go out. */
  [Id in MediaEndpointId]: (call: Call<Endpoints[Id]>) => Promise<Buffer>;
};

/** One server-sent event. */
export interface StreamItem {
  /** What the client sends back as `Last-Event-ID`: where it wants to go on. */
  id?: number;
  data: unknown;
}

export interface StreamCall<E> extends Call<E> {
  /** Of the header `Last-Event-ID`: the last item that the client has seen. */
  lastEventId: number | undefined;
}

/**
 * What is wrong with a request (no such job) must be thrown before the promise resolves: later errors reach the client as the
 * last item. The iterable ends when the signal aborts; the server calls its `return` when the client is gone or does not read.
 */
export type Streams = {
  [Id in EventsEndpointId]: (call: StreamCall<Endpoints[Id]>) => Promise<AsyncIterable<StreamItem>>;
} & {
  /** Bytes both ways. Paused while the client does not read, destroyed when it is gone. */
  [Id in WebsocketEndpointId]: (call: Call<Endpoints[Id]>) => Promise<Duplex>;
};
