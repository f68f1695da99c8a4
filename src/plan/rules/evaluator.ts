// What the kernel would do with a packet: hook by hook, base chains by priority, rule by rule. Decided for everything that is asked about
// at once; where a rule treats parts of it differently it goes on in branches. It reads rules as nft tells them of the kernel and
// knows nothing of how they came there: it shares no code with what renders them.
import { type KernelVerdict, Lookups, type Step, compileRule, restOf } from './compile-rule.ts';
import { type Ranges, intersect, subtract, unite } from './l4-ranges.ts';
import type { Branch, Outcome, Packet } from './packet.ts';
import type { Route, Routes } from './routes.ts';
import { type KernelChain, type KernelRule, type Ruleset, keyOf } from './ruleset.ts';

/** Deeper the kernel does not go. */
const mostJumps = 16;
/** Connections are looked up, and their packets put together, at this priority of the first hook. */
const trackingAt = -200;

interface Compiled {
  rule: KernelRule;
  steps: Step[];
}

export class Evaluator {
  readonly #chains: ReadonlyMap<string, KernelChain>;
  readonly #lookups: Lookups;
  readonly #routes: Routes;
  readonly #compiled = new Map<KernelChain, Compiled[]>();
  readonly #hooks = new Map<string, KernelChain[]>();
  #outcomes: Outcome[] = [];

  constructor(ruleset: Ruleset, routes: Routes) {
    this.#chains = ruleset.chains;
    this.#lookups = new Lookups(ruleset);
    this.#routes = routes;
  }

  /** What becomes of each part of what is asked about. */
  evaluate(packet: Packet): Outcome[] {
    this.#outcomes = [];
    const start = startOf(packet);
    if (packet.family === 'arp') this.#arp(start);
    else if (packet.iif === undefined) this.#send(start);
    else if (packet.bridge !== undefined && packet.toPort !== undefined) this.#cross(start, packet.toPort);
    else for (const branch of this.#arrive(start)) this.#route(branch);
    return this.#outcomes;
  }

  /** What of it is heard at all, before it is decided where it goes. */
  evaluateArrival(packet: Packet): Outcome[] {
    this.#outcomes = [];
    const start = startOf(packet);
    const heard = packet.toPort === undefined ? this.#arrive(start) : this.#hook('bridge', 'prerouting', [start]);
    for (const branch of heard) this.#deliver(branch, 'host');
    return this.#outcomes;
  }

  #arp(start: Branch): void {
    const { bridge, toPort } = start.packet;
    if (toPort !== undefined) return this.#cross(start, toPort);
    const arrived =
      bridge === undefined
        ? [start]
        : this.#hook('bridge', 'input', this.#hook('bridge', 'prerouting', [start])).map((branch) => ({ ...branch, iif: bridge }));
    for (const branch of this.#hook('arp', 'input', arrived)) this.#deliver(branch, 'host');
  }

  #cross(start: Branch, toPort: string): void {
    const arrived = this.#hook('bridge', 'prerouting', [start]).map((branch) => ({ ...branch, oif: toPort }));
    for (const branch of this.#hook('bridge', 'postrouting', this.#hook('bridge', 'forward', arrived))) this.#deliver(branch, toPort);
  }

  #arrive(start: Branch): Branch[] {
    const { bridge, connection } = start.packet;
    const heard =
      bridge === undefined
        ? [start]
        : this.#hook('bridge', 'input', this.#hook('bridge', 'prerouting', [start])).map((branch) => ({ ...branch, iif: bridge }));
    const arrived = this.#hook('ip', 'prerouting', heard);
    const { leadsBackTo } = connection;
    return leadsBackTo === undefined ? arrived : arrived.map((branch) => ({ ...branch, destination: leadsBackTo }));
  }

  #route(branch: Branch): void {
    const route = this.#routes.of(branch);
    if (route.leads === 'here') this.#hook('ip', 'input', [branch]).forEach((each) => this.#deliver(each, 'host'));
    else if (route.leads === 'nowhere') this.#lost(branch, route);
    else this.#leave(this.#hook('ip', 'forward', [{ ...branch, oif: route.device }]));
  }

  #send(start: Branch): void {
    for (const branch of this.#hook('ip', 'output', [{ ...start, isTracked: true }])) {
      const route = this.#routes.of(branch);
      if (route.leads === 'nowhere') this.#lost(branch, route);
      else if (route.leads === 'here') this.#deliver(branch, 'host');
      else this.#leave([{ ...branch, oif: route.device }]);
    }
  }

  #leave(branches: readonly Branch[]): void {
    for (const branch of this.#hook('ip', 'postrouting', branches)) this.#deliver(branch, branch.oif ?? 'host');
  }

  #lost(branch: Branch, { why }: Route & { leads: 'nowhere' }): void {
    this.#outcomes.push({ branch, ranges: branch.ranges, end: { is: 'refused', how: 'drop', why } });
  }

  #deliver(branch: Branch, to: string): void {
    this.#outcomes.push({ branch, ranges: branch.ranges, end: { is: 'delivered', to } });
  }

  /** What comes out of all base chains of a hook. */
  #hook(kind: 'ip' | 'bridge' | 'arp', name: string, branches: readonly Branch[]): Branch[] {
    let live = [...branches];
    const [first] = live;
    if (!first) return live;
    for (const chain of this.#chainsOf(kind, name, first.packet)) {
      const { hook } = chain;
      const isTracked = kind === 'ip' && (name !== 'prerouting' || (hook?.priority ?? 0) > trackingAt);
      if (hook?.type === 'nat' && !isFirst(first.packet)) continue;
      live = live.flatMap((branch) => this.#baseChain(chain, branch.isTracked === isTracked ? branch : { ...branch, isTracked }));
    }
    return live;
  }

  #chainsOf(kind: 'ip' | 'bridge' | 'arp', name: string, { family }: Packet): KernelChain[] {
    const key = `${kind} ${name} ${family}`;
    let found = this.#hooks.get(key);
    if (!found) {
      const families = kind === 'ip' ? ['inet', family === 6 ? 'ip6' : 'ip'] : [kind];
      found = [...this.#chains.values()]
        .filter((chain) => chain.hook?.name === name && families.includes(chain.family))
        .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0));
      this.#hooks.set(key, found);
    }
    return found;
  }

  #baseChain(chain: KernelChain, branch: Branch): Branch[] {
    const accepted: Branch[] = [];
    const fallen = this.#walk(chain, branch, accepted, 0);
    if (chain.hook?.policy === 'accept') return [...accepted, ...fallen];
    for (const each of fallen) {
      const why = `the policy of chain ${chain.family} ${chain.table} ${chain.name}`;
      this.#outcomes.push({ branch: each, ranges: each.ranges, end: { is: 'refused', how: 'drop', why } });
    }
    return accepted;
  }

  /** What falls out of the end of a chain, or returns from it; what is accepted is added to `accepted`. */
  #walk(chain: KernelChain, start: Branch, accepted: Branch[], depth: number): Branch[] {
    const fallen: Branch[] = [];
    let live: Branch[] = [start];
    for (const { rule, steps } of this.#rulesOf(chain)) {
      if (live.length === 0) break;
      const next: Branch[] = [];
      for (const branch of live) this.#apply({ rule, steps, at: 0, depth, accepted, next, fallen }, branch);
      live = next;
    }
    return [...fallen, ...live];
  }

  /** The steps of one rule from one of them on; what they do not apply to goes on to the `next` rule. */
  #apply(walk: Walk, start: Branch): void {
    const { rule, steps, next } = walk;
    let branch = start;
    for (let at = walk.at; at < steps.length; at++) {
      const step = steps[at] as Step;
      switch (step.kind) {
        case 'match': {
          const { hit, unsure, rest } = restOf(branch, step.split(branch));
          if (rest.length > 0) next.push(branch.ranges === rest ? branch : { ...branch, ranges: rest });
          if (unsure.length > 0) this.#undecided(branch, unsure, rule, 'it looks at what is not known of the packet, or not understood');
          if (hit.length === 0) return;
          if (hit !== branch.ranges) branch = { ...branch, ranges: hit };
          break;
        }
        case 'change':
          branch = step.change(branch);
          break;
        case 'verdict':
          this.#judge(walk, branch, step.verdict);
          return;
        case 'choose': {
          const chosen = step.choose(branch);
          if (!chosen) return this.#undecided(branch, branch.ranges, rule, 'it chooses by what is not understood');
          for (const { ranges, verdict } of chosen) this.#judge(walk, { ...branch, ranges }, verdict);
          const rest = subtract(branch.ranges, unite(chosen.map(({ ranges }) => ranges)));
          if (rest.length > 0) this.#apply({ ...walk, at: at + 1 }, { ...branch, ranges: rest });
          return;
        }
        case 'exchange': {
          const chosen = step.choose(branch);
          if (!chosen) return this.#undecided(branch, branch.ranges, rule, 'it exchanges by what is not understood');
          for (const { ranges, destination, port } of chosen)
            walk.accepted.push({ ...branch, ranges, destination, port, trail: { rule, before: branch.trail } });
          const rest = subtract(branch.ranges, unite(chosen.map(({ ranges }) => ranges)));
          if (rest.length > 0) next.push({ ...branch, ranges: rest });
          return;
        }
        case 'strange':
          return this.#undecided(branch, branch.ranges, rule, `“${step.what}” is not understood`);
      }
    }
    next.push(branch);
  }

  #judge({ rule, depth, accepted, next, fallen }: Walk, branch: Branch, verdict: KernelVerdict): void {
    switch (verdict.do) {
      case 'accept':
        accepted.push({ ...branch, trail: { rule, before: branch.trail } });
        break;
      case 'refuse':
        this.#outcomes.push({ branch, ranges: branch.ranges, end: { is: 'refused', how: verdict.how, rule, why: 'a rule' } });
        break;
      case 'return':
        fallen.push(branch);
        break;
      case 'continue':
        next.push(branch);
        break;
      case 'jump':
      case 'goto': {
        const chain = this.#chains.get(keyOf(rule.family, rule.table, verdict.chain));
        if (!chain || depth >= mostJumps)
          return this.#undecided(branch, branch.ranges, rule, `there is no chain ${verdict.chain} to go to`);
        const back = this.#walk(chain, { ...branch, trail: { rule, before: branch.trail } }, accepted, depth + 1);
        (verdict.do === 'jump' ? next : fallen).push(...back);
      }
    }
  }

  #undecided(branch: Branch, ranges: Ranges, rule: KernelRule, why: string): void {
    this.#outcomes.push({ branch, ranges: intersect(branch.ranges, ranges), end: { is: 'undecided', rule, why } });
  }

  #rulesOf(chain: KernelChain): Compiled[] {
    let compiled = this.#compiled.get(chain);
    if (!compiled) {
      compiled = chain.rules.map((rule) => ({ rule, steps: compileRule(rule, this.#lookups) }));
      this.#compiled.set(chain, compiled);
    }
    return compiled;
  }
}

/** Of its connection: addresses are exchanged by it, and afterwards as they were with it. One that rules have let pass has a mark. */
function isFirst({ connection: { state, mark } }: Packet): boolean {
  return state === 'new' && mark === 0;
}

function startOf(packet: Packet): Branch {
  return {
    packet,
    ranges: packet.l4,
    iif: packet.iif,
    oif: undefined,
    destination: packet.destination,
    port: undefined,
    mark: 0,
    connectionMark: packet.connection.mark,
    isMasked: false,
    isTracked: false,
    trail: undefined,
  };
}

interface Walk extends Compiled {
  at: number;
  depth: number;
  accepted: Branch[];
  next: Branch[];
  fallen: Branch[];
}
