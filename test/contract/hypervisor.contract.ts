// What every hypervisor must keep. Each implementation brings guests that boot the tiny guest (or behave like it), and the
// means to do to their processes what the contract does not offer: kill one, freeze one.
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { after, afterEach, before, describe, it } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import {
  type Hypervisor,
  type HypervisorEvent,
  mostScreenViewers,
  type Observation,
  type StartOptions,
} from '../../src/drivers/hypervisor.ts';
import { readFrame } from '../../src/lib/rfb-frame.ts';
import type { Machine, MachineDisk } from '../../src/model/machine.ts';
import { decodePng, unlikeTheFirst } from '../picture.ts';

export interface HypervisorSubject {
  /** A new instance on the same host, as a new daemon makes it. */
  open(): Hypervisor;
  /** A machine that boots the tiny guest, with a uid of its own each time. */
  machine(): Promise<Machine>;
  /** A new, empty disk for that guest, not part of its machine. */
  disk(uid: string, options: { name: string; slot: number; bus: MachineDisk['bus']; sizeMib: number }): Promise<MachineDisk>;
  /** Output of a shell command in the guest; undefined where there is no shell. */
  shell(hypervisor: Hypervisor, uid: string, command: string): Promise<string | undefined>;
  startOptions(uid: string): StartOptions;
  /** Kills the process of a guest behind the hypervisor's back. */
  crash(uid: string): Promise<void>;
  freeze(uid: string): Promise<void>;
  thaw(uid: string): Promise<void>;
  /** The guest's system panics; undefined where that cannot be made to happen. */
  panic(hypervisor: Hypervisor, uid: string): Promise<void>;
  close(): Promise<void>;
}

/** Everything real is emulated, on a machine that does other things as well. */
const bootMs = 180_000;
const soonMs = 60_000;

export function testHypervisor(name: string, prepare: () => Promise<HypervisorSubject>): void {
  describe(`the hypervisor ${name}`, () => {
    let subject: HypervisorSubject;
    let hypervisor: Hypervisor;
    let events: HypervisorEvent[];
    let stopWatching: () => void;
    const started = new Set<string>();

    before(async () => {
      subject = await prepare();
      open();
    });
    afterEach(async () => {
      for (const uid of started) {
        await hypervisor.stop(uid);
        await hypervisor.forget(uid);
      }
      started.clear();
    });
    after(async () => {
      await hypervisor.close();
      await subject.close();
    });

    function open(): void {
      hypervisor = subject.open();
      events = [];
      stopWatching = hypervisor.watch((event) => events.push(event));
    }

    async function startGuest(change: Partial<Machine> = {}): Promise<Machine> {
      const machine = { ...(await subject.machine()), ...change };
      started.add(machine.uid);
      const observation = await hypervisor.start(machine, subject.startOptions(machine.uid));
      assert.equal(observation.state, 'running');
      return machine;
    }

    async function bootGuest(change: Partial<Machine> = {}): Promise<Machine> {
      const machine = await startGuest(change);
      await hypervisor.agent(machine.uid).ping(bootMs);
      return machine;
    }

    const ended = (uid: string) =>
      waitFor(`guest ${uid} to end`, () => events.find((event) => event.kind === 'ended' && event.uid === uid), {
        timeoutMs: soonMs,
        everyMs: 5,
      });
    const isRefused = (code: string) => (error: { code?: string }) => error.code === code;

    it('says what new guests are pinned to', async () => {
      const facts = await hypervisor.facts();
      assert.match(facts.machineType, /^pc-q35-\d+\.\d+$/);
      assert.ok(['kvm', 'tcg'].includes(facts.accelerator));
      assert.match(facts.version, /^\d+\.\d+/);
      assert.ok(facts.cpuModel.length > 0);
    });

    it('observes a guest that was never started as stopped', async () => {
      const { uid } = await subject.machine();
      assert.deepEqual(await hypervisor.observe(uid), { state: 'stopped' });
      assert.ok(!(await hypervisor.observeAll()).has(uid));
      assert.equal(await hypervisor.memoryBytes(uid), undefined);
      assert.equal(await hypervisor.stats(uid, { exact: true }), undefined);
    });

    it('refuses what only a running guest can do', async () => {
      const { uid } = await subject.machine();
      await assert.rejects(hypervisor.pause(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.resume(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.reset(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.pressPowerButton(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.openConsole(uid, { history: 0 }), isRefused('not-allowed'));
      await assert.rejects(hypervisor.openScreen(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.screenshot(uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.agent(uid).ping(100), isRefused('not-allowed'));
      await assert.rejects(hypervisor.hardware(uid).read(), isRefused('not-allowed'));
      await assert.rejects(hypervisor.hardware(uid).setCpus(2, 100), isRefused('not-allowed'));
      await hypervisor.stop(uid);
    });

    it('refuses a second start and leaves the first alone', async () => {
      const machine = await startGuest();
      const before = await hypervisor.observe(machine.uid);
      await assert.rejects(hypervisor.start(machine, subject.startOptions(machine.uid)), isRefused('not-allowed'));
      assert.deepEqual(await hypervisor.observe(machine.uid), before);
    });

    it('starts a guest once when it is asked twice at once', async () => {
      const machine = await subject.machine();
      started.add(machine.uid);
      const results = await Promise.allSettled([1, 2].map(() => hypervisor.start(machine, subject.startOptions(machine.uid))));
      assert.deepEqual(results.map((result) => result.status).toSorted(), ['fulfilled', 'rejected']);
    });

    it('runs a guest: agent, programs, console, pause, power button', async () => {
      const { uid } = await bootGuest();
      const agent = hypervisor.agent(uid);
      const first = await hypervisor.openConsole(uid, { history: 10_000 });
      const second = await hypervisor.openConsole(uid, { history: 0 });
      const heard = [listen(first), listen(second)];

      assert.deepEqual(await agent.exec(['/bin/echo', 'a  b'], { timeoutMs: soonMs }), { code: 0, stdout: 'a  b\n', stderr: '' });
      assert.equal((await agent.exec(['/bin/cat'], { timeoutMs: soonMs, stdin: 'text\n' })).stdout, 'text\n');
      assert.equal((await agent.exec(['/bin/false'], { timeoutMs: soonMs })).code, 1);
      await assert.rejects(agent.exec(['/no/such/program'], { timeoutMs: soonMs }), isRefused('failed'));
      assert.ok((await agent.hostName(soonMs)).length > 0);
      assert.ok(Array.isArray(await agent.interfaces(soonMs)));
      const sockets = await agent.readFile('/proc/net/tcp', { maxBytes: 100_000, timeoutMs: soonMs });
      assert.match(sockets.content.toString(), /^ *sl +local_address/);
      assert.equal(sockets.complete, true);
      const beginning = await agent.readFile('/proc/net/tcp', { maxBytes: 4, timeoutMs: soonMs });
      assert.deepEqual([beginning.content.length, beginning.complete], [4, false]);
      await assert.rejects(agent.readFile('/no/such/file', { maxBytes: 10, timeoutMs: soonMs }), isRefused('failed'));
      assert.ok(((await hypervisor.memoryBytes(uid)) ?? 0) > 32 * 1024 * 1024);

      const stats = await hypervisor.stats(uid, { exact: true });
      assert.ok(stats && stats.cpuMs >= 0 && stats.hostBytes > 32 * 1024 * 1024);
      assert.ok(stats.memory && stats.memory.totalBytes > 32 * 1024 * 1024 && stats.memory.freeBytes < stats.memory.totalBytes);
      // Asked twice at once, and again at once: the guest answers for all.
      const more = await Promise.all([1, 2].map(() => hypervisor.stats(uid, { exact: false })));
      assert.ok(more.every((one) => one?.memory && one.cpuMs >= stats.cpuMs));

      await waitFor('the history', () => heard[0]?.().includes('tiny guest: up'), { timeoutMs: soonMs });
      assert.ok(!heard[1]?.().includes('tiny guest: up'));
      first.write('echo typed on the console\r');
      await waitFor('both readers to see what one typed', () => heard.every((said) => said().includes('typed on the console')), {
        timeoutMs: soonMs,
      });
      second.destroy();

      await hypervisor.pause(uid);
      assert.equal((await hypervisor.observe(uid)).state, 'paused');
      await assert.rejects(agent.ping(150), isRefused('timeout'));
      await hypervisor.resume(uid);
      assert.equal((await hypervisor.observe(uid)).state, 'running');
      await agent.ping(soonMs);
      const states = () => events.flatMap((event) => (event.kind === 'changed' && event.uid === uid ? [event.observation.state] : []));
      await waitFor('both changes to be told', () => states().length === 2, { timeoutMs: soonMs });
      assert.deepEqual(states(), ['paused', 'running']);

      await hypervisor.pressPowerButton(uid);
      const end = await ended(uid);
      assert.equal(end.kind === 'ended' && end.why, 'shut-down');
      assert.deepEqual(await hypervisor.observe(uid), { state: 'stopped' });
      await assert.rejects(agent.ping(100), isRefused('not-allowed'));
      await waitFor('the reader to end', () => first.closed, { timeoutMs: soonMs });
    });

    it('shuts a guest down by its agent, and starts it again', async () => {
      const machine = await bootGuest();
      await hypervisor.agent(machine.uid).shutdown(soonMs);
      const end = await ended(machine.uid);
      assert.equal(end.kind === 'ended' && end.why, 'shut-down');
      assert.equal((await hypervisor.start(machine, subject.startOptions(machine.uid))).state, 'running');
    });

    it('resets a guest, which boots anew', async () => {
      const { uid } = await bootGuest();
      const before = await hypervisor.observe(uid);
      await hypervisor.reset(uid);
      await waitFor('the event', () => events.some((event) => event.kind === 'rebooted' && event.uid === uid), { timeoutMs: soonMs });
      assert.deepEqual(await hypervisor.observe(uid), before);
      await hypervisor.agent(uid).ping(bootMs);
    });

    it('tells a panic, and a reset mends it', async () => {
      const { uid } = await bootGuest();
      await subject.panic(hypervisor, uid);
      const observation = await waitFor(
        'the guest to be halted',
        async () => {
          const seen = await hypervisor.observe(uid);
          return seen.state === 'halted' ? seen : undefined;
        },
        { timeoutMs: soonMs },
      );
      assert.equal(observation.why, 'panicked');
      assert.ok(events.some((event) => event.kind === 'panicked' && event.uid === uid));
      await hypervisor.reset(uid);
      assert.equal((await hypervisor.observe(uid)).state, 'running');
    });

    it('stops a guest at once and says so', async () => {
      const { uid } = await startGuest();
      await hypervisor.stop(uid);
      assert.deepEqual(await hypervisor.observe(uid), { state: 'stopped' });
      const end = await ended(uid);
      assert.equal(end.kind === 'ended' && end.why, 'stopped');
      assert.equal(events.filter((event) => event.kind === 'ended' && event.uid === uid).length, 1);
    });

    it('tells that a guest crashed', async () => {
      const { uid } = await startGuest();
      await subject.crash(uid);
      const end = await ended(uid);
      assert.equal(end.kind === 'ended' && end.why, 'crashed');
      assert.ok(end.kind === 'ended' && end.detail.length > 0);
      assert.ok(!(await hypervisor.observeAll()).has(uid));
    });

    it('calls a silent process unresponsive, never stopped, and can still stop it', async () => {
      const { uid } = await startGuest();
      const { pid } = (await hypervisor.observe(uid)) as { pid: number };
      await subject.freeze(uid);
      const seen = await hypervisor.observe(uid);
      assert.equal(seen.state, 'unresponsive');
      assert.equal(seen.state === 'unresponsive' && seen.pid, pid);
      await subject.thaw(uid);
      assert.equal((await hypervisor.observe(uid)).state, 'running');
      await subject.freeze(uid);
      await hypervisor.stop(uid);
      assert.deepEqual(await hypervisor.observe(uid), { state: 'stopped' });
    });

    it('adopts what runs, undisturbed, also a guest that is frozen', async () => {
      const one = await bootGuest();
      const two = await startGuest();
      const before = await hypervisor.observeAll();
      await subject.freeze(two.uid);
      await hypervisor.close();
      stopWatching();
      open();

      const seen = await hypervisor.observeAll();
      assert.deepEqual([...seen.keys()].toSorted(), [one.uid, two.uid].toSorted());
      assertSameProcess(seen.get(one.uid), before.get(one.uid));
      assert.equal(seen.get(two.uid)?.state, 'unresponsive');
      await assert.rejects(hypervisor.start(one, subject.startOptions(one.uid)), isRefused('not-allowed'));
      await hypervisor.agent(one.uid).ping(soonMs);
      const console = await hypervisor.openConsole(one.uid, { history: 10_000 });
      const said = listen(console);
      await waitFor('what the console said before', () => said().includes('tiny guest: up'), { timeoutMs: soonMs });
      console.destroy();

      await subject.thaw(two.uid);
      assertSameProcess(await hypervisor.observe(two.uid), before.get(two.uid));
      await subject.crash(one.uid);
      const end = await ended(one.uid);
      assert.equal(end.kind === 'ended' && end.why, 'crashed');
      await hypervisor.stop(two.uid);
    });

    it('shows the screen of a guest that has one: to several at once, as a picture, and while it is paused', async () => {
      const blind = await startGuest();
      await assert.rejects(hypervisor.openScreen(blind.uid), isRefused('not-allowed'));
      await assert.rejects(hypervisor.screenshot(blind.uid), isRefused('not-allowed'));

      const { uid } = await startGuest({ display: 'vga' });
      const drawn = async () => unlikeTheFirst(decodePng(await hypervisor.screenshot(uid))) > 100;
      await waitFor('the firmware, or its system, to write on the screen', drawn, { timeoutMs: bootMs, everyMs: 100 });
      const viewers = [await hypervisor.openScreen(uid), await hypervisor.openScreen(uid)];
      const greetings = viewers.map(listen);
      await waitFor('both to be greeted', () => greetings.every((said) => said() === 'RFB 003.008\n'), { timeoutMs: soonMs });
      const { width, height } = await readFrame(await hypervisor.openScreen(uid));
      assert.ok(width >= 640 && height >= 350, `${width} × ${height}`);
      const [one, two] = await Promise.all([hypervisor.screenshot(uid), hypervisor.screenshot(uid)]);
      assert.deepEqual(one, two, 'whoever asks at once gets the same');
      await hypervisor.pause(uid);
      assert.ok(await drawn());

      const more = Array.from({ length: mostScreenViewers - viewers.length }, () => hypervisor.openScreen(uid));
      viewers.push(...(await Promise.all(more)));
      await assert.rejects(hypervisor.openScreen(uid), isRefused('too-many'));
      viewers.pop()?.destroy();
      await waitFor('a place to be free', () => hypervisor.screenshot(uid).catch(() => undefined), { timeoutMs: soonMs });

      const closed = viewers.map((viewer) => new Promise<void>((resolve) => viewer.once('close', resolve)));
      for (const viewer of viewers) viewer.resume();
      await hypervisor.stop(uid);
      await Promise.all(closed);
    });

    it('does not wait for ever for the screen of a process that says nothing', async () => {
      const { uid } = await startGuest({ display: 'vga' });
      await subject.freeze(uid);
      const asked = [hypervisor.openScreen(uid), hypervisor.screenshot(uid)];
      await Promise.all(asked.map((each) => assert.rejects(each, isRefused('timeout'))));
      await subject.thaw(uid);
      assert.ok((await hypervisor.screenshot(uid)).length > 0);
    });

    /** What the guest's shell says satisfies; nothing to ask where there is none. */
    async function seen(what: string, uid: string, command: string, isSo: (text: string) => boolean): Promise<void> {
      await waitFor(
        what,
        async () => {
          const text = await subject.shell(hypervisor, uid, command);
          return text === undefined || isSo(text);
        },
        { timeoutMs: soonMs },
      );
    }
    const memoryMib = (text: string) => Number(/MemTotal:\s+(\d+) kB/.exec(text)?.[1]) / 1024;

    it('brings memory and processors to a guest that runs, and takes them away', async () => {
      const { uid } = await bootGuest({ plugged: { sizeMib: 64, maxMib: 384 }, maxCpus: 3 });
      const hardware = hypervisor.hardware(uid);
      // Its system may still be taking what it was started with.
      await waitFor('the memory of the start', async () => (await hardware.read()).memory.plugged?.sizeMib === 64, { timeoutMs: 60_000 });
      const before = await hardware.read();
      assert.deepEqual([before.memory.plugged?.maxMib, before.memory.balloonMib, before.cpus], [384, 0, 1]);
      const small = before.memory.boardMib + 64;

      assert.equal(await hardware.plugMemory(384, 60_000), 384);
      await seen('more memory', uid, 'cat /proc/meminfo', (text) => memoryMib(text) > small + 200);
      assert.equal(await hardware.plugMemory(0, 60_000), 0);
      await seen('less memory', uid, 'cat /proc/meminfo', (text) => memoryMib(text) < small);
      await assert.rejects(hardware.plugMemory(1024, 1000), isRefused('failed'));

      assert.deepEqual(await hardware.setCpus(3, 60_000), { cpus: 3, online: 3 });
      await seen('three processors', uid, 'grep -c ^processor /proc/cpuinfo', (text) => text.trim() === '3');
      assert.deepEqual(await hardware.setCpus(1, 60_000), { cpus: 1, online: 1 });
      await seen('one processor', uid, 'grep -c ^processor /proc/cpuinfo', (text) => text.trim() === '1');
      assert.deepEqual((await hardware.read()).cpus, 1);
    });

    it('takes memory by the balloon, and gives it back', async () => {
      const { uid } = await bootGuest();
      const hardware = hypervisor.hardware(uid);
      assert.equal(await hardware.fillBalloon(24, 60_000), 24);
      assert.equal((await hardware.read()).memory.balloonMib, 24);
      assert.equal(await hardware.fillBalloon(0, 60_000), 0);
      await hypervisor.agent(uid).ping(soonMs);
    });

    it('plugs disks into a guest that runs, grows one, and unplugs them', async () => {
      const root = await subject.machine();
      const first = await subject.disk(root.uid, { name: 'first', slot: 3, bus: 'scsi', sizeMib: 8 });
      started.add(root.uid);
      const machine = { ...root, disks: [...root.disks, first] };
      await hypervisor.start(machine, subject.startOptions(machine.uid));
      await hypervisor.agent(machine.uid).ping(bootMs);
      const { uid } = machine;
      const hardware = hypervisor.hardware(uid);
      const options = { userId: subject.startOptions(uid).userId, maxCpus: 1 };
      const data = await subject.disk(uid, { name: 'data', slot: 4, bus: 'virtio', sizeMib: 16 });
      const unit = await subject.disk(uid, { name: 'unit', slot: 5, bus: 'scsi', sizeMib: 24 });
      for (const disk of [data, unit, data]) await hardware.attachDisk(disk, options);
      assert.deepEqual(
        (await hardware.read()).disks.filter((slot) => slot >= 3),
        [3, 4, 5],
      );
      const blocks = (mib: number) => (text: string) => new RegExp(`\\b${mib * 1024}\\b`).test(text);
      await seen('both disks', uid, 'cat /proc/partitions', (text) => blocks(16)(text) && blocks(24)(text));
      await hardware.growDisk(data, 32);
      await seen('a larger disk', uid, 'cat /proc/partitions', blocks(32));
      await assert.rejects(hardware.growDisk({ slot: 20 }, 32), isRefused('failed'));

      for (const disk of [data, unit, data]) assert.equal(await hardware.detachDisk(disk, 60_000), true);
      assert.deepEqual(
        (await hardware.read()).disks.filter((slot) => slot >= 3),
        [3],
      );
      await seen('no such disks', uid, 'cat /proc/partitions', (text) => !blocks(32)(text) && !blocks(24)(text));
      // Its place is free again, for the same disk too.
      await hardware.attachDisk(data, options);
      await seen('the disk again', uid, 'cat /proc/partitions', blocks(32));
      await assert.rejects(
        hardware.attachDisk(await subject.disk(uid, { name: 'far', slot: 20, bus: 'virtio', sizeMib: 8 }), options),
        isRefused('failed'),
      );
    });

    it('plugs a nic into a guest that runs, and unplugs it', async () => {
      const { uid } = await bootGuest();
      const hardware = hypervisor.hardware(uid);
      const options = { userId: subject.startOptions(uid).userId };
      const nic = { mac: '52:54:00:5a:17:e5', tap: `cs${uid}1`, mtu: 1500, slot: 5 };
      const addresses = 'cat /sys/class/net/*/address';
      for (const one of [nic, nic]) await hardware.attachNic(one, options);
      assert.deepEqual((await hardware.read()).nics, [5]);
      await seen('the nic', uid, addresses, (text) => text.includes(nic.mac));
      const far = { ...nic, mac: '52:54:00:5a:17:e6', tap: `cs${uid}2`, slot: 20 };
      for (const one of [far, far]) await assert.rejects(hardware.attachNic(one, options), isRefused('failed'));

      for (const one of [nic, nic]) assert.equal(await hardware.detachNic(one, soonMs), true);
      assert.deepEqual((await hardware.read()).nics, []);
      await seen('no such nic', uid, addresses, (text) => !text.includes(nic.mac));
      // Its place is free again, for the same nic too.
      await hardware.attachNic(nic, options);
      await seen('the nic again', uid, addresses, (text) => text.includes(nic.mac));
    });

    it('limits a guest that runs otherwise', async () => {
      const { uid } = await startGuest();
      const { limits } = subject.startOptions(uid);
      await hypervisor.hardware(uid).limit({ ...limits, cpuWeight: 200, cpuLimit: 0.5, cpuPin: [0] });
      await hypervisor.hardware(uid).limit(limits);
      assert.equal((await hypervisor.observe(uid)).state, 'running');
    });

    it('refuses to forget a guest that runs', async () => {
      const { uid } = await startGuest();
      await assert.rejects(hypervisor.forget(uid), isRefused('not-allowed'));
      assert.equal((await hypervisor.observe(uid)).state, 'running');
    });
  });
}

/** The time of a start is counted from that of the host's, which a second look may tell a moment apart. */
function assertSameProcess(seen: Observation | undefined, before: Observation | undefined): void {
  assert.ok(seen && before && seen.state !== 'stopped' && before.state !== 'stopped');
  assert.ok(Math.abs(seen.startedAt - before.startedAt) < 1000);
  assert.deepEqual({ ...seen, startedAt: 0 }, { ...before, startedAt: 0 });
}

function listen(stream: Duplex): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  return () => text;
}
