// The page at `/`: two static files that hold nothing of the site.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Refusal } from './refusal.ts';

const files: Record<string, { name: string; type: string }> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/index.html': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/style.css': { name: 'style.css', type: 'text/css; charset=utf-8' },
};

/** Paths that a browser may read before it has a token. */
export const publicPaths: ReadonlySet<string> = new Set(Object.keys(files));

export function addWebPage(app: FastifyInstance, webRoot: string): void {
  for (const [url, { name, type }] of Object.entries(files)) {
    app.get(url, async (_request, reply) => {
      const content = await readFile(join(webRoot, name)).catch(() => undefined);
      if (!content) throw new Refusal(404, 'the page is not installed with this daemon; the API is under /v1');
      return reply
        .headers({
          'content-type': type,
          'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-cache',
        })
        .send(content);
    });
  }
}
