// A failpoint after each call of a part that changes something: the places where a daemon may die with the work half done. The tables name every
// method of the contracts, so that a new one does not compile before somebody has said which kind it is.
import type { LiveHardware } from '../drivers/live-hardware.ts';
import type { EngineParts } from '../engine/parts.ts';
import { failpoint, hasFailpoints } from '../lib/failpoint.ts';

/** `changes`: the world, or what is kept; the failpoint `PART.METHOD` stands after it. `asks`: nothing is half done when it is cut off. */
type Kind = 'changes' | 'asks';
type Kinds<Part> = Readonly<Record<keyof Part, Kind>>;

interface Watched extends Pick<EngineParts, 'hypervisor' | 'network' | 'images' | 'guestFiles' | 'store' | 'journal'> {
  hardware: LiveHardware;
}

export const kinds: { readonly [Part in keyof Watched]: Kinds<Watched[Part]> } = {
  hypervisor: {
    facts: 'asks',
    overheadMib: 'asks',
    observeAll: 'asks',
    observe: 'asks',
    start: 'changes',
    pressPowerButton: 'changes',
    stop: 'changes',
    reset: 'changes',
    pause: 'changes',
    resume: 'changes',
    agent: 'asks',
    hardware: 'asks',
    openConsole: 'asks',
    openScreen: 'asks',
    screenshot: 'asks',
    memoryBytes: 'asks',
    stats: 'asks',
    isolation: 'asks',
    forget: 'changes',
    watch: 'asks',
    close: 'asks',
  },
  hardware: {
    read: 'asks',
    plugMemory: 'changes',
    fillBalloon: 'changes',
    setCpus: 'changes',
    attachDisk: 'changes',
    detachDisk: 'changes',
    attachNic: 'changes',
    detachNic: 'changes',
    growDisk: 'changes',
    limit: 'changes',
  },
  network: {
    apply: 'changes',
    connect: 'changes',
    disconnect: 'changes',
    observe: 'asks',
    readRules: 'asks',
    onChange: 'asks',
    remove: 'changes',
  },
  images: { digest: 'asks', find: 'asks', make: 'changes', list: 'asks', remove: 'changes' },
  guestFiles: {
    folders: 'asks',
    createRootDisk: 'changes',
    createDisk: 'changes',
    disk: 'asks',
    freeBytes: 'asks',
    growDisk: 'changes',
    writeSeed: 'changes',
    prepareStart: 'changes',
    remove: 'changes',
  },
  store: {
    get: 'asks',
    list: 'asks',
    put: 'changes',
    delete: 'changes',
    transaction: 'changes',
    watch: 'asks',
    acquireLease: 'changes',
    close: 'asks',
  },
  journal: {
    createJob: 'changes',
    saveStep: 'changes',
    endJob: 'changes',
    getJob: 'asks',
    findJob: 'asks',
    listJobs: 'asks',
    // Nobody waits for it, and what it tells is no truth about what should be.
    appendEvents: 'asks',
    listEvents: 'asks',
    // Nothing is decided from a key but whether a request was sent before; what is half done is told to its client.
    claimKey: 'asks',
    settleKey: 'asks',
    close: 'asks',
  },
};

/** The parts themselves, unless a test wants one to fail. */
export function withFailpoints(parts: EngineParts): EngineParts {
  if (!hasFailpoints()) return parts;
  return {
    ...parts,
    hypervisor: watch('hypervisor', parts.hypervisor),
    network: watch('network', parts.network),
    images: watch('images', parts.images),
    guestFiles: watch('guestFiles', parts.guestFiles),
    store: watch('store', parts.store),
    journal: watch('journal', parts.journal),
  };
}

function watch<Name extends keyof Watched>(name: Name, part: Watched[Name]): Watched[Name] {
  const ofPart: Readonly<Record<string, Kind>> = kinds[name];
  return new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      if (name === 'hypervisor' && key === 'hardware') return (uid: string) => watch('hardware', method(uid) as LiveHardware);
      if (ofPart[String(key)] !== 'changes') return method;
      return async (...args: unknown[]) => {
        const result = await method(...args);
        failpoint(`${name}.${String(key)}`);
        return result;
      };
    },
  });
}
