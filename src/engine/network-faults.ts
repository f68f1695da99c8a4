// What is not as it should be in the guests' network, from what was seen of it; and how often one tells of it. Pure.
import type { NetworkObservation } from '../drivers/network.ts';
import type { NetworkNic } from '../model/network-state.ts';

export interface Faults {
  /** For people; empty when all is well. */
  texts: string[];
  /** Nics of guests that run, without a tap that is up. */
  lost: NetworkNic[];
}

/** `nics` are those of guests that run. At most three of what is missing are named. */
export function findFaults(seen: NetworkObservation, nics: readonly NetworkNic[]): Faults {
  const up = new Set(seen.taps);
  const lost = nics.filter(({ tap }) => !up.has(tap));
  const missing = seen.wiring.intact ? [] : seen.wiring.missing;
  return {
    texts: [
      ...(seen.rules.inForce ? [] : [seen.rules.why]),
      ...shorten(missing),
      ...shorten(lost.map(({ tap, guestName }) => `the nic of guest ${guestName} (${tap}) is gone or down`)),
      ...(seen.names.running ? [] : ['the name service does not run']),
    ],
    lost,
  };
}

/** What works, but not as it should, for people. */
export function findWarnings({ others, silentRouters }: Pick<NetworkObservation, 'others' | 'silentRouters'>): string[] {
  const say = {
    all: 'drops what its own rules do not allow',
    some: 'has rules that refuse',
    unknown: 'may refuse: the program that tells (package iptables) is not installed',
  } as const;
  return [
    ...silentRouters.map(
      ({ interface: name, address }) =>
        `the router ${address} does not answer on ${name}: guests do not get out there; look at the cable, the switch and the router, or name another “gateway” of the uplink`,
    ),
    ...others.flatMap(({ name, refuses }) =>
      refuses === 'nothing'
        ? []
        : [
            `another firewall is in the guests’ network and ${say[refuses]} (table ${name}): what flows allow may be refused there; let it accept what comes from and goes to guests, or give them a namespace of their own (caisson daemon --netns NAME)`,
          ],
    ),
  ];
}

function shorten(texts: readonly string[]): string[] {
  return texts.length <= 3 ? [...texts] : [...texts.slice(0, 3), `and ${texts.length - 3} more`];
}

/** Lets through so many at once, and one more each minute; counts the others. */
export class Moderation {
  readonly #atOnce: number;
  #left: number;
  #since: number;
  #withheld = 0;

  constructor(now: number, atOnce = 10) {
    this.#atOnce = atOnce;
    this.#left = atOnce;
    this.#since = now;
  }

  /** Undefined: not now. Otherwise how many were not let through since the last one was. */
  ask(now: number): number | undefined {
    const earned = Math.floor((now - this.#since) / 60_000);
    this.#left = Math.min(this.#atOnce, this.#left + earned);
    this.#since += earned * 60_000;
    if (this.#left === 0) {
      this.#withheld++;
      return undefined;
    }
    this.#left--;
    const withheld = this.#withheld;
    this.#withheld = 0;
    return withheld;
  }
}
