// A bundler plugin: parts of the router that are only loaded for what we do not ask of it (checks and texts made from schemas, a logger, requests
// without a network) are left out. They would be a third of the daemon's text, which is kept in memory as long as it runs.
import type { Plugin } from 'rolldown';

const mark = '\0left-out:';

/** What is required → from which package. */
const unused: Readonly<Record<string, RegExp>> = {
  '@fastify/ajv-compiler': /\/fastify\//,
  '@fastify/fast-json-stringify-compiler': /\/fastify\//,
  'light-my-request': /\/fastify\//,
  './logger-pino.js': /\/fastify\/lib\/logger-factory\.js$/,
};

export const leftOut: Plugin = {
  name: 'left-out',
  resolveId(source, importer) {
    return importer !== undefined && unused[source]?.test(importer) ? `${mark}${source}` : null;
  },
  load(id) {
    if (!id.startsWith(mark)) return null;
    const name = id.slice(mark.length);
    return `module.exports = {};\nthrow new Error(${JSON.stringify(`${name} is not part of this program: scripts/left-out.ts`)});\n`;
  },
};
