// The network: our rules load into this kernel, packets may be forwarded, nobody else's firewall stops them, there is a way out, names resolve.
// Everything is tried in a network namespace of its own, which is gone afterwards.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderRules } from '../../drivers/nftables/render-rules.ts';
import { lookAtXtables } from '../../helper/network/xtables.ts';
import { CaissonError, describeError } from '../../lib/errors.ts';
import type { OtherTable } from '../../model/host.ts';
import { bad, type Check, ok, warning } from './check.ts';
import { placeOf, type WishedNetwork } from './check-uplinks.ts';
import type { DoctorHost } from './host.ts';

export const nftables: Check = {
  name: 'nftables',
  needsRoot: true,
  async run(host) {
    const explanation = 'What no flow allows is refused by these rules; without them no guest is started.';
    const version = await host.run(['nft', '--version']).catch((error: unknown) => {
      if (error instanceof CaissonError && error.code === 'missing') return undefined;
      throw error;
    });
    if (!version) return bad('nft is not installed', explanation, 'apt-get install --no-install-recommends nftables');
    const folder = await mkdtemp(join(tmpdir(), 'caisson-doctor-'));
    try {
      const path = join(folder, 'rules.nft');
      await writeFile(path, exampleRules());
      await host.run(['unshare', '--net', 'nft', '--file', path]);
    } catch (error) {
      return bad(
        `the rules cannot be loaded: ${describeError(error)}`,
        explanation,
        'modprobe nf_tables nft_ct nft_reject_inet, or use a kernel of Debian’s; in a container, give it CAP_NET_ADMIN',
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return ok(`${version.stdout.trim().split(' (')[0] ?? 'nftables'}; the rules load`);
  },
};

/** In the host's own network, and in that of the guests where the site has one. */
export const forwarding = (wished: () => Promise<WishedNetwork | undefined>): Check => ({
  name: 'forwarding',
  needsRoot: true,
  async run(host) {
    try {
      await host.run(['unshare', '--net', 'sysctl', '-q', '-w', 'net.ipv4.conf.all.forwarding=1', 'net.ipv4.conf.all.proxy_arp=1']);
    } catch (error) {
      return bad(
        `forwarding cannot be switched on: ${describeError(error)}`,
        'The host is the router of its guests.',
        'let /proc/sys be writable: in a container, run it privileged',
      );
    }
    const hasIpv6 = await host.exists('/proc/sys/net/ipv6/conf/all/forwarding');
    const isIpv6Off = (await host.read('/proc/sys/net/ipv6/conf/all/disable_ipv6'))?.trim() === '1';
    const chains = otherChains((await host.run(['nft', '--json', 'list', 'chains'])).stdout);
    const netns = (await wished())?.netns;
    const older = await olderTables(host, netns);
    const dropping = [
      ...chains.filter(({ hook, policy }) => hook === 'forward' && policy === 'drop').map(describeChain),
      ...older.filter(({ refuses }) => refuses === 'all').map(({ name }) => name),
    ];
    const unread = older.filter(({ refuses }) => refuses === 'unknown').map(({ name }) => name);
    if (dropping.length > 0) {
      return warning(
        `another firewall refuses forwarded packets: ${dropping.join(', ')}`,
        'Where the guests’ network is in the host’s own namespace, it refuses what the flows allow too.',
        'give the guests a namespace (caisson daemon --netns NAME), or let that firewall forward to and from the guests’ addresses',
      );
    }
    if (unread.length > 0) {
      return warning(
        `rules of an older firewall that cannot be read: ${unread.join(', ')}`,
        'Packets pass them too, and they may refuse what the flows allow.',
        'apt-get install --no-install-recommends iptables, and ask again; or restart the host without that firewall',
      );
    }
    if (!hasIpv6) {
      return warning(
        'IPv4; this kernel has no IPv6',
        'Zones with IPv6 subnets cannot be used.',
        'take ipv6.disable=1 from the kernel’s command line',
      );
    }
    if (isIpv6Off) {
      return warning(
        'IPv6 is switched off (net.ipv6.conf.all.disable_ipv6=1)',
        'Where the guests’ network is in the host’s own namespace, zones with IPv6 subnets cannot be used.',
        'sysctl -w net.ipv6.conf.all.disable_ipv6=0, or give the guests a namespace (caisson daemon --netns NAME)',
      );
    }
    const others = [...new Set([...chains.map(({ family, table }) => `${family} ${table}`), ...older.map(({ name }) => name)])];
    return ok(`can be switched on, and nobody else refuses${others.length > 0 ? `; left alone: ${others.join(', ')}` : ''}`);
  },
});

/** Those of iptables-legacy, which nft does not see. */
async function olderTables(host: DoctorHost, netns: string | undefined): Promise<OtherTable[]> {
  const own = await lookAtXtables(placeOf(host, undefined));
  if (netns === undefined || !(await host.exists(`/run/netns/${netns}`))) return own;
  const guests = await lookAtXtables(placeOf(host, netns));
  return [...own, ...guests.map(({ name, refuses }) => ({ name: `${name} in the namespace ${netns}`, refuses }))];
}

/** The host's own way out: images are fetched by it, and without namespace of their own guests leave by it. */
export const router: Check = {
  name: 'router',
  async run(host) {
    const explanation = 'Images and packages are fetched by this way, and zones that leave with the host’s address use it.';
    const ask = async (...args: string[]) => JSON.parse((await host.run(['ip', '-j', ...args])).stdout || '[]') as Neighbour[];
    const routes = [...(await ask('-4', 'route', 'show', 'default')), ...(await ask('-6', 'route', 'show', 'default'))];
    const ways = routes.filter(({ dev }) => dev !== undefined);
    if (ways.length === 0)
      return warning('no default route', explanation, 'ip route add default via ROUTER, and in the host’s network configuration');
    const silent: string[] = [];
    for (const { gateway, dev = '' } of ways) {
      if (gateway === undefined) continue;
      const [known] = await ask('neigh', 'show', 'to', gateway, 'dev', dev);
      if (known?.state?.includes('FAILED')) silent.push(`${gateway} on ${dev}`);
    }
    if (silent.length > 0)
      return warning(`no answer from ${silent.join(', ')}`, explanation, 'look at the cable, the switch and the router');
    return ok(ways.map(({ gateway, dev }) => (gateway === undefined ? `by ${dev}` : `${gateway} by ${dev}`)).join(', '));
  },
};

interface Neighbour {
  gateway?: string;
  dev?: string;
  state?: string[];
}

export const names: Check = {
  name: 'names',
  async run(host) {
    const servers = ((await host.read('/etc/resolv.conf')) ?? '').match(/^\s*nameserver\s+\S+/gm) ?? [];
    if (/^localhost(\.|$)/.test(host.hostName)) {
      return warning(
        `the host is called ${host.hostName}`,
        'Its name stands in backups, mails and certificates.',
        'hostnamectl set-hostname NAME',
      );
    }
    try {
      await host.lookUp(host.hostName);
    } catch {
      return warning(
        `the host’s own name, ${host.hostName}, has no address`,
        'Programs that ask for it wait for seconds.',
        `add a line to /etc/hosts: 127.0.1.1 ${host.hostName}`,
      );
    }
    if (servers.length === 0) {
      return warning(
        'no name server in /etc/resolv.conf',
        'Guests ask the host for names outside of the site, and the host has nobody to ask; images cannot be fetched by name.',
        'add nameserver ADDRESS to /etc/resolv.conf',
      );
    }
    return ok(`${host.hostName}; ${servers.length === 1 ? 'a name server' : `${servers.length} name servers`}`);
  },
};

/** A zone and an uplink use every kind of rule that a site does. */
function exampleRules(): string {
  const zone = { name: 'doctor', index: 1, subnets: ['192.0.2.0/24', '2001:db8::/64'], gateways: ['192.0.2.1', '2001:db8::1'] };
  const nic = { guest: 'gaaaaaaaaaa', guestName: 'example', zone: 'doctor', tap: 'csgaaaaaaaaaa0', mac: '52:54:00:00:00:01' };
  return renderRules({
    site: 'doctor',
    zones: [{ ...zone, hostAddresses: zone.gateways }],
    nics: [{ ...nic, addresses: ['192.0.2.10', '2001:db8::10'] }],
    flows: [
      {
        from: { kind: 'world' },
        to: { kind: 'addresses', cidrs: ['192.0.2.10/32', '2001:db8::10/128'] },
        services: [
          { protocol: 'tcp', ports: { from: 80, to: 90 } },
          { protocol: 'udp', ports: { from: 53, to: 53 } },
          { protocol: 'icmp' },
        ],
        text: 'an example',
      },
    ],
    publications: [],
  }).text;
}

interface HookedChain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}

/** Chains of other tables that packets pass. */
function otherChains(json: string): HookedChain[] {
  const { nftables } = JSON.parse(json) as { nftables: { chain?: HookedChain }[] };
  return nftables.flatMap(({ chain }) => (chain?.hook !== undefined && chain.table !== 'caisson' ? [chain] : []));
}

function describeChain({ family, table, name }: HookedChain): string {
  return `${family} ${table} ${name}`;
}
