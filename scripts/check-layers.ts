// Checks that every import goes down the layers, and that no files import each other in a circle.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { bundledPackages, contractLayers, type Layer, layers } from './layers.ts';
import { projectFiles, projectRoot } from './project.ts';
import { type Import, scanImports } from './scan-imports.ts';

/**
 * Checks sources given as path in the project → text, and returns one line for each violation.
 * `packages` are the npm packages that the program may use at run time.
 */
export function checkLayers(sources: ReadonlyMap<string, string>, packages: ReadonlySet<string>): string[] {
  const imports = new Map([...sources].map(([path, text]) => [path, scanImports(text)]));
  const violations: string[] = [];
  for (const [path, found] of imports) {
    const layer = layerOf(path);
    if (!path.startsWith('src/')) continue;
    if (!layer) {
      violations.push(`${path}: lies in no layer of scripts/layers.ts`);
      continue;
    }
    for (const each of found) {
      const why = judge(path, layer, each, sources, packages);
      if (why) violations.push(`${path}:${each.line}: imports ${each.specifier}: ${why}`);
    }
  }
  return [...violations, ...findCycles(imports)];
}

function judge(
  path: string,
  layer: Layer,
  { specifier, typeOnly }: Import,
  sources: ReadonlyMap<string, string>,
  packages: ReadonlySet<string>,
): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const isTest = path.endsWith('.test.ts');
  if (!specifier.startsWith('.')) {
    if (isTest) return undefined;
    if (!layer.npm) return `${layer.name} uses nothing from npm`;
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    if (layer.npm === 'bundled' && bundledPackages.has(name)) return undefined;
    return packages.has(name) ? undefined : `${name} is not among the dependencies of package.json`;
  }
  const target = resolve(path, specifier);
  if (target === 'package.json' || target === 'scripts/system-packages.json') return undefined; // the version; what the doctor looks for
  if (!sources.has(target) && /\.tsx?$/.test(target)) return `${target} does not exist`;
  if (!target.startsWith('src/')) return isTest && target.startsWith('test/') ? undefined : 'it lies outside src/';
  const other = layerOf(target);
  if (!other) return 'it lies in no layer';
  if (other.name === layer.name) {
    const contract = contractLayers.includes(layer.name) && isContract(path) && !isTest;
    return contract && !isContract(target) ? `a contract of ${layer.name} knows none of its implementations` : undefined;
  }
  const allowed = layer.may[other.name];
  if (!allowed) return `${layer.name} may not import ${other.name} (it may: ${Object.keys(layer.may).join(', ') || 'nothing'})`;
  if (allowed === 'types' && !typeOnly && !isTest) return `${layer.name} may only \`import type\` from ${other.name}`;
  if (allowed === 'contracts' && !isContract(target) && !isTest) {
    return `${layer.name} knows ${other.name} only by its contracts, src/${other.name}/*.ts`;
  }
  return undefined;
}

function layerOf(path: string): Layer | undefined {
  return layers.find((layer) => path.startsWith(`src/${layer.name}/`));
}

function isContract(path: string): boolean {
  return path.split('/').length === 3;
}

function resolve(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier));
}

/** Every circle once, from its first file in alphabetical order. */
function findCycles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const circles = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: string[]) => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      const circle = trail.slice(at);
      const first = circle.indexOf(circle.toSorted()[0] ?? '');
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      circles.add(`${[...turned, turned[0]].join(' → ')}: import each other in a circle`);
      return;
    }
    if (done.has(path)) return;
    for (const { specifier } of imports.get(path) ?? []) {
      if (specifier.startsWith('.')) visit(resolve(path, specifier), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return [...circles];
}

/** The violations of the project as it lies there. */
export function checkProjectLayers(): string[] {
  const paths = projectFiles().filter((path) => /^(src|test|scripts|bench)\/.*\.tsx?$/.test(path));
  const sources = new Map(paths.map((path) => [path, readFileSync(`${projectRoot}/${path}`, 'utf8')]));
  const description = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')) as { dependencies: Record<string, string> };
  return checkLayers(sources, new Set(Object.keys(description.dependencies)));
}

if (import.meta.main) {
  const violations = checkProjectLayers();
  for (const violation of violations) process.stdout.write(`${violation}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
