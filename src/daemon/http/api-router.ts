// The rows of the endpoint table as routes: a request is checked against its row once, its handler called, the answer sent.
// The only file that knows the router library; its own validation, rendering and log are not used.
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { type Endpoint, formMedia, isLogged, takesIfMatch } from '../../api/endpoint.ts';
import { type EndpointId, endpoints } from '../../api/endpoints.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Job } from '../../model/job.ts';
import { parseForm } from '../../lib/form.ts';
import { parseStrictJson } from '../../lib/strict-json.ts';
import type { Caller } from '../../model/caller.ts';
import type { AccessControl } from './access-control.ts';
import { authorize, mayConfigure } from './authorize.ts';
import { type AuditTrail, originOf } from './audit-trail.ts';
import { clientOf } from './client-of.ts';
import { type EventStreamOptions, sendEvents } from './event-stream.ts';
import type { Handlers, StreamItem, Streams } from './handlers-type.ts';
import type { Lifetimes } from './lifetimes.ts';
import { matchPath } from './match-path.ts';
import { parseCall } from './parse-call.ts';
import { PreparedJson } from './prepared-json.ts';
import { answerOf, Refusal } from './refusal.ts';
import type { Preconditions } from './preconditions.ts';
import { idempotencyKeyOf, type RequestKeys } from './request-keys.ts';
import { renderSessionCookie, WithSession } from './session-cookie.ts';
import { addWebPage } from './web-page.ts';

export const maxBodyBytes = 8 * 1024 * 1024;

export interface RouterOptions {
  handlers: Handlers;
  streams: Streams;
  log: Log;
  auditTrail: AuditTrail;
  requestKeys: RequestKeys;
  /** Absent: nothing has a version. */
  preconditions?: Preconditions | undefined;
  lifetimes: Lifetimes;
  eventStream: EventStreamOptions;
  access: AccessControl;
  /** Who asks, as the listener's gate found out. */
  callerOf: (request: IncomingMessage) => Caller;
  /** Folder of the page; without it `/` is not found. */
  webRoot?: string | undefined;
  /** Tests: an answer that is not as its schema says is an error. */
  checkResponses?: boolean | undefined;
}

/** In place of a compiler of schemas: no route has one. */
const nothing = () => () => {
  throw new CaissonError('internal', 'the router is not given schemas');
};

interface RouteConfig {
  /** Whether its body may be a form. */
  form?: true | undefined;
}

const jsonOnly = 'the body must be JSON: send “Content-Type: application/json”';

type LooseHandler = (call: object) => Promise<unknown>;

export async function createRouter(options: RouterOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, new Refusal(error.statusCode ?? 400, error.message), options.log),
    // Nothing is validated or rendered by schemas of the router.
    schemaController: { compilersFactory: { buildValidator: nothing, buildSerializer: nothing } },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, text === '' ? undefined : parseStrictJson(text as string));
    } catch (cause) {
      done(new CaissonError('invalid', `the body is not JSON: ${(cause as Error).message}`));
    }
  });
  app.addContentTypeParser(formMedia, { parseAs: 'string' }, (request, text, done) => {
    if (!(request.routeOptions.config as RouteConfig).form) return done(new Refusal(415, jsonOnly));
    try {
      done(null, parseForm(text as string));
    } catch (error) {
      done(error as Error);
    }
  });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, refusalOf(error), options.log));
  app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(request.raw), options.log));
  for (const [id, endpoint] of Object.entries(endpoints) as [EndpointId, Endpoint][]) {
    // Websockets come as upgrades; a plain request for one is told so.
    const handler =
      endpoint.stream === 'events'
        ? eventsHandler(id as 'eventFollow', endpoint, options)
        : endpoint.stream === 'websocket'
          ? () => Promise.reject(new Refusal(426, 'this is a websocket: ask for the upgrade', { upgrade: 'websocket' }))
          : answerHandler(id as 'guestShow', endpoint, options);
    const config: RouteConfig = { form: endpoint.form };
    app.route({ method: endpoint.method, url: endpoint.path, handler, config });
  }
  app.get('/v1/openapi.json', async (_request, reply) => {
    const { renderOpenApi } = await import('../../api/openapi.ts');
    return reply.type('application/json').send(JSON.stringify(renderOpenApi()));
  });
  if (options.webRoot !== undefined) addWebPage(app, options.webRoot);
  await app.ready();
  return app;
}

function answerHandler(id: keyof Handlers, endpoint: Endpoint, options: RouterOptions) {
  const handler = options.handlers[id] as unknown as LooseHandler;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { lifetimes, access, callerOf, auditTrail } = options;
    const caller = callerOf(request.raw);
    const params = request.params as Record<string, string>;
    const logged = (isLogged(endpoint) || endpoint.isLook) && { id, endpoint, actor: caller.actor, from: originOf(request.raw) };
    try {
      await authorize(caller, endpoint.access, params, access.objects);
    } catch (error) {
      if (logged) await auditTrail.forbidden({ ...logged, call: { params, query: undefined, body: undefined } }, error);
      throw error;
    }
    let signal: AbortSignal | undefined;
    const call = {
      ...parseCall(endpoint, request),
      actor: caller.actor,
      caller,
      client: clientOf(request.raw),
      // Made only for those who look: most handlers answer at once.
      get signal() {
        return (signal ??= lifetimes.signalOf(reply.raw));
      },
    };
    if (endpoint.method !== 'GET') options.preconditions?.check(request.raw, endpoint, params);
    // Before it is looked at: a tag may be older than what it comes with, never newer.
    const givesTag = endpoint.versioned !== undefined && !takesIfMatch(endpoint) && mayConfigure(caller, params, access.objects);
    const tag = givesTag ? options.preconditions?.tagFor(endpoint, params) : undefined;
    const record = endpoint.isLook ? 'look' : 'record';
    const perform = () => (logged ? auditTrail[record]({ ...logged, call }, () => handler(call)) : handler(call));
    const key = idempotencyKeyOf(request.raw, endpoint);
    const answer = await (key === undefined
      ? perform()
      : options.requestKeys.once(
          { actor: caller.actor, key, asked: [endpoint.method, request.url, request.body ?? null] },
          perform as () => Promise<Job>,
          (job) => options.handlers.jobShow({ ...call, params: { job }, query: undefined, body: undefined }) as Promise<Job>,
        ));
    const value = answer instanceof WithSession ? answer.value : answer;
    if (answer instanceof WithSession) void reply.header('set-cookie', renderSessionCookie(request.raw, answer.secret));
    if (options.checkResponses) checkResponse(id, endpoint, value);
    void reply
      .header('content-type', endpoint.media ?? 'application/json')
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff');
    if (endpoint.media !== undefined) return reply.header('cross-origin-resource-policy', 'same-origin').send(value);
    if (tag !== undefined) void reply.header('etag', tag);
    if (endpoint.job) void reply.code(202).header('location', `/v1/jobs/${(value as { uid: string }).uid}`);
    return reply.send(value instanceof PreparedJson ? value.bytes : JSON.stringify(value));
  };
}

function eventsHandler(id: 'jobFollow' | 'eventFollow', endpoint: Endpoint, options: RouterOptions) {
  const open = options.streams[id] as unknown as (call: object) => Promise<AsyncIterable<StreamItem>>;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = options.callerOf(request.raw);
    const params = request.params as Record<string, string>;
    const check = (now: Caller) => authorize(now, endpoint.access, params, options.access.objects);
    await check(caller);
    const signal = options.lifetimes.signalOf(reply.raw, { caller, check });
    const call = {
      ...parseCall(endpoint, request),
      actor: caller.actor,
      caller,
      client: clientOf(request.raw),
      signal,
      lastEventId: lastEventId(request.raw),
    };
    const items = await open(call);
    reply.hijack();
    await sendEvents(reply.raw, items, signal, options.eventStream).catch((error: unknown) => logDefect(error, request.raw, options.log));
  };
}

function lastEventId(request: IncomingMessage): number | undefined {
  const text = request.headers['last-event-id'];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new CaissonError('invalid', 'the header Last-Event-ID is not the id of an event');
}

function checkResponse(id: EndpointId, endpoint: Endpoint, value: unknown): void {
  if (endpoint.media !== undefined) {
    if (!(value instanceof Uint8Array)) throw new CaissonError('internal', `the answer of ${id} is not bytes`);
    return;
  }
  const plain: unknown = JSON.parse(value instanceof PreparedJson ? value.bytes.toString('utf8') : JSON.stringify(value));
  const result = endpoint.response?.safeParse(plain);
  if (result && !result.success)
    throw new CaissonError('internal', `the answer of ${id} is not as the table says: ${result.error.message}`);
}

/** The router's own errors (body too large, other media type, …) as refusals. */
function refusalOf(error: unknown): unknown {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message: string };
  if (typeof code !== 'string' || !code.startsWith('FST_ERR_') || statusCode === undefined || statusCode >= 500) return error;
  if (statusCode === 413) return new Refusal(413, `the body is larger than ${maxBodyBytes / 1024 / 1024} MiB`);
  if (statusCode === 415) return new Refusal(415, jsonOnly);
  return new Refusal(statusCode, message);
}

function notFound(request: IncomingMessage): Refusal {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const methods = [...new Set(matchPath(path).map(({ endpoint }) => endpoint.method))];
  if (methods.length === 0) return new Refusal(404, `there is nothing at ${path.slice(0, 200)}; /v1/openapi.json lists what there is`);
  return new Refusal(405, `${request.method} is not possible at ${path}; possible: ${methods.join(', ')}`, { allow: methods.join(', ') });
}

function sendProblem(reply: FastifyReply, error: unknown, log: Log): void {
  const { problem, headers } = answerOf(error);
  logDefect(error, reply.request.raw, log);
  void reply
    .code(problem.status)
    .headers(headers)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(JSON.stringify(problem));
}

export function logDefect(error: unknown, request: IncomingMessage, log: Log): void {
  if (!answerOf(error).defect) return;
  log.error('a request met a defect', { method: request.method, path: request.url, error: error as Error, stack: (error as Error).stack });
}
