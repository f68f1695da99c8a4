// Attacks on others' connections, on the host's own ports, and through the host on what no router may pass on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { AttackLab, attackNics } from '../attack/attack-lab.ts';
import { icmp, icmp6, ip, ipPacket, protocols, tcp, tcpFlags, u32, udp } from '../attack/frames.ts';
import type { ProbeResult } from '../network/inside.ts';
import { world } from '../network/real-network.ts';

const { mallory, database, web, dns, app } = attackNics;
const [own4 = '', own6 = ''] = mallory.addresses;
const [victim4 = '', victim6 = ''] = database.addresses;
const [web4 = '', , web6 = ''] = web.addresses;
const [dns4 = ''] = dns.addresses;
const isReached = (result: ProbeResult) => result === 'open' || result === 'closed';

describe('attacks on connections and on the host itself', () => {
  const lab = new AttackLab('host');
  const { real } = lab;
  let ends = { from: mallory.mac, to: '' };
  before(async () => {
    await lab.open();
    ends = { from: mallory.mac, to: lab.hostMacFor('mallory') };
    for (const [nic, port] of [[database, 3306] as const, [dns, 53] as const]) await real.ask(real.guestOf(nic), { do: 'listen', port });
  });
  after(() => lab.close());

  const inHost = async (...argv: string[]) => (await run(['ip', 'netns', 'exec', real.guestsNetwork, ...argv])).stdout;
  test('neither a forged error about a connection nor a redirect reaches its ends', async () => {
    const key = 'attacked';
    const forged: string[] = [];
    for (const [from, liar, a, b] of [[web4, own4, web4, victim4] as const, [web6, own6, web6, victim6] as const]) {
      await real.ask(real.guestOf(web), { do: 'open', key: key + a, to: b, port: 3306 });
      const { stdout } = await run([
        'ip',
        'netns',
        'exec',
        real.guestOf(web),
        'ss',
        '-tnH',
        'state',
        'established',
        'dst',
        b.includes(':') ? `[${b}]` : b,
      ]);
      const port = Number(/:(\d+)\s+\S+:3306\b/.exec(stdout)?.[1]);
      assert.ok(port > 0, stdout);
      for (const [receiver, other, ports] of [
        [a, b, { from: port, to: 3306 }],
        [b, a, { from: 3306, to: port }],
      ] as const) {
        const { heard } = await lab.send('mallory', (mark) => {
          const between = { from: receiver, to: other };
          const quoted = Buffer.concat([
            ipPacket({ ...between, protocol: protocols.tcp, payload: tcp(between, ports, tcpFlags.ack, mark.bytes) }),
          ]);
          const v4 = [
            [3, 1, 0],
            [3, 3, 0],
            [3, 4, 552],
            [4, 0, 0],
            [5, 1, 0x0a140042],
            [11, 0, 0],
            [12, 0, 0],
          ];
          const v6 = [
            [1, 0, 0],
            [1, 4, 0],
            [2, 0, 1280],
            [3, 0, 0],
            [4, 1, 0],
            [137, 0, 0],
          ];
          return (from === web4 ? v4 : v6).map(([type = 0, code = 0, rest = 0]) =>
            from === web4
              ? ip(ends, { from: liar, to: receiver, protocol: protocols.icmp, payload: icmp(type, code, rest, quoted) })
              : ip(ends, {
                  from: liar,
                  to: receiver,
                  protocol: protocols.icmp6,
                  payload: icmp6({ from: liar, to: receiver }, type, code, Buffer.concat([u32(rest), quoted])),
                }),
          );
        });
        if (heard.length > 0) forged.push(`${heard.join(', ')} by ${receiver}`);
      }
      assert.equal(await real.ask(real.guestOf(web), { do: 'say', key: key + a, text: 'still here', timeoutMs: 3000 }), 'still here');
    }
    assert.deepEqual(forged, []);
  });

  test('an error that the other end itself sends arrives', async () => {
    assert.equal(await real.probe(real.guestOf(web), { protocol: 'udp', from: web4, to: dns4, port: 55 }), 'closed');
  });

  test('what no router may pass on is not the world: a cloud’s metadata, loopback, groups, reserved addresses', async () => {
    const never = ['169.254.169.254', '169.254.1.1', '0.1.1.1', '240.0.0.1', '255.255.255.254'];
    for (const to of never) {
      await run(['ip', '-n', real.worldNetwork, 'address', 'add', `${to}/32`, 'dev', 'lo'], { okCodes: [0, 2] });
    }
    await real.ask(real.worldNetwork, { do: 'listen', port: 25 });
    const reached: string[] = [];
    for (const to of never) {
      const result = await real.probe(real.guestOf(app), { protocol: 'tcp', to, port: 25 }, 400).catch(() => 'silent' as const);
      if (isReached(result)) reached.push(to);
    }
    for (const to of [world.far, world.far6])
      assert.equal(await real.probe(real.guestOf(app), { protocol: 'tcp', to, port: 25 }), 'open', to);
    for (const to of never)
      await run(['ip', '-n', real.worldNetwork, 'address', 'del', `${to}/32`, 'dev', 'lo'], {
        okCodes: [0, 2],
      });
    assert.deepEqual(reached, []);
  });

  test('the host’s own ports are closed to guests and to the world: names, DHCP and what flows to it allow apart', async () => {
    const ports = [22, 80, 111, 443, 2049, 2379, 2380, 4001, 5900, 8080, 8443, 9090];
    for (const port of [...ports, 123]) await real.ask(real.guestsNetwork, { do: 'listen', port });
    const listed = JSON.parse(await inHost('ip', '-j', 'address')) as { ifname: string; addr_info: { local: string }[] }[];
    const addresses = [...new Set(listed.flatMap(({ addr_info }) => addr_info.map(({ local }) => local)))].filter(
      (one) => !one.startsWith('fe80:') && one !== '::1',
    );
    assert.ok(addresses.includes('10.20.0.1') && addresses.includes('169.254.64.1') && addresses.includes('fd20:0:a14:5::1'));
    const reached: string[] = [];
    for (const name of ['mallory', 'trudy', 'web', 'world'] as const) {
      const namespace = name === 'world' ? real.worldNetwork : real.guestOf(attackNics[name]);
      const targets = [...addresses, '169.254.169.254'].filter((to) => !to.startsWith('127.'));
      const probes = targets.flatMap((to) =>
        ports.flatMap((port) => (['tcp', 'udp'] as const).map((protocol) => ({ protocol, to, port }))),
      );
      const results = await real.ask<ProbeResult[]>(namespace, { do: 'probe', probes, timeoutMs: 400 });
      for (const [index, probe] of probes.entries())
        if (isReached(results[index] ?? 'silent')) reached.push(`${name} → ${probe.to} ${probe.protocol}/${probe.port}`);
    }
    assert.deepEqual(reached, []);
    for (const port of ports)
      assert.equal(await real.probe(real.guestsNetwork, { protocol: 'tcp', to: '10.20.0.1', port }), 'open', 'they listen');
    const said = await lab.send('app', (mark) => {
      const between = { from: app.addresses[0] ?? '', to: '10.20.0.1' };
      return [
        ip(
          { from: app.mac, to: lab.hostMacFor('app') },
          { ...between, protocol: protocols.udp, payload: udp(between, { from: 9, to: 123 }, mark.bytes) },
        ),
      ];
    });
    assert.deepEqual(said.heard, ['host']);
  });
});
