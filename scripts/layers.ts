// The layers as data: an import may only go down this table. Checked by check-layers.ts.

export interface Layer {
  /** Folder under src/. */
  name: string;
  /** Layers that it may import besides itself. `contracts` means the files directly in that folder, `types` only `import type`. */
  may: Readonly<Record<string, 'all' | 'contracts' | 'types'>>;
  /** `bundled`: what `bundledPackages` names, which is needed only to build. */
  npm: boolean | 'bundled';
}

/** Packages that are bundled into the page, and so are no dependencies of what is installed. */
export const bundledPackages: ReadonlySet<string> = new Set(['preact', '@novnc/novnc', '@xterm/xterm', '@xterm/addon-fit']);

const everythingBelowFour = {
  lib: 'all',
  model: 'all',
  api: 'all',
  plan: 'all',
  drivers: 'all',
  store: 'all',
  engine: 'all',
} as const;

export const layers: readonly Layer[] = [
  { name: 'lib', may: {}, npm: false },
  { name: 'model', may: { lib: 'all' }, npm: true },
  { name: 'api', may: { lib: 'all', model: 'all' }, npm: true },
  { name: 'plan', may: { lib: 'all', model: 'all' }, npm: true },
  { name: 'drivers', may: { lib: 'all', model: 'all' }, npm: true },
  { name: 'store', may: { lib: 'all', model: 'all' }, npm: true },
  { name: 'engine', may: { lib: 'all', model: 'all', api: 'all', plan: 'all', drivers: 'contracts', store: 'contracts' }, npm: true },
  { name: 'helper', may: { lib: 'all', model: 'types' }, npm: false },
  { name: 'daemon', may: { ...everythingBelowFour, helper: 'all', local: 'all' }, npm: true },
  { name: 'local', may: { ...everythingBelowFour, helper: 'all', daemon: 'all' }, npm: true },
  { name: 'cli', may: { lib: 'all', model: 'all', api: 'all', local: 'all' }, npm: true },
  { name: 'web', may: { lib: 'all', model: 'all', api: 'all' }, npm: 'bundled' },
];

/** Layers whose root files are contracts, implemented by their folders: a contract never imports an implementation. */
export const contractLayers: readonly string[] = ['drivers', 'store'];
