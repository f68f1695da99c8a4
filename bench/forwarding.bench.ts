// What a packet between two guests costs with the rules of a large host in force, beside a table that only tracks connections and beside
// none at all. Namespaces in the place of guests: what is measured is the host's forwarding, not a guest's network card.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderRules } from '../src/drivers/nftables/render-rules.ts';
import type { NetworkState } from '../src/model/network-state.ts';
import { largeNetwork } from '../test/network/large-network.ts';
import { RealNetwork } from '../test/network/real-network.ts';
import type { Bench, BenchContext } from './figure.ts';
import { inTurns, median } from './statistics.ts';

const port = 5201;
const guests = 1000;
const flows = 10_000;
/** Of one measurement; the first part of it does not count. */
const seconds = { counted: 1.5, omitted: 0.5 };
const rounds = 8;
const fullRounds = 25;
/** With its headers and the checksum of Ethernet a frame of 64 bytes. */
const smallPayload = 18;

const kinds = {
  throughput: { arguments: [], read: (sum: IperfSum) => sum.bits_per_second / 1e9, unit: 'Gbit/s' },
  packets: {
    arguments: ['--udp', '--bitrate', '0', '--length', String(smallPayload)],
    read: (sum: IperfSum) => ((sum.packets ?? 0) - (sum.lost_packets ?? 0)) / sum.seconds / 1000,
    unit: 'kpps',
  },
} as const;
type Kind = keyof typeof kinds;

interface IperfSum {
  seconds: number;
  bits_per_second: number;
  packets?: number;
  lost_packets?: number;
}

const tables = ['ours', 'tracking', 'none'] as const;
type Table = (typeof tables)[number];

/** Of another name than ours: both are never there at once. */
const otherTable = 'caisson_bench';

export const bench: Bench = {
  figures: [
    { name: 'network/throughput-against-tracking-alone', unit: 'ratio', goal: { atLeast: 0.95 } },
    { name: 'network/throughput-against-no-rules', unit: 'ratio', goal: { atLeast: 0.85 } },
    { name: 'network/packets-against-tracking-alone', unit: 'ratio', goal: { atLeast: 0.95 } },
    { name: 'network/packets-against-no-rules', unit: 'ratio', goal: { atLeast: 0.85 } },
  ],
  async run(context) {
    const state = withOurFlow(largeNetwork(guests, flows - 1));
    const real = new RealNetwork('fwd');
    let server: ChildProcess | undefined;
    try {
      await real.open();
      const [from, to] = [state.nics[0], state.nics[1]] as const;
      if (!from || !to) throw new Error('the large network has no guests');
      const [client, serving] = [await real.plug(from, state), await real.plug(to, state)];
      await real.network.apply(state);
      for (const nic of [from, to]) await real.network.connect(nic.tap);
      const files = writeTables(real, state);
      server = spawn('ip', ['netns', 'exec', serving, 'iperf3', '--server', '--port', String(port)], { stdio: 'ignore' });
      const address = to.addresses[0] as string;
      await untilServed(client, address);
      for (const kind of ['throughput', 'packets'] as const) {
        if (context.isWanted(`network/${kind}-against-tracking-alone`) || context.isWanted(`network/${kind}-against-no-rules`))
          await compare(context, kind, { real, files, client, address });
      }
    } finally {
      server?.kill('SIGKILL');
      await real.close();
    }
  },
};

interface Trial {
  real: RealNetwork;
  files: Record<Table, string>;
  client: string;
  address: string;
}

/** All three tables in every round: what else the machine does hits all of them. */
async function compare({ report, isWanted, say, full, signal }: BenchContext, kind: Kind, trial: Trial): Promise<void> {
  const { unit } = kinds[kind];
  const contender = (table: Table) => () => {
    putInForce(table, trial);
    return Promise.resolve(measure(kind, trial));
  };
  const contenders = { ours: contender('ours'), tracking: contender('tracking'), none: contender('none') };
  const measured = await inTurns({ rounds: full ? fullRounds : rounds, warmUp: 1, signal }, contenders);
  const ratios = (table: Table) => measured.map((values) => values.ours / values[table]);
  const middle = (table: Table) => median(measured.map((values) => values[table]));
  say(
    `${kind}: ours ${middle('ours').toFixed(1)}, tracking alone ${middle('tracking').toFixed(1)}, no rules ${middle('none').toFixed(1)} ${unit}`,
  );
  for (const [table, name, what] of [
    ['tracking', 'tracking-alone', 'a table with connection tracking alone'],
    ['none', 'no-rules', 'no rules at all'],
  ] as const) {
    if (!isWanted(`network/${kind}-against-${name}`)) continue;
    report(`network/${kind}-against-${name}`, { value: median(ratios(table)), baseline: { what, value: middle(table), unit } });
  }
}

/** Our routing stops what our filter has not seen: for the others the main table is asked before it. */
function putInForce(table: Table, { real, files }: Trial): void {
  execFileSync('ip', ['netns', 'exec', real.guestsNetwork, 'nft', '-f', files[table]]);
  const plain = ['priority', '1', 'lookup', 'main'];
  spawnSync('ip', ['-n', real.guestsNetwork, 'rule', 'delete', ...plain], { stdio: 'ignore' });
  if (table !== 'ours') execFileSync('ip', ['-n', real.guestsNetwork, 'rule', 'add', ...plain]);
}

function measure(kind: Kind, { client, address }: Trial): number {
  const length = ['--time', String(seconds.counted), '--omit', String(seconds.omitted)];
  const argv = ['iperf3', '--client', address, '--port', String(port), ...length, '--json', ...kinds[kind].arguments];
  const text = execFileSync('ip', ['netns', 'exec', client, ...argv], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  const { end, error } = JSON.parse(text) as { end: { sum_received?: IperfSum; sum?: IperfSum }; error?: string };
  const sum = kind === 'throughput' ? end.sum_received : end.sum;
  if (error !== undefined || !sum) throw new Error(`iperf3: ${error ?? 'said nothing'}`);
  return kinds[kind].read(sum);
}

/** What a server takes for each, in one transaction that removes the others. */
function writeTables(real: RealNetwork, state: NetworkState): Record<Table, string> {
  const without = (name: string) =>
    ['arp', 'bridge', 'inet'].map((family) => `add table ${family} ${name}\ndelete table ${family} ${name}\n`).join('');
  const texts: Record<Table, string> = {
    ours: `${without(otherTable)}${renderRules(state).text}`,
    tracking: `${without('caisson')}${without(otherTable)}table inet ${otherTable} {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		ct state invalid drop
	}
}
`,
    none: `${without('caisson')}${without(otherTable)}`,
  };
  return Object.fromEntries(
    tables.map((table) => {
      const path = join(real.folder, `${table}.nft`);
      writeFileSync(path, texts[table]);
      return [table, path];
    }),
  ) as Record<Table, string>;
}

/** What is measured is allowed by a flow among the others. */
function withOurFlow(state: NetworkState): NetworkState {
  const [from, to] = state.nics.map(({ addresses }) => ({ kind: 'addresses' as const, cidrs: [`${addresses[0]}/32`] }));
  if (!from || !to) throw new Error('the large network has no guests');
  const ports = { from: port, to: port };
  const services = (['tcp', 'udp'] as const).map((protocol) => ({ protocol, ports }));
  return { ...state, flows: [...state.flows, { from, to, services, text: 'what is measured' }] };
}

async function untilServed(client: string, address: string): Promise<void> {
  const until = performance.now() + 10_000;
  for (;;) {
    try {
      execFileSync('ip', ['netns', 'exec', client, 'iperf3', '--client', address, '--port', String(port), '--time', '1'], {
        stdio: 'ignore',
      });
      return;
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(100);
    }
  }
}
