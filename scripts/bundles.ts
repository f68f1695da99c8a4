// The programs that the build makes, each one file without dependencies: dist/NAME.js.

export interface Bundle {
  name: string;
  entry: string;
  /** It calls the API and checks nothing by its schemas. */
  isClient?: boolean;
}

export const bundles: readonly Bundle[] = [
  { name: 'cli', entry: 'src/cli/main.ts', isClient: true },
  { name: 'daemon', entry: 'src/daemon/main.ts' },
  { name: 'helper', entry: 'src/helper/main.ts' },
  { name: 'image-builder', entry: 'src/drivers/images/builder-main.ts' },
  { name: 'place-program', entry: 'src/local/place-program-main.ts' },
];
