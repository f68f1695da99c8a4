// A failpoint after each call of a part that changes something: the places where a daemon may die with the work half done. A new method of a
// contract gets one by a word in this table.
import type { EngineParts } from '../engine/parts.ts';
import { failpoint, hasFailpoints } from '../lib/failpoint.ts';

/** Methods that change the world or what is kept; after each of them is the failpoint `PART.METHOD`. */
export const changes = {
  hypervisor: ['start', 'stop', 'pressPowerButton', 'reset', 'pause', 'resume', 'forget'],
  network: ['apply', 'connect', 'disconnect', 'remove'],
  images: ['make', 'remove'],
  guestFiles: ['createRootDisk', 'createDisk', 'growDisk', 'writeSeed', 'prepareStart', 'remove'],
  store: ['transaction', 'put', 'delete'],
  journal: ['createJob', 'saveStep', 'endJob'],
} as const satisfies { [Part in keyof EngineParts]?: readonly (keyof EngineParts[Part])[] };

/** The parts themselves, unless a test wants one to fail. */
export function withFailpoints(parts: EngineParts): EngineParts {
  if (!hasFailpoints()) return parts;
  const wrapped = Object.entries(changes).map(([name, methods]) => [name, watch(name, parts[name as keyof typeof changes], methods)]);
  return { ...parts, ...(Object.fromEntries(wrapped) as Partial<EngineParts>) };
}

function watch<T extends object>(name: string, part: T, methods: readonly string[]): T {
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      if (!methods.includes(String(key))) return method;
      return async (...args: unknown[]) => {
        const result = await method(...args);
        failpoint(`${name}.${String(key)}`);
        return result;
      };
    },
  });
}
