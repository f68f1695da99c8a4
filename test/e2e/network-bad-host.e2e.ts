// Hosts that something is wrong with: each is told what, where and how to mend it, and nothing of the host or of the network in force is
// changed. In namespaces that stand for such hosts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderDnsmasq } from '../../src/drivers/nftables/render-dnsmasq.ts';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { exampleNetwork, exampleNics } from '../network/example-network.ts';
import { kindsOfZones } from '../network/kinds-of-zones.ts';
import { RealNetwork, world } from '../network/real-network.ts';

const { web, dns, database } = exampleNics;
const program = fileURLToPath(new URL('../network/on-a-bad-host.ts', import.meta.url));

/** The example with another uplink. */
const withUplink = (name: string): NetworkState => ({
  ...exampleNetwork,
  zones: exampleNetwork.zones.map((zone) => (zone.uplink ? { ...zone, uplink: { ...zone.uplink, interface: name } } : zone)),
});

const withOffice: NetworkState = {
  ...exampleNetwork,
  zones: [
    ...exampleNetwork.zones,
    { name: 'office', index: 2, subnets: ['10.50.0.0/16'], gateways: ['10.50.0.1'], hostAddresses: ['10.50.0.1'] },
  ],
};

const inside = async (namespace: string, ...argv: string[]) => (await run(['ip', 'netns', 'exec', namespace, ...argv])).stdout;

/** Else addresses come into force a second after their interface. */
function settleAtOnce(real: RealNetwork): Promise<void> {
  return real.sysctl(real.guestsNetwork, { 'net/ipv6/conf/default/accept_dad': 0, 'net/ipv6/conf/eth1/accept_dad': 0 });
}

/** All that the network's verbs could have changed, line by line, but for what packets and time change. */
async function everythingIn(namespace: string): Promise<string[]> {
  const texts = await Promise.all([
    inside(namespace, 'ip', '-d', 'link', 'show'),
    inside(namespace, 'ip', 'address', 'show'),
    inside(namespace, 'ip', '-4', 'route', 'show', 'table', 'all'),
    inside(namespace, 'ip', '-6', 'route', 'show', 'table', 'all'),
    inside(namespace, 'ip', '-4', 'rule', 'show'),
    inside(namespace, 'ip', '-6', 'rule', 'show'),
    inside(namespace, 'ip', 'neigh', 'show', 'proxy'),
    inside(namespace, 'sh', '-c', 'grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/bridge || true'),
    inside(namespace, 'nft', '-n', 'list', 'ruleset'),
  ]);
  const passing =
    /packets \d+ bytes \d+|(?:valid|preferred)_lft \S+| expires \S+| tentative|elements = \{[^}]* over [^}]*\}|.*stable_secret.*/g;
  return texts.flatMap((text) =>
    text
      .replaceAll(passing, '')
      .split('\n')
      .map((line) => line.trimEnd()),
  );
}

/** What is there now and was not, and the other way round. */
function differences(before: readonly string[], after: readonly string[]): string[] {
  const [were, are] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !are.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !were.has(line)).map((line) => `+ ${line}`),
  ];
}

describe('a network in force on a host that goes wrong', () => {
  const real = new RealNetwork('bad');
  const host = real.guestsNetwork;
  const { network } = real;
  before(async () => {
    await real.open();
    await settleAtOnce(real);
    await network.apply(exampleNetwork);
    for (const nic of [web, dns, database]) {
      await real.plug(nic, exampleNetwork);
      await network.connect(nic.tap);
    }
  });
  after(() => real.close());

  /** Refused with these words, and all is as it was. */
  async function assertRefused(state: NetworkState, code: string, ...words: RegExp[]): Promise<void> {
    const before = await everythingIn(host);
    await assert.rejects(network.apply(state), (error: Error & { code: string }) => {
      assert.equal(error.code, code, error.message);
      for (const word of words) assert.match(error.message, word);
      return true;
    });
    assert.deepEqual(differences(before, await everythingIn(host)), []);
    assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', to: '10.20.0.5', port: 3306 }, 3000), 'closed');
  }

  const others: { what: string; make: string[]; undo: string[]; state: NetworkState; code: string; words: RegExp[] }[] = [
    {
      what: 'an uplink that is not there',
      make: [],
      undo: [],
      state: withUplink('eth9'),
      code: 'missing',
      words: [/uplink eth9/, /it has eth1/, /create it, or name another one in the zone/],
    },
    {
      what: 'an uplink that is a port of a bridge',
      make: ['link add br7 type bridge', 'link add eth7 type veth peer name eth8', 'link set eth7 master br7'],
      undo: ['link del br7', 'link del eth7'],
      state: withUplink('eth7'),
      code: 'not-allowed',
      words: [/uplink eth7 belongs to br7/, /name br7 as the uplink, or take eth7 out/],
    },
    {
      what: 'a subnet in which the host has an address on another interface',
      make: ['link add eth7 type veth peer name eth8', 'link set eth7 up', 'address add 10.50.9.1/24 dev eth7'],
      undo: ['link del eth7'],
      state: withOffice,
      code: 'conflict',
      words: [/10\.50\.0\.0\/16/, /10\.50\.9\.1\/24/, /eth7/, /another subnet/],
    },
    {
      what: 'a subnet that the host reaches by another way',
      make: ['link add eth7 type veth peer name eth8', 'link set eth7 up', 'route add 10.50.128.0/17 dev eth7'],
      undo: ['link del eth7'],
      state: withOffice,
      code: 'conflict',
      words: [/10\.50\.128\.0\/17/, /eth7/, /remove that route/],
    },
  ];
  for (const { what, make, undo, state, code, words } of others) {
    test(what, async () => {
      await real.ip(host, ...make);
      try {
        await assertRefused(state, code, ...words);
      } finally {
        await real.ip(host, ...undo);
      }
    });
  }

  test('a bond’s port as an uplink', async (t) => {
    const made = await run(['ip', '-n', host, 'link', 'add', 'bond7', 'type', 'bond'], { okCodes: [0, 2] });
    if (made.code !== 0) return t.skip('this kernel has no bonds');
    await real.ip(host, 'link add eth7 type veth peer name eth8', 'link set eth7 master bond7');
    await assertRefused(withUplink('eth7'), 'not-allowed', /eth7 belongs to bond7/);
    await real.ip(host, 'link del bond7', 'link del eth7');
  });

  for (const name of ['all', 'eth1']) {
    test(`IPv6 switched off (net.ipv6.conf.${name}.disable_ipv6)`, async () => {
      await real.sysctl(host, { [`net/ipv6/conf/${name}/disable_ipv6`]: 1 });
      const told = new RegExp(`2001:db8:1::/64.*sysctl -w net/ipv6/conf/${name}/disable_ipv6=0`);
      const missing = await waitFor(
        'it is noticed',
        async () => {
          const { wiring } = await network.observe();
          return wiring.intact ? undefined : wiring.missing.join();
        },
        { timeoutMs: 60_000, everyMs: 100 },
      );
      assert.match(missing, told);
      await assert.rejects(network.apply(exampleNetwork), { code: 'missing', message: told });
      await real.sysctl(host, { [`net/ipv6/conf/${name}/disable_ipv6`]: 0 });
      await waitFor(
        'all is as applied',
        async () => {
          if (!(await network.observe()).wiring.intact) await network.apply(exampleNetwork);
          return (await network.observe()).wiring.intact;
        },
        { timeoutMs: 60_000, everyMs: 100 },
      );
    });
  }

  test('a guest’s address that the host has itself', async () => {
    await network.disconnect(dns.tap);
    await real.unplug(dns);
    await real.plug(dns, exampleNetwork);
    await real.ip(host, 'address add 192.0.2.20/24 dev eth1');
    await assert.rejects(network.connect(dns.tap), {
      code: 'conflict',
      message: /192\.0\.2\.20 is an address of the host, on eth1: give the guest another one/,
    });
    assert.ok(!(await network.observe()).taps.includes(dns.tap), 'it stays down');
    await real.ip(host, 'address del 192.0.2.20/24 dev eth1');
    await network.connect(dns.tap);
  });

  test('a router whose MAC somebody has fixed is not asked, and stays as it was said', async () => {
    const fixed = '02:00:00:00:00:99';
    await real.ip(real.guestsNetwork, `neigh replace ${world.wire} lladdr ${fixed} dev eth1 nud permanent`);
    try {
      for (let look = 0; look < 2; look++)
        assert.ok(!(await network.observe()).silentRouters.some(({ address }) => address === world.wire), 'it is not silent');
      const said = await run(['ip', '-n', real.guestsNetwork, 'neigh', 'show', 'to', world.wire, 'dev', 'eth1']);
      assert.match(said.stdout, new RegExp(`${fixed} .*PERMANENT`));
    } finally {
      await real.ip(real.guestsNetwork, `neigh del ${world.wire} dev eth1`);
    }
  });

  test('a router that answers no more is told, and told no more when it does', async () => {
    const silent = async () => (await network.observe()).silentRouters.map(({ address }) => address).toSorted();
    await waitFor('both answer', async () => (await silent()).length === 0, { timeoutMs: 60_000, everyMs: 500 });
    await real.ip(real.worldNetwork, 'link set eth0 down');
    await waitFor('both are silent', async () => (await silent()).join(' ') === `${world.wire} ${world.wire6}`, {
      timeoutMs: 120_000,
      everyMs: 500,
    });
    assert.equal((await network.observe()).rules.inForce, true);
    await real.ip(real.worldNetwork, 'link set eth0 up', `address add ${world.wire6}/64 dev eth0 nodad`);
    await waitFor('both answer again', async () => (await silent()).length === 0, { timeoutMs: 60_000, everyMs: 500 });
  });

  test('tables of another firewall are left alone byte for byte, and told with what they refuse', async () => {
    const path = `${real.folder}/others.nft`;
    writeFileSync(
      path,
      `table inet firewalld {
  set trusted {
    type ipv4_addr
    elements = { 198.51.100.1 }
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy drop;
    ct state established,related accept
    ip saddr @trusted accept
  }
}
table ip filter {
  chain INPUT {
    type filter hook input priority filter; policy accept;
    tcp dport 23 counter reject
  }
}
table ip6 raw {
  chain PREROUTING {
    type filter hook prerouting priority raw; policy accept;
    counter
  }
}
table inet own {
  chain unused {
    drop
  }
}
`,
    );
    await inside(host, 'nft', '-f', path);
    const theirs = () =>
      Promise.all(
        ['inet firewalld', 'ip filter', 'ip6 raw', 'inet own'].map((name) =>
          inside(host, 'nft', '-a', '-s', 'list', 'table', ...name.split(' ')),
        ),
      );
    const before = await theirs();
    assert.deepEqual((await network.observe()).others, [
      { name: 'inet firewalld', refuses: 'all' },
      { name: 'ip filter', refuses: 'some' },
      { name: 'ip6 raw', refuses: 'nothing' },
    ]);
    // They do what is told of them: what a flow allows does not get through.
    assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', to: '10.20.0.5', port: 3306 }, 500), 'silent');
    await network.apply({ ...exampleNetwork, flows: [] });
    await real.nft(host, 'delete table inet caisson');
    await network.apply(exampleNetwork);
    await network.connect(web.tap);
    assert.deepEqual(await theirs(), before);
    for (const name of ['inet firewalld', 'ip filter', 'ip6 raw', 'inet own']) await real.nft(host, `delete table ${name}`);
    assert.deepEqual((await network.observe()).others, []);
    assert.equal(await real.probe(real.guestOf(web), { protocol: 'tcp', to: '10.20.0.5', port: 3306 }, 3000), 'closed');
  });

  test('addresses and names of IPv6 are served before there is any interface to take an identity from', async () => {
    const empty = `cst-empty-${process.pid}`;
    await run(['ip', 'netns', 'add', empty]);
    try {
      const path = `${real.folder}/empty.conf`;
      writeFileSync(path, renderDnsmasq({ ...exampleNetwork, nics: [] }, []).config);
      const argv = ['netns', 'exec', empty, 'dnsmasq', '--no-daemon', '--user=root', '--pid-file=', `--conf-file=${path}`];
      const child = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = once(child, 'exit');
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await waitFor('it runs, or has ended', () => said.includes('started, version') || child.exitCode !== null, { timeoutMs: 60_000 });
      child.kill('SIGTERM');
      await ended;
      assert.match(said, /started, version/);
    } finally {
      await run(['ip', 'netns', 'del', empty]);
    }
  });

  test('rules of an older firewall, which nft does not see, are left alone and told', async () => {
    const others = async () => {
      const seen = await network.observe();
      return seen.others.filter(({ name }) => name.includes('legacy'));
    };
    assert.deepEqual(await others(), []);
    await inside(host, 'iptables-legacy', '-A', 'FORWARD', '-s', '198.51.100.9', '-j', 'DROP');
    await inside(host, 'ip6tables-legacy', '-P', 'FORWARD', 'DROP');
    const theirs = async () => (await inside(host, 'iptables-legacy-save')).replaceAll(/^#.*|\[\d+:\d+\]/gm, '');
    const before = await theirs();
    // Nobody tells of them: they are seen at the next look, which connecting a nic is one.
    const look = async () => {
      await network.connect(web.tap);
      return (await others()).length === 2;
    };
    await waitFor('they are seen', look, { timeoutMs: 90_000, everyMs: 500 });
    assert.deepEqual(await others(), [
      { name: 'iptables-legacy filter', refuses: 'some' },
      { name: 'ip6tables-legacy filter', refuses: 'all' },
    ]);
    await network.apply(withOffice);
    await network.apply(exampleNetwork);
    assert.equal(await theirs(), before);
    await inside(host, 'iptables-legacy', '-F');
    await inside(host, 'ip6tables-legacy', '-P', 'FORWARD', 'ACCEPT');
  });
});

describe('a host without a namespace for its guests', () => {
  const real = new RealNetwork('own');
  const host = real.guestsNetwork;
  before(async () => {
    await real.open();
    await settleAtOnce(real);
  });
  after(() => real.close());

  /** In the namespaces of the host; `prepare` is a line of shell that spoils its programs, for this process alone. */
  async function applyThere(state: NetworkState, prepare = 'true'): Promise<{ code: string; message: string } | null> {
    const script = `${prepare} && exec "$0" "$@"`;
    const argv = [process.execPath, program, `${real.folder}/own`, JSON.stringify(state)];
    const { stdout } = await run(['nsenter', `--net=/run/netns/${host}`, '--', 'unshare', '--mount', 'sh', '-c', script, ...argv]);
    return JSON.parse(stdout) as { code: string; message: string } | null;
  }

  async function assertRefused(state: NetworkState, prepare: string | undefined, code: string, ...words: RegExp[]): Promise<void> {
    const before = await everythingIn(host);
    const outcome = await applyThere(state, prepare);
    assert.equal(outcome?.code, code, outcome?.message);
    for (const word of words) assert.match(outcome?.message ?? '', word);
    assert.deepEqual(differences(before, await everythingIn(host)), []);
  }

  test('without nft', async () => {
    await assertRefused(exampleNetwork, 'mount -t tmpfs none /usr/sbin', 'missing', /nft/, /apt-get install/);
  });

  test('with an nft that is too old', async () => {
    const old = `${real.folder}/nft`;
    writeFileSync(old, '#!/bin/sh\necho "nftables v0.9.8 (E.D.S.)"\n');
    chmodSync(old, 0o755);
    await assertRefused(exampleNetwork, `mount --bind ${old} /usr/sbin/nft`, 'missing', /v0\.9\.8/, /1\.0\.6 or newer/);
  });

  test('that hands what bridges carry to other filters, with a bridged zone', async (t) => {
    if (!existsSync('/proc/sys/net/bridge')) return t.skip('this kernel filters no bridges');
    const state = { ...kindsOfZones, zones: kindsOfZones.zones.filter(({ bridged }) => bridged), nics: [], flows: [], publications: [] };
    await real.sysctl(host, { 'net/bridge/bridge-nf-call-iptables': 1 });
    await assertRefused(state, undefined, 'not-allowed', /10\.40\.0\.0\/24/, /bridge-nf-call-iptables=0/, /--netns/);
    await real.sysctl(
      host,
      Object.fromEntries(['iptables', 'ip6tables', 'arptables'].map((name) => [`net/bridge/bridge-nf-call-${name}`, 0])),
    );
    assert.equal(await applyThere(state), null);
  });

  test('that another data directory uses: refused, and what is there is not taken away either', async () => {
    const argv = (owner: string): [string, ...string[]] => [
      'nsenter',
      `--net=/run/netns/${host}`,
      '--',
      process.execPath,
      program,
      `${real.folder}/shared`,
      JSON.stringify({ ...exampleNetwork, nics: [] }),
      owner,
    ];
    const open = async (owner: string) => {
      const [file, ...args] = argv(owner);
      const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const end = async (signal?: 'SIGKILL') => {
        const gone = once(child, 'exit');
        if (signal) child.kill(signal);
        else child.stdin.end();
        await gone;
      };
      return { outcome: JSON.parse(line) as { code: string; message: string } | null, end };
    };
    const first = await open('/srv/first');
    assert.equal(first.outcome, null);
    const before = await everythingIn(host);
    const second = await open('/srv/second');
    assert.equal(second.outcome?.code, 'conflict');
    assert.match(second.outcome?.message ?? '', /data directory \/srv\/first: give this one a namespace of its own/);
    assert.deepEqual(differences(before, await everythingIn(host)), []);
    // Its daemon is killed; its guests run on, and the network stays theirs.
    await real.ip(host, 'link add csgaaaaaaaaaa0 type veth peer name other0');
    await first.end('SIGKILL');
    const third = await open('/srv/second');
    assert.match(third.outcome?.message ?? '', /\/srv\/first, whose guests run/);
    // Its own next daemon takes it over; when it has left, another may come.
    const again = await open('/srv/first');
    assert.equal(again.outcome, null);
    await again.end();
    assert.equal(await inside(host, 'nft', 'list', 'tables'), '');
    const last = await open('/srv/second');
    assert.equal(last.outcome, null);
    await last.end();
    assert.deepEqual(readdirSync(`${real.folder}/shared-claims`), []);
  });
});
