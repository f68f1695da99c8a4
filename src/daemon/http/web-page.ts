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

export function addWebPage(app: FastifyInstance, webRoot: string): void {
  const send = async (reply: FastifyReply, name: string, cacheControl: string) => {
    const content = await readFile(join(webRoot, name)).catch(() => undefined);
    if (!content) throw new Refusal(404, 'the page is not installed with this daemon, or in another version: load it again');
    return reply
      .headers({
        'content-type': types[name.replace(/^.*\./, '')] ?? 'application/octet-stream',
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': cacheControl,
      })
      .send(content);
  };
  for (const url of ['/', '/index.html']) app.get(url, (_request, reply) => send(reply, 'index.html', 'no-cache'));
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) => {
    const { name } = request.params;
    if (!assetPattern.test(name)) throw new Refusal(404, 'there is no such file of the page');
    return send(reply, join('assets', name), 'public, max-age=31536000, immutable');
  });
}
