// The page at `/`: files that hold nothing of the site. The document is asked for anew each time; what it names carries the digest of its
// content in its name, so that a browser keeps it for good.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Refusal } from './refusal.ts';

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** No folder, no hidden file. */
const assetPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}\.(?:css|js|svg)$/;

/** Paths that a browser may read before it has a token. */
export const publicPaths: Pick<ReadonlySet<string>, 'has'> = {
  has: (path) =>
    path === '/' || path === '/index.html' || (path.startsWith('/assets/') && assetPattern.test(path.slice('/assets/'.length))),
};

/** Nothing but what comes from here, and nothing written into the document. */
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** It opens nothing that it shares with others, nobody may embed what it is made of, and it wants nothing of the machine but the clipboard. */
const seclusion = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** In the order of preference: what the build has made beside each file. */
const encodings = [
  { name: 'br', ending: '.br' },
  { name: 'gzip', ending: '.gz' },
] as const;

/** Those that the client takes. */
function encodingsFor(accepts: string | string[] | undefined): (typeof encodings)[number][] {
  const said = String(accepts ?? '')
    .split(',')
    .map((part) => part.trim().toLowerCase());
  const taken = said.filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part)).map((part) => part.replace(/;.*$/s, '').trim());
  return encodings.filter(({ name }) => taken.includes(name));
}

interface FoundFile {
  content: Buffer;
  encoding?: string;
}

/** As the client likes it best; undefined when it is not there at all. */
async function find(path: string, accepts: string | string[] | undefined): Promise<FoundFile | undefined> {
  for (const { name, ending } of encodingsFor(accepts)) {
    const content = await readFile(path + ending).catch(() => undefined);
    if (content) return { content, encoding: name };
  }
  const content = await readFile(path).catch(() => undefined);
  return content && { content };
}

export function addWebPage(app: FastifyInstance, webRoot: string): void {
  const send = async (reply: FastifyReply, name: string, cacheControl: string) => {
    const found = await find(join(webRoot, name), reply.request.headers['accept-encoding']);
    if (!found) throw new Refusal(404, 'the page is not installed with this daemon, or in another version: load it again');
    return reply
      .headers({
        'content-type': types[name.replace(/^.*\./, '')] ?? 'application/octet-stream',
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': cacheControl,
        vary: 'accept-encoding',
        ...(found.encoding === undefined ? {} : { 'content-encoding': found.encoding }),
        ...seclusion,
      })
      .send(found.content);
  };
  for (const url of ['/', '/index.html']) app.get(url, (_request, reply) => send(reply, 'index.html', 'no-cache'));
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) => {
    const { name } = request.params;
    if (!assetPattern.test(name)) throw new Refusal(404, 'there is no such file of the page');
    return send(reply, join('assets', name), 'public, max-age=31536000, immutable');
  });
}
