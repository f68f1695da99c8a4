// What the kernel must give: taps, bridges, veths, namespaces, seccomp; groups that limit a guest's process.
import { parseCgroupMounts } from '../../helper/cgroups.ts';
import { describeError } from '../../lib/errors.ts';
import { bad, type Check, ok, warning } from './check.ts';

export const kernel: Check = {
  name: 'kernel',
  async run(host) {
    const missing: string[] = [];
    if (!(await host.exists('/dev/net/tun'))) missing.push('tun (/dev/net/tun)');
    for (const kind of ['net', 'mnt', 'pid', 'user']) {
      if (!(await host.exists(`/proc/self/ns/${kind}`))) missing.push(`${kind} namespaces`);
    }
    const actions = await host.read('/proc/sys/kernel/seccomp/actions_avail');
    if (!actions?.includes('kill')) missing.push('seccomp');
    if (missing.length > 0) {
      const mend = 'modprobe tun, or use a kernel of Debian’s (linux-image-amd64)';
      return bad(`${host.kernel}, without ${missing.join(', ')}`, 'Guests are shut in by these.', mend);
    }
    const users = Number((await host.read('/proc/sys/user/max_user_namespaces')) ?? 0);
    const unprivileged = (await host.read('/proc/sys/kernel/unprivileged_userns_clone'))?.trim();
    if (users === 0 || unprivileged === '0') {
      return warning(
        `${host.kernel}; ordinary users may not make user namespaces`,
        'Images are built, and foreign ones examined, by an ordinary user in a user namespace.',
        'sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1',
      );
    }
    return ok(`${host.kernel}: tun, namespaces, seccomp`);
  },
};

export const links: Check = {
  name: 'links',
  needsRoot: true,
  async run(host) {
    const missing: string[] = [];
    const reasons: string[] = [];
    for (const [what, argv] of [
      ['taps', ['tuntap', 'add', 'dev', 'doctor0', 'mode', 'tap']],
      ['bridges', ['link', 'add', 'doctor1', 'type', 'bridge']],
      ['veths', ['link', 'add', 'doctor2', 'type', 'veth', 'peer', 'name', 'doctor3']],
    ] as const) {
      try {
        await host.run(['unshare', '--net', 'ip', ...argv]);
      } catch (error) {
        missing.push(what);
        reasons.push(describeError(error));
      }
    }
    if (missing.length === 0) return ok('taps, bridges and veths can be made');
    return bad(
      `no ${missing.join(', no ')}: ${reasons[0] ?? ''}`,
      'Every guest has a tap of its own, every zone a bridge for its address; a veth may be its uplink.',
      'modprobe tun bridge veth; in a container, give it CAP_NET_ADMIN and /dev/net/tun',
    );
  },
};

export const cgroups: Check = {
  name: 'cgroups',
  async run(host) {
    const layout = parseCgroupMounts((await host.read('/proc/self/mountinfo')) ?? '');
    const explanation = 'Without limits a guest’s process may take the memory and the processors of the others.';
    if (layout.kind === 'none') {
      return bad('not mounted', explanation, 'mount -t cgroup2 none /sys/fs/cgroup');
    }
    const unified = layout.unified === undefined ? '' : ((await host.read(`${layout.unified}/cgroup.controllers`)) ?? '');
    const available = new Set([...unified.trim().split(' '), ...Object.keys(layout.v1)]);
    const missing = ['memory', 'cpu', 'pids'].filter((controller) => !available.has(controller));
    const found = { v1: 'version 1', v2: 'version 2', hybrid: 'versions 1 and 2' }[layout.kind];
    if (missing.length === 0) return ok(`${found}: memory, cpu, pids`);
    return warning(
      `${found}, without ${missing.join(', ')}`,
      explanation,
      'add cgroup_enable=memory to the kernel’s command line; in a container, have the controllers delegated to it',
    );
  },
};
