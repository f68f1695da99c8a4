import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { CaissonError } from '../lib/errors.ts';
import type { CheckResult, Verdict } from './doctor/check.ts';
import type { DoctorHost, FileSystemSpace } from './doctor/host.ts';
import { doctorExitCode, runDoctor } from './doctor.ts';

const gib = 1024 ** 3;

interface Machine {
  files: Record<string, string | undefined>;
  /** By the beginning of the command line: what it prints, or how it fails. */
  programs: Record<string, string | CaissonError | undefined>;
  space: Partial<FileSystemSpace>;
  host: Partial<DoctorHost>;
}

const healthyFiles = {
  '/dev/kvm': '',
  '/dev/net/tun': '',
  '/proc/cpuinfo': 'processor : 0\nmodel name : Example 3000\nflags : fpu vmx',
  '/sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
  '/proc/meminfo': 'MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\n',
  '/proc/swaps': 'Filename Type Size Used Priority\n',
  '/proc/self/ns/net': '',
  '/proc/self/ns/mnt': '',
  '/proc/self/ns/pid': '',
  '/proc/self/ns/user': '',
  '/proc/sys/kernel/seccomp/actions_avail': 'kill_process kill_thread errno allow\n',
  '/proc/sys/user/max_user_namespaces': '10000\n',
  '/proc/sys/net/ipv6/conf/all/forwarding': '0\n',
  '/proc/self/mountinfo': '30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
  '/etc/resolv.conf': 'nameserver 192.0.2.53\n',
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\ncaisson:x:998:998::/nonexistent:/usr/sbin/nologin\n',
  '/etc/group': 'caisson:x:998:\n',
  '/etc/subuid': 'caisson:100000:65536\n',
  '/etc/subgid': 'caisson:100000:65536\n',
};

const healthyPrograms = {
  'qemu-system-x86_64 --version': 'QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\n',
  'qemu-system-aarch64 --version': 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\n',
  'unshare --net': '',
  'nft --version': 'nftables v1.0.6 (Lester Gooch #5)\n',
  'nft --json list chains':
    '{"nftables":[{"metainfo":{}},{"chain":{"family":"inet","table":"caisson","name":"forward","hook":"forward","policy":"drop"}}]}',
  'head -v': '==> /proc/net/ip_tables_names <==\n\n==> /proc/net/ip6_tables_names <==\n',
  'ip -j -4 route show default': '[{"dst":"default","gateway":"192.0.2.1","dev":"eth0"}]\n',
  'ip -j -6 route show default': '[]\n',
  'ip -j neigh show to 192.0.2.1 dev eth0': '[{"dst":"192.0.2.1","state":["REACHABLE"]}]\n',
  'chronyc -n tracking': 'Reference ID    : 7F7F0101 ()\nLeap status     : Normal\n',
};

const missing = (program: string) => new CaissonError('missing', `${program} cannot be run: it is not installed`);

/** A machine on which all is well, but for what is said. */
function machine(but: Partial<Machine> = {}): DoctorHost {
  const files: Record<string, string | undefined> = { ...healthyFiles, ...but.files };
  const programs: Machine['programs'] = { ...healthyPrograms, ...but.programs };
  return {
    isRoot: true,
    architecture: 'x64',
    kernel: '6.1.0',
    hostName: 'vault',
    clock: new FakeClock(),
    read: async (path) => files[path],
    exists: async (path) => files[path] !== undefined,
    canUse: async () => true,
    async run(argv) {
      const line = argv.join(' ');
      if (argv[0] === 'dpkg-query' && !('dpkg-query' in programs)) {
        return {
          code: 0,
          stdout: argv
            .slice(4)
            .map((name) => `${name} installed\n`)
            .join(''),
          stderr: '',
        };
      }
      const found = Object.keys(programs)
        .filter((beginning) => line.startsWith(beginning))
        .toSorted((a, b) => b.length - a.length)[0];
      const answer = found === undefined ? undefined : programs[found];
      if (answer === undefined) throw missing(argv[0]);
      if (answer instanceof CaissonError) throw answer;
      return { code: 0, stdout: answer, stderr: '' };
    },
    space: async () => ({ freeBytes: 100 * gib, freeFiles: 1e6, volatile: false, ...but.space }),
    lookUp: async () => ['192.0.2.7'],
    probeKvm: async () => ({ works: true, detail: 'a guest came up in 0.8 s' }),
    ...but.host,
  };
}

async function examine(but: Partial<Machine> = {}): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const host = machine(but);
  for await (const result of runDoctor({ dataDirectory: '/var/lib/caisson', cacheDirectory: '/var/cache/caisson', host }))
    results.push(result);
  return results;
}

/** Only this check may complain, and must say all there is to say. */
async function complains(name: string, verdict: Verdict, found: RegExp, but: Partial<Machine>, mend = /\w/): Promise<void> {
  const results = await examine(but);
  const others = results.filter((result) => result.name !== name && result.verdict !== 'ok');
  assert.deepEqual(others, []);
  const result = results.find((each) => each.name === name);
  assert.equal(result?.verdict, verdict, JSON.stringify(result));
  assert.match(result?.found ?? '', found);
  assert.match(result?.mend ?? '', mend);
  assert.match(result?.explanation ?? '', /^[A-Z/].*\.$/);
  assert.equal(doctorExitCode(results), verdict === 'bad' ? 2 : 1);
}

describe('doctor', () => {
  test('a machine on which all is well', async () => {
    const results = await examine();
    assert.deepEqual(
      results.filter((result) => result.verdict !== 'ok'),
      [],
    );
    assert.equal(doctorExitCode(results), 0);
    assert.ok(results.length >= 15);
    assert.equal(results.at(-1)?.name, 'kvm', 'the slowest comes last');
    assert.equal(new Set(results.map(({ name }) => name)).size, results.length);
    assert.deepEqual(
      (await examine({ host: { architecture: 'arm64' } })).filter((result) => result.verdict !== 'ok'),
      [],
    );
  });

  const failed = (message: string) => new CaissonError('failed', message);
  const cases: [what: string, check: string, Verdict, found: RegExp, Partial<Machine>, mend?: RegExp][] = [
    [
      'QEMU is missing',
      'qemu',
      'bad',
      /qemu-system-x86_64 is not installed/,
      { programs: { 'qemu-system-x86_64 --version': undefined } },
      /apt-get install .*qemu-system-x86/,
    ],
    [
      'QEMU is old',
      'qemu',
      'bad',
      /QEMU 7\.1\.9/,
      { programs: { 'qemu-system-x86_64 --version': 'QEMU emulator version 7.1.9' } },
      /Debian 12/,
    ],
    ['QEMU says something else', 'qemu', 'bad', /does not tell/, { programs: { 'qemu-system-x86_64 --version': 'hello' } }],
    ['another architecture', 'qemu', 'bad', /riscv64/, { host: { architecture: 'riscv64' } }],
    [
      'a package to run guests is missing',
      'programs',
      'bad',
      /missing: .*dnsmasq-base \(/,
      { programs: { 'dpkg-query': 'qemu-system-x86 installed\n' } },
      /apt-get install .*dnsmasq-base/,
    ],
    ['no Debian', 'programs', 'warning', /not a Debian/, { programs: { 'dpkg-query': missing('dpkg-query') } }, /dnsmasq-base/],
    ['no user', 'user', 'bad', /no user caisson/, { files: { '/etc/passwd': 'root:x:0:0::/root:/bin/sh\n' } }, /useradd/],
    ['no subordinate ids', 'user', 'warning', /no subordinate ids/, { files: { '/etc/subuid': undefined } }, /usermod/],
    ['no tun', 'kernel', 'bad', /without tun/, { files: { '/dev/net/tun': undefined } }, /modprobe tun/],
    ['no namespaces', 'kernel', 'bad', /without net namespaces/, { files: { '/proc/self/ns/net': undefined } }],
    ['no seccomp', 'kernel', 'bad', /without seccomp/, { files: { '/proc/sys/kernel/seccomp/actions_avail': undefined } }],
    ['no user namespaces', 'kernel', 'warning', /user namespaces/, { files: { '/proc/sys/user/max_user_namespaces': '0\n' } }, /sysctl/],
    [
      'user namespaces for root only',
      'kernel',
      'warning',
      /user namespaces/,
      { files: { '/proc/sys/kernel/unprivileged_userns_clone': '0\n' } },
    ],
    [
      'no taps',
      'links',
      'bad',
      /no taps: ip failed: nope/,
      { programs: { 'unshare --net ip tuntap': failed('ip failed: nope') } },
      /modprobe tun/,
    ],
    [
      'no bridges, no veths',
      'links',
      'bad',
      /no bridges, no veths/,
      { programs: { 'unshare --net ip link': failed('Unknown device type') } },
    ],
    ['no cgroups', 'cgroups', 'bad', /not mounted/, { files: { '/proc/self/mountinfo': '' } }, /mount -t cgroup2/],
    [
      'cgroups without memory',
      'cgroups',
      'warning',
      /version 2, without memory/,
      { files: { '/sys/fs/cgroup/cgroup.controllers': 'cpu pids\n' } },
      /cgroup_enable=memory/,
    ],
    [
      'cgroups version 1 without pids',
      'cgroups',
      'warning',
      /version 1, without pids/,
      { files: { '/proc/self/mountinfo': '1 2 0:3 / /c/m rw - cgroup x rw,memory\n1 2 0:3 / /c/c rw - cgroup x rw,cpu,cpuacct\n' } },
    ],
    [
      'little memory',
      'memory',
      'warning',
      /512 MiB available/,
      { files: { '/proc/meminfo': 'MemTotal: 2097152 kB\nMemAvailable: 524288 kB\n' } },
    ],
    [
      'no memory left',
      'memory',
      'bad',
      /100 MiB available/,
      { files: { '/proc/meminfo': 'MemTotal: 2097152 kB\nMemAvailable: 102400 kB\n' } },
    ],
    [
      'no huge pages',
      'processors',
      'warning',
      /1 of Example 3000 \(1 × 1 cores\), transparent huge pages: never/,
      { files: { '/sys/kernel/mm/transparent_hugepage/enabled': 'always madvise [never]\n' } },
      /echo madvise/,
    ],
    ['no /proc', 'memory', 'bad', /does not tell/, { files: { '/proc/meminfo': undefined } }],
    [
      'swap is on',
      'swap',
      'warning',
      /2,048 MiB on \/dev\/sda2, \/swap/,
      { files: { '/proc/swaps': 'Filename Type\n/dev/sda2 partition 1048576 0 -2\n/swap file 1048576 0 -3\n' } },
      /swapoff/,
    ],
    ['nft is missing', 'nftables', 'bad', /nft is not installed/, { programs: { 'nft --version': undefined } }, /apt-get install/],
    [
      'the rules do not load',
      'nftables',
      'bad',
      /cannot be loaded: nft failed: no such chain/,
      { programs: { 'unshare --net nft': failed('nft failed: no such chain') } },
      /modprobe/,
    ],
    [
      '/proc/sys is read-only',
      'forwarding',
      'bad',
      /cannot be switched on: .*read-only/,
      { programs: { 'unshare --net sysctl': failed('sysctl failed: read-only file system') } },
    ],
    [
      'another firewall',
      'forwarding',
      'warning',
      /ip filter FORWARD/,
      {
        programs: {
          'nft --json list chains':
            '{"nftables":[{"chain":{"family":"ip","table":"filter","name":"FORWARD","hook":"forward","policy":"drop"}}]}',
        },
      },
      /--netns/,
    ],
    [
      'an older firewall that drops',
      'forwarding',
      'warning',
      /another firewall refuses forwarded packets: iptables-legacy filter$/,
      {
        programs: {
          'head -v': '==> /proc/net/ip_tables_names <==\nfilter\nnat\n\n==> /proc/net/ip6_tables_names <==\n',
          'iptables-legacy-save': '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n',
        },
      },
      /--netns/,
    ],
    [
      'an older firewall that nobody can read',
      'forwarding',
      'warning',
      /older firewall that cannot be read: ip6tables-legacy filter$/,
      {
        programs: { 'head -v': '==> /proc/net/ip6_tables_names <==\nfilter\n', 'ip6tables-legacy-save': missing('ip6tables-legacy-save') },
      },
      /apt-get install .*iptables/,
    ],
    ['no way out', 'router', 'warning', /no default route/, { programs: { 'ip -j -4 route show default': '[]' } }, /ip route add/],
    [
      'a router that does not answer',
      'router',
      'warning',
      /no answer from 192\.0\.2\.1 on eth0/,
      { programs: { 'ip -j neigh show to 192.0.2.1 dev eth0': '[{"dst":"192.0.2.1","state":["FAILED"]}]' } },
      /cable/,
    ],
    [
      'IPv6 switched off',
      'forwarding',
      'warning',
      /disable_ipv6=1/,
      { files: { '/proc/sys/net/ipv6/conf/all/disable_ipv6': '1\n' } },
      /sysctl/,
    ],
    ['no IPv6', 'forwarding', 'warning', /no IPv6/, { files: { '/proc/sys/net/ipv6/conf/all/forwarding': undefined } }],
    ['the host has no name', 'names', 'warning', /called localhost/, { host: { hostName: 'localhost.localdomain' } }, /hostnamectl/],
    [
      'the host’s name has no address',
      'names',
      'warning',
      /vault, has no address/,
      { host: { lookUp: () => Promise.reject(new Error('ENOTFOUND')) } },
      /\/etc\/hosts/,
    ],
    ['no name server', 'names', 'warning', /no name server/, { files: { '/etc/resolv.conf': '# nothing\n' } }, /resolv\.conf/],
    ['the clock is wrong', 'clock', 'warning', /1970-01-01T00:00:00Z cannot be/, { host: { clock: new FakeClock(0) } }, /date/],
    [
      'nobody keeps the clock',
      'clock',
      'warning',
      /nobody keeps it right/,
      { programs: { 'chronyc -n tracking': undefined } },
      /timesyncd/,
    ],
    [
      'chrony reaches nobody',
      'clock',
      'warning',
      /chrony has not reached/,
      { programs: { 'chronyc -n tracking': 'Leap status     : Not synchronised\n' } },
      /udp\/123/,
    ],
    [
      'timesyncd reaches nobody',
      'clock',
      'warning',
      /systemd has not reached/,
      { programs: { 'chronyc -n tracking': undefined, 'timedatectl show': 'NTP=yes\nNTPSynchronized=no\n' } },
    ],
    ['no /dev/kvm, but a processor that could', 'kvm', 'warning', /not there/, { files: { '/dev/kvm': undefined } }, /modprobe kvm_intel/],
    [
      'no /dev/kvm and no such processor',
      'kvm',
      'warning',
      /not there/,
      { files: { '/dev/kvm': undefined, '/proc/cpuinfo': 'processor : 0\nflags : fpu' } },
      /firmware/,
    ],
    [
      '/dev/kvm opens and no guest comes up',
      'kvm',
      'warning',
      /opens, but the guest was silent/,
      { host: { probeKvm: async () => ({ works: false, detail: 'the guest was silent for 10 s' }) } },
    ],
    [
      'a check that fails by itself',
      'kvm',
      'warning',
      /could not be checked: QEMU ate itself/,
      { host: { probeKvm: () => Promise.reject(new CaissonError('failed', 'QEMU ate itself')) } },
    ],
  ];
  for (const [what, check, verdict, found, but, mend] of cases) {
    test(what, () => complains(check, verdict, found, but, mend));
  }

  test('a package to build images is missing', async () => {
    const installed = (argv: readonly string[]) => argv.slice(4).filter((name) => name !== 'mmdebstrap');
    const healthy = machine();
    const host: Partial<DoctorHost> = {
      run: async (argv) =>
        argv[0] === 'dpkg-query'
          ? {
              code: 1,
              stdout: installed(argv)
                .map((name) => `${name} installed\n`)
                .join(''),
              stderr: '',
            }
          : healthy.run(argv),
    };
    await complains('programs', 'warning', /mmdebstrap \(/, { host }, /apt-get install .*mmdebstrap$/);
  });

  for (const [what, space, data, cache] of [
    ['nearly full', { freeBytes: 8 * gib }, 'warning', 'ok'],
    ['full', { freeBytes: 0.5 * gib }, 'bad', 'warning'],
    ['without room for files', { freeFiles: 10 }, 'warning', 'warning'],
    ['in memory', { volatile: true }, 'warning', 'warning'],
  ] as const) {
    test(`a disk that is ${what}`, async () => {
      const results = await examine({ space });
      const verdicts = Object.fromEntries(results.map((result) => [result.name, result.verdict]));
      assert.deepEqual([verdicts['data'], verdicts['cache']], [data, cache]);
    });
  }

  test('not root: checks that need root say so, and KVM too where its device may not be opened', async () => {
    const results = await examine({ host: { isRoot: false, canUse: async () => false } });
    const complaining = results.filter((result) => result.verdict !== 'ok');
    assert.deepEqual(
      complaining.map(({ name }) => name),
      ['links', 'nftables', 'forwarding', 'kvm'],
    );
    for (const result of complaining) assert.match(result.mend ?? '', /as root/);
    assert.equal(doctorExitCode(results), 1);
  });

  test('without a probe KVM is not believed', async () => {
    const results = await examine({ host: { probeKvm: undefined } });
    assert.match(results.at(-1)?.found ?? '', /not tried/);
    assert.equal(doctorExitCode(results), 1);
  });
});
