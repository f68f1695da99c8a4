// A bundler plugin: modules of Node.js are taken by process.getBuiltinModule instead of `import`.
//
// `import` of a built-in module reads every property that it exports, and some of node:http and node:crypto load a whole
// other program when read (a WebSocket client: 60 ms and 4 MiB). What remains is the same object, read only where it is used.
import { isBuiltin } from 'node:module';
import type { Plugin } from 'rolldown';

const mark = '\0builtin:';

export const leanBuiltins: Plugin = {
  name: 'lean-builtins',
  resolveId(source, _importer, { kind }) {
    // The bundler's own runtime needs node:module before anything else is evaluated.
    if (kind !== 'import-statement' || !isBuiltin(source) || source === 'node:module') return null;
    const name = source.startsWith('node:') ? source : `node:${source}`;
    return { id: `${mark}${name}`, moduleSideEffects: false };
  },
  load(id) {
    return id.startsWith(mark) ? renderModule(id.slice(mark.length)) : null;
  },
};

/** A module that stands for the built-in one; what nobody imports is shaken off. */
function renderModule(name: string): string {
  const found = process.getBuiltinModule(name);
  if (!found) throw new Error(`Node.js has no module ${name}`);
  const names = Object.keys(found).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default');
  return [
    `const builtin = process.getBuiltinModule(${JSON.stringify(name)});`,
    'export default builtin;',
    ...names.map((key) => `export const ${key} = builtin.${key};`),
  ].join('\n');
}
