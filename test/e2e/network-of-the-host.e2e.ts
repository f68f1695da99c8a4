// Without a namespace of its own the guests' network is the host's: its other interfaces must not notice.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/lib/exec.ts';
import { exampleNetwork, exampleNics } from '../network/example-network.ts';
import { RealNetwork, world } from '../network/real-network.ts';

const { web, app } = exampleNics;
const [webAddress = ''] = web.addresses;

describe('network in the host’s own', () => {
  const real = new RealNetwork('host');
  const host = real.guestsNetwork;
  const neighbours = { office: '172.16.1.2', printer: '172.16.2.2' };
  const namespaceOf = (name: string) => `${host}-${name}`;
  let program: ChildProcess;

  before(async () => {
    await real.open();
    // A host that is a router between two networks of its own, and has a way out of its own.
    for (const [name, address] of Object.entries(neighbours)) {
      const router = address.replace(/2$/, '1');
      await real.addNamespace(namespaceOf(name));
      await real.ip(
        host,
        `link add ${name} type veth peer name eth0 netns ${namespaceOf(name)}`,
        `link set ${name} up`,
        `address add ${router}/24 dev ${name}`,
      );
      await real.ip(namespaceOf(name), 'link set eth0 up', `address add ${address}/24 dev eth0`, `route add default via ${router}`);
      await real.sysctl(host, { [`net/ipv4/conf/${name}/forwarding`]: 1, [`net/ipv6/conf/${name}/accept_ra`]: 1 });
    }
    await real.ip(host, `route add default via ${neighbours.office} dev office`);
    for (const nic of [web, app]) {
      await real.plug(nic, exampleNetwork);
      await real.ip(real.guestOf(nic), `link set dev ${nic.tap} netns ${host}`);
    }
    const path = fileURLToPath(new URL('../network/in-the-hosts-own.ts', import.meta.url));
    program = spawn('nsenter', [`--net=/run/netns/${host}`, '--', process.execPath, path, `${real.folder}/own`, web.tap, app.tap], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(program.stdout);
    const [line] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
    assert.deepEqual(JSON.parse(line), { inForce: true });
  });
  after(async () => {
    program.stdin?.end();
    if (program.exitCode === null) await once(program, 'exit');
    assert.equal(await real.nft(host, 'list tables'), '');
    await real.close();
  });

  const reaches = (from: string, to: string, port = 81) => real.probe(from, { protocol: 'tcp', to, port }, 3000);

  test('flows hold', async () => {
    assert.equal(await reaches(real.worldNetwork, webAddress, 80), 'closed');
    assert.equal(await reaches(real.worldNetwork, webAddress), 'silent');
    await real.routeWorldVia(webAddress, '10.20.0.0/16');
    assert.equal(await reaches(real.guestOf(app), world.far, 25), 'closed');
  });

  test('the host’s neighbours reach the host and each other as before', async () => {
    assert.equal(await reaches(namespaceOf('office'), '172.16.1.1'), 'closed');
    assert.equal(await reaches(namespaceOf('office'), neighbours.printer), 'closed');
    assert.equal(await reaches(namespaceOf('printer'), neighbours.office), 'closed');
  });

  test('guests and the host’s neighbours do not reach each other', async () => {
    assert.equal(await reaches(real.guestOf(web), neighbours.office), 'prohibited');
    assert.equal(await reaches(real.guestOf(web), '172.16.1.1'), 'prohibited');
    assert.equal(await reaches(namespaceOf('office'), webAddress, 80), 'silent');
  });

  test('the host keeps its own way out, and still hears advertisements where it did', async () => {
    const { stdout } = await run(['ip', '-n', host, 'route', 'get', '203.0.113.77']);
    assert.match(stdout, /via 172\.16\.1\.2 dev office/);
    const settings = await run([
      'ip',
      'netns',
      'exec',
      host,
      'sysctl',
      '-n',
      'net/ipv6/conf/office/accept_ra',
      'net/ipv6/conf/office/forwarding',
      'net/ipv6/conf/eth1/forwarding',
    ]);
    assert.deepEqual(settings.stdout.trim().split('\n'), ['1', '0', '1']);
  });
});
