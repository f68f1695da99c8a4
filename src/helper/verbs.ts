// The table of verbs: arguments checked, one thing at a time for each guest, then the work.
import { existsSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import type { HelperArgs, HelperHello, HelperValue } from '../model/helper-protocol.ts';
import type { NetworkHelper } from '../model/network-helper.ts';
import type { VerbContext, VerbTable } from './channel.ts';
import { checkArguments, guestFolder, type Owned, type OwnVerb } from './check-arguments.ts';
import { readIsolation } from './guest-isolation.ts';
import { startGuest } from './guest-start.ts';
import { type Host, removeTaps } from './host.ts';
import { examineHost } from './host-doctor.ts';
import { readHostFacts } from './host-facts.ts';
import { buildImage, fetchImage, imageCache } from './image-work.ts';
import { giveFile, takeFile } from './jail-files.ts';
import { dropTap, giveTap } from './jail-taps.ts';
import { pinProcess } from './pin-process.ts';
import { readBootId, readShare } from './process-stat.ts';
import { probeFromWorld } from './world-probe.ts';

export interface VerbOptions {
  listeners: HelperHello['listeners'];
  /** Absent: this installation has no image builder. */
  imageBuilder?: [string, ...string[]];
  /** The command line, as the daemon’s user. Absent: this installation has none. */
  commandLine?: [string, ...string[]];
}

type Work<V extends OwnVerb> = (args: HelperArgs<V>, context: VerbContext) => Promise<HelperValue<V>>;

export function createVerbs(host: Host, options: VerbOptions): VerbTable {
  const { runDirectory, hostId } = host.file;
  const owned: Owned = { dataDirectory: host.dataDirectory, imageCache, userIds: host.userIds };
  const { cgroups, files, processes, log } = host;
  const parts = { runDirectory, daemonGroupId: host.user.groupId, cgroups, files, processes, log };

  const refuseRunning = (uid: string, what: string) => {
    const running = host.processes.of(uid);
    if (running)
      throw new CaissonError('not-allowed', `${what}: guest ${uid} has a process (${running.pid})`, { details: { pid: running.pid } });
  };

  const mustRun = (uid: string, what: string) => {
    const running = host.processes.of(uid);
    if (!running) throw new CaissonError('not-allowed', `${what}: guest ${uid} has no process`);
    return running;
  };

  const own: { [V in OwnVerb]: Work<V> } = {
    async hello() {
      return {
        protocol: 1,
        dataDirectory: host.dataDirectory,
        runDirectory,
        hostId,
        userIds: host.userIds,
        ...(host.namespace.name !== undefined && { netns: host.namespace.name }),
        listeners: options.listeners,
        bootId: readBootId(),
      };
    },
    hostFacts: () => readHostFacts(host.cgroups),
    guestStart: (args) => host.locks.with(args.uid, () => host.locks.with(`user ${args.userId}`, () => startGuest(args, parts))),
    async guestKill({ uid, pid, startTime, signal }) {
      return { kind: host.processes.kill(uid, pid, startTime, signal) };
    },
    guestLimit: ({ uid, limits }) =>
      host.locks.with(uid, async () => {
        const { pid } = mustRun(uid, 'cannot limit it otherwise');
        host.cgroups.change(uid, limits);
        await pinProcess(pid, limits.cpuPin);
        return {};
      }),
    async guestUsage({ uid, exact }) {
      const running = host.processes.of(uid);
      if (!running) return {};
      const group = host.cgroups.readUsage(uid);
      const pssBytes = exact ? readShare(running.pid) : undefined;
      return {
        usage: {
          ...(pssBytes === undefined ? {} : { pssBytes }),
          ...(group ? { groupBytes: group.memoryBytes } : {}),
          ...(group?.swapBytes === undefined ? {} : { swapBytes: group.swapBytes }),
        },
      };
    },
    guestGiveFile: ({ uid, userId, path }) =>
      host.locks.with(uid, async () => {
        const { pid } = mustRun(uid, 'cannot give it a file');
        await host.files.withDisk(uid, userId, path, (fd) => giveFile(pid, path, fd));
        return {};
      }),
    guestTakeFile: ({ uid, path }) =>
      host.locks.with(uid, async () => {
        const running = host.processes.of(uid);
        if (running) await takeFile(running.pid, path);
        return {};
      }),
    guestGiveTap: ({ uid, userId, tap }) =>
      host.locks.with(uid, async () => {
        const { pid } = mustRun(uid, 'cannot give it a tap');
        if (host.processes.holderOf(userId) !== uid)
          throw new CaissonError('invalid', `user ${userId} is not the one that guest ${uid} runs as`);
        await giveTap({ pid, userId, tap });
        return {};
      }),
    guestTakeTap: ({ uid, tap }) =>
      host.locks.with(uid, async () => {
        const running = host.processes.of(uid);
        if (running) await dropTap(running.pid, tap);
        return {};
      }),
    guestForget: ({ uid }) =>
      host.locks.with(uid, async () => {
        refuseRunning(uid, 'cannot forget it');
        await removeTaps(host.namespace, uid);
        await run(['rm', '-rf', '--one-file-system', '--', `${runDirectory}/${uid}`]);
        await host.cgroups.remove(uid);
        return {};
      }),
    async guestProcesses() {
      const found = host.processes.list().map(async (one) => {
        const generation = await host.files.readGeneration(one.uid, one);
        return { ...one, ...(generation !== undefined && { generation }) };
      });
      return { processes: await Promise.all(found) };
    },
    guestIsolation: async () => readIsolation({ ...parts, dataDirectory: host.dataDirectory }),
    guestOwnDisk: ({ uid, userId, path }) =>
      host.locks.with(uid, async () => {
        await host.files.own(uid, userId, path);
        return {};
      }),
    guestDeleteFolder: ({ uid }) =>
      host.locks.with(uid, async () => {
        refuseRunning(uid, 'cannot delete its folder');
        await host.files.deleteFolder(uid);
        return {};
      }),
    async imageBuild(args, context) {
      if (!options.imageBuilder) throw new CaissonError('missing', 'this helper was started without an image builder (--image-builder)');
      return buildImage(args, context, options.imageBuilder);
    },
    imageFetch: (args, context) => fetchImage(args, context, host.user),
    worldProbe: (args) => probeFromWorld(args, host),
    probeOpen: (args) =>
      host.locks.with(args.uid, async () => {
        refuseRunning(args.uid, 'cannot plug a probe in its place');
        if (existsSync(guestFolder(owned, args.uid)))
          throw new CaissonError('not-allowed', `cannot plug a probe in its place: ${args.uid} is a guest`);
        await host.probes.open(args);
        return {};
      }),
    probeRun: (args) => host.probes.run(args),
    probeClose: ({ uid }) =>
      host.locks.with(uid, async () => {
        await host.probes.close(uid);
        return {};
      }),
    async hostExamine(_args, { signal }) {
      if (!options.commandLine)
        throw new CaissonError('missing', 'there is no command line beside this helper: run “caisson doctor” on the host');
      return examineHost(options.commandLine, host.dataDirectory, host.namespace.name, signal);
    },
    async hostTeardown() {
      await host.teardown();
      return {};
    },
  };

  return { ...checked(own, owned), ...unchecked(host.network) };
}

function checked(own: { [V in OwnVerb]: Work<V> }, owned: Owned): Pick<VerbTable, OwnVerb> {
  const entries = (Object.keys(own) as OwnVerb[]).map((verb) => [
    verb,
    async (args: unknown, context: VerbContext) => (own[verb] as Work<OwnVerb>)(checkArguments(verb, args, owned), context),
  ]);
  return Object.fromEntries(entries) as Pick<VerbTable, OwnVerb>;
}

/** The network's verbs check their arguments themselves. */
function unchecked(network: NetworkHelper): Pick<VerbTable, keyof NetworkHelper> {
  const call = (verb: keyof NetworkHelper) => async (args: unknown) => network[verb](args as never);
  return {
    rulesApply: call('rulesApply'),
    rulesRead: call('rulesRead'),
    zonesCheck: call('zonesCheck'),
    zonesApply: call('zonesApply'),
    nicUp: call('nicUp'),
    nicDown: call('nicDown'),
    changesWatch: call('changesWatch'),
    wiringCheck: call('wiringCheck'),
    routersAsk: call('routersAsk'),
    linksRead: call('linksRead'),
    dnsmasqStart: call('dnsmasqStart'),
    dnsmasqReload: call('dnsmasqReload'),
    dnsmasqStop: call('dnsmasqStop'),
    dnsmasqStatus: call('dnsmasqStatus'),
    networkRemove: call('networkRemove'),
  };
}
