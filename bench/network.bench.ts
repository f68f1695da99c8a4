// The guests' network of a large host: rendered and applied by driver and helper, beside nft alone with the same text; one guest more or
// less; and what all of it holds in memory.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createNftablesNetwork } from '../src/drivers/nftables/network.ts';
import { renderRules } from '../src/drivers/nftables/render-rules.ts';
import type { GuestRecord } from '../src/model/guest-status.ts';
import type { NetworkState } from '../src/model/network-state.ts';
import { type NetworkInput, NetworkPlanner } from '../src/plan/network-plan.ts';
import { checkRules } from '../src/plan/rules/check-rules.ts';
import { largeNetwork, largeSite } from '../test/network/large-network.ts';
import { officeNetwork } from '../test/network/office-network.ts';
import { RealNetwork } from '../test/network/real-network.ts';
import type { Bench, BenchContext } from './figure.ts';
import { inPairs, timed } from './statistics.ts';

const apply = 'network/apply-1000-guests';
const change = 'network/one-guests-change';
const memory = 'network/memory-per-guest';
const evaluate = 'network/evaluate-100-guests';
const guests = 1000;
const flows = 10_000;
const rounds = 7;
const changes = 15;

export const bench: Bench = {
  figures: [
    { name: apply, unit: 'ms', goal: { atMost: 1000 } },
    { name: change, unit: 'ms', goal: { atMost: 50 } },
    { name: memory, unit: 'KiB', goal: { atMost: 200 } },
    { name: evaluate, unit: 's', goal: { atMost: 10 } },
  ],
  async run(context) {
    const state = largeNetwork(guests, flows);
    if (context.isWanted(apply)) await onNetwork((real) => measureApply(context, real, state));
    if (context.isWanted(change)) await onNetwork((real) => measureChange(context, real, largeSite(guests, flows)));
    if (context.isWanted(evaluate)) await onNetwork((real) => measureEvaluate(context, real));
    if (context.isWanted(memory)) await onNetwork((real) => measureMemory(context, real, state));
  },
};

async function onNetwork(measure: (real: RealNetwork) => Promise<void>): Promise<void> {
  const real = new RealNetwork('bench');
  try {
    await real.open();
    await measure(real);
  } finally {
    await real.close();
  }
}

/** The rules in force decided against the flows, beside reading them from the kernel. */
async function measureEvaluate({ report, signal }: BenchContext, real: RealNetwork): Promise<void> {
  const state = officeNetwork(100);
  await real.network.apply(state);
  const read = async () => (await real.helper.rulesRead({})).json ?? '';
  const json = await read();
  const seconds = async (work: () => unknown) => (await timed(async () => void (await work()))) / 1000;
  const decide = () => {
    const { ok, differences } = checkRules(json, state);
    if (!ok) throw new Error(`the rules in force are not as the flows say: ${JSON.stringify(differences[0])}`);
  };
  const pairs = await inPairs(
    { rounds: 3, signal },
    () => seconds(decide),
    () => seconds(read),
  );
  report(evaluate, { value: pairs.a, baseline: { what: 'nft alone, telling the rules in JSON', value: pairs.b } });
}

async function measureApply({ report, signal }: BenchContext, real: RealNetwork, state: NetworkState): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  try {
    const path = join(folder, 'rules.nft');
    writeFileSync(path, renderRules(state).text);
    // Each time as after the start of a host: nothing is in force.
    const ours = async () => {
      await real.network.remove();
      return timed(() => createNftablesNetwork({ helper: real.helper }).apply(state));
    };
    const nftAlone = async () => {
      await real.network.remove();
      return timed(() => nft(real, '-f', path));
    };
    const pairs = await inPairs({ rounds, signal }, ours, nftAlone);
    report(apply, { value: pairs.a, baseline: { what: 'nft alone with the same rules', value: pairs.b } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The last guest comes and goes, with its flows: from what the site is then to the network in force. */
async function measureChange({ report, signal }: BenchContext, real: RealNetwork, site: NetworkInput): Promise<void> {
  const last = site.guests.at(-1) as GuestRecord;
  const without: NetworkInput = {
    ...site,
    guests: site.guests.slice(0, -1),
    flows: site.flows.filter(({ from, to }) => from !== last.name && to !== last.name),
  };
  const planner = new NetworkPlanner();
  await real.network.apply(planner.plan(site));
  let isThere = true;
  const ours = () => {
    isThere = !isThere;
    return timed(() => real.network.apply(planner.plan(isThere ? site : without)));
  };
  // Of a table of its own: a change of ours by somebody else would be mended.
  const table = 'inet caisson_bench';
  nft(real, `add table ${table}; add set ${table} addresses { type ipv4_addr; }`);
  let isElement = false;
  const nftAlone = () => {
    isElement = !isElement;
    return timed(() => nft(real, `${isElement ? 'add' : 'delete'} element ${table} addresses { ${last.addresses[0]?.[0]} }`));
  };
  const pairs = await inPairs({ rounds: changes, warmUp: 2, signal }, ours, nftAlone);
  report(change, { value: pairs.a, baseline: { what: 'nft alone changing one element of one set', value: pairs.b } });
}

/** What driver and helper hold once the network stands, and what dnsmasq does, for each guest. */
async function measureMemory({ report }: BenchContext, real: RealNetwork, state: NetworkState): Promise<void> {
  const none: NetworkState = { ...state, nics: [], flows: [] };
  // Code and what is made once are there before.
  await real.network.apply(none);
  const empty = { held: heldKib(), names: dnsmasqKib(real) };
  await real.network.apply(state);
  await real.network.observe();
  const names = dnsmasqKib(real) - empty.names;
  const value = (heldKib() - empty.held + names) / guests;
  report(memory, { value, baseline: { what: 'of which dnsmasq', value: names / guests } });
}

function nft(real: RealNetwork, ...args: string[]): void {
  execFileSync('ip', ['netns', 'exec', real.guestsNetwork, 'nft', ...args]);
}

/** Of this process, in which driver and helper run here: the heap and what lies beside it, without what is garbage. */
function heldKib(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What is found to be garbage by the first is given back by the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024;
}

function dnsmasqKib(real: RealNetwork): number {
  const pid = execFileSync('pgrep', ['-o', '-f', `dnsmasq.*${real.folder}`], { encoding: 'utf8' }).trim();
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
}
