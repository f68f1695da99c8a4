// Files that are made from others and committed. `npm run generate` writes them, `npm run check` compares.

export interface Generator {
  name: string;
  /** Path in the project → content; a function of the project's files alone. Formatting is done afterwards. */
  load: () => Promise<{ generate: () => Promise<Record<string, string>> }>;
}

export const generators: readonly Generator[] = [
  { name: 'api-reference', load: () => import('./generate-api-reference.ts') },
  { name: 'cli-reference', load: () => import('./generate-cli-reference.ts') },
  { name: 'man-pages', load: () => import('./generate-man-pages.ts') },
  { name: 'site-schema', load: () => import('./generate-site-schema.ts') },
  { name: 'qmp', load: () => import('./generate-qmp.ts') },
];
