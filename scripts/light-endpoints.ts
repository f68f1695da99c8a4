// A bundler plugin for programs that only call the API: the endpoint table without its schemas, which the daemon checks anyway.
// Making the schemas takes longer than a whole `caisson guest list`.
import type { Plugin } from 'rolldown';
import type { Endpoint } from '../src/api/endpoint.ts';

export const isTablePath = (path: string) => /(^|\/)src\/api\/endpoints\.ts$/.test(path);

export const lightEndpoints: Plugin = {
  name: 'light-endpoints',
  async load(id) {
    if (!isTablePath(id)) return null;
    const { endpoints } = (await import(id)) as { endpoints: Record<string, Endpoint> };
    const rows = Object.entries(endpoints).map(([name, { method, path, summary, job, stream }]) => [
      name,
      { method, path, summary, job, stream },
    ]);
    return `export const endpoints = ${JSON.stringify(Object.fromEntries(rows))};\n`;
  },
};
