// The endpoint table as an OpenAPI 3.1 document. Pure; takes some tens of milliseconds, so it is made when somebody asks.
import { z } from 'zod';
import { eventSchema } from '../model/event.ts';
import { guestStatsSchema } from '../model/guest-stats.ts';
import { guestSchema } from '../model/guest-status.ts';
import { hostSchema } from '../model/host.ts';
import { imageViewSchema } from '../model/image-view.ts';
import { jobSchema } from '../model/job.ts';
import { logEntrySchema, loggedActionSchema } from '../model/log-entry.ts';
import { meSchema } from '../model/me.ts';
import { sessionSchema, signedInSchema } from '../model/session.ts';
import { tokenSchema } from '../model/token.ts';
import { userSchema } from '../model/user.ts';
import { siteDifferenceSchema } from '../model/site-difference.ts';
import { siteSchema } from '../model/site.ts';
import { zoneCheckSchema, zoneViewSchema } from '../model/zone-check.ts';
import { type Access, type Endpoint, formMedia, takesIfMatch } from './endpoint.ts';
import { endpoints } from './endpoints.ts';
import { problemSchema, statusOfCode } from './problem.ts';

/** What has a name of its own in the document. */
const components: Record<string, z.ZodType> = {
  Site: siteSchema,
  SiteDifference: siteDifferenceSchema,
  Guest: guestSchema,
  GuestStats: guestStatsSchema,
  Zone: zoneViewSchema,
  ZoneCheck: zoneCheckSchema,
  Image: imageViewSchema,
  Job: jobSchema,
  Event: eventSchema,
  LoggedAction: loggedActionSchema,
  LogEntry: logEntrySchema,
  Host: hostSchema,
  Me: meSchema,
  User: userSchema,
  Session: sessionSchema,
  SignedIn: signedInSchema,
  Token: tokenSchema,
  Problem: problemSchema,
};

export type JsonSchema = { [key: string]: unknown };

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}

export interface Operation {
  operationId: string;
  summary: string;
  /** Who may call it. */
  description: string;
  security?: [];
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> };
  responses: Record<string, { description: string; headers?: Record<string, unknown>; content?: Record<string, { schema: JsonSchema }> }>;
}

export interface OpenApiDocument {
  openapi: string;
  info: Record<string, string>;
  servers: { url: string; description: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown>; responses: Record<string, unknown> };
}

export function renderOpenApi(): OpenApiDocument {
  const schemas = convertSchemas();
  const paths: OpenApiDocument['paths'] = {};
  for (const [id, endpoint] of Object.entries(endpoints) as [string, Endpoint][]) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][endpoint.method.toLowerCase()] = operationOf(id, endpoint, (schema) => schemas.get(schema) ?? {});
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Caisson',
      version: 'v1',
      summary: 'The API of one Caisson daemon',
      description:
        'Every answer that is not 2xx is a problem (RFC 9457) whose `code` programs can rely on. What takes time is a job: 202, the job in the body and its address in `Location`. Unknown fields are refused.',
      license: 'Apache-2.0',
    },
    servers: [
      { url: 'http://127.0.0.1:8420', description: 'Where the daemon was told to listen; on its unix socket the same API needs no token' },
    ],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).map(([name, schema]) => [name, schemas.get(schema, 'definition') ?? {}])),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API token, the token of a session, or, until there are users, the content of the file `api-token` in the data directory',
        },
      },
      responses: {
        Problem: {
          description: `An error. Status by code: ${Object.entries(statusOfCode)
            .map(([code, status]) => `${code} ${status}`)
            .join(', ')}`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

/** What an endpoint is about: the first word of its name. */
function tagOf(id: string): string {
  if (/^(?:login|logout|setUp|passwordByLink)/.test(id)) return 'me';
  return /^[a-z]+/.exec(id)?.[0] ?? id;
}

const onWhat = {
  site: 'on the site',
  guest: 'on the guest',
  zone: 'on the zone',
  job: 'on everything that the job is about',
  user: 'on the site, or to be that user',
  token: 'on the site, or to be the user whom it belongs to',
} as const;

function describeAccess(access: Access): string {
  if (access === 'anybody') return 'For anybody';
  if (access === 'signed-in') return 'For everybody who is signed in';
  const { permission, on } = access;
  return on === 'each' ? `For everybody who is signed in: what they may \`${permission}\`` : `Needs \`${permission}\` ${onWhat[on]}`;
}

type SchemaOf = (schema: z.ZodType) => JsonSchema;

function operationOf(id: string, endpoint: Endpoint, schemaOf: SchemaOf): Operation {
  const parameters = [...parametersOf(endpoint.params, 'path', schemaOf), ...parametersOf(endpoint.query, 'query', schemaOf)];
  if (endpoint.stream === 'events') {
    parameters.push({
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'The last event that the client has seen: it goes on after it',
      schema: { type: 'string' },
    });
  }
  if (takesIfMatch(endpoint)) {
    parameters.push({
      name: 'If-Match',
      in: 'header',
      required: false,
      description: `The \`ETag\` of the ${endpoint.versioned} as it was seen: when it is another now, nothing is done (412, with what was changed)`,
      schema: { type: 'string' },
    });
  }
  if (endpoint.job) {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Sent again with the same key within a day, the request is not done again: the answer is the job that it began',
      schema: { type: 'string', minLength: 1, maxLength: 128 },
    });
  }
  return {
    operationId: id,
    summary: endpoint.summary,
    description: describeAccess(endpoint.access),
    tags: [tagOf(id)],
    ...(endpoint.access === 'anybody' ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body
      ? {
          requestBody: {
            required: !endpoint.body.safeParse(undefined).success,
            content: { [endpoint.form ? formMedia : 'application/json']: { schema: schemaOf(endpoint.body) } },
          },
        }
      : {}),
    responses: { ...responsesOf(endpoint, schemaOf), default: { $ref: '#/components/responses/Problem' } as never },
  };
}

function responsesOf(endpoint: Endpoint, schemaOf: SchemaOf): Operation['responses'] {
  if (endpoint.stream === 'events') {
    return {
      200: { description: 'Server-sent events; each `data` is JSON', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    };
  }
  if (endpoint.stream === 'websocket') return { 101: { description: 'A websocket' } };
  if (endpoint.media !== undefined) return { 200: { description: 'A picture', content: { [endpoint.media]: { schema: {} } } } };
  const content = { 'application/json': { schema: endpoint.response ? schemaOf(endpoint.response) : {} } };
  if (!endpoint.job) return { 200: { description: 'Done', content } };
  return {
    202: {
      description: 'The job that does it',
      headers: { Location: { description: 'Address of the job', schema: { type: 'string' } } },
      content,
    },
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query', schemaOf: SchemaOf): Parameter[] {
  if (!schema) return [];
  const object = schemaOf(schema) as { properties?: Record<string, JsonSchema>; required?: string[] };
  return Object.entries(object.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || (object.required ?? []).includes(name),
    ...(typeof description === 'string' ? { description } : {}),
    schema: rest,
  }));
}

/** Every schema of the table and of the components, those with a name as references to it. */
function convertSchemas(): { get(schema: z.ZodType, as?: 'definition'): JsonSchema | undefined } {
  const registry = z.registry<{ id: string }>();
  const ids = new Map<z.ZodType, string>();
  const named = new Map(Object.entries(components).map(([name, schema]) => [schema, name]));
  const parts = (Object.values(endpoints) as Endpoint[]).flatMap((endpoint) => [
    endpoint.params,
    endpoint.query,
    endpoint.body,
    endpoint.response,
  ]);
  for (const schema of [...named.keys(), ...parts]) {
    if (!schema || ids.has(schema)) continue;
    const id = named.get(schema) ?? `part-${ids.size}`;
    ids.set(schema, id);
    registry.add(schema, { id });
  }
  // The spelling of requests for both directions: they differ in nothing but fields with a default, which answers always have.
  const converted = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'input', unrepresentable: 'any' });
  const { schemas } = converted as { schemas: Record<string, JsonSchema> };
  return {
    get(schema, as) {
      const id = ids.get(schema);
      if (id === undefined) return undefined;
      if (named.has(schema) && as !== 'definition') return { $ref: `#/components/schemas/${id}` };
      const { $schema: _, $id: __, ...rest } = schemas[id] ?? {};
      return rest;
    },
  };
}
