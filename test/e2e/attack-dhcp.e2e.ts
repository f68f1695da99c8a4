// A guest that lies to the host's DHCP: nobody loses his address by it, nobody is written to, and no name is anybody else's.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AttackLab, attackNics } from '../attack/attack-lab.ts';
import { dhcp6Frame, dhcp6Types, dhcpFrame, dhcpTypes } from '../attack/dhcp.ts';
import { world } from '../network/real-network.ts';

const { mallory, database, web, app } = attackNics;
const [own4 = ''] = mallory.addresses;
const [victim4 = '', victim6 = ''] = database.addresses;
const [web4 = ''] = web.addresses;

describe('attacks on the names and addresses that the host gives', () => {
  const lab = new AttackLab('dhcp');
  const { real } = lab;
  before(() => lab.open());
  after(() => lab.close());

  /** Whether a real client gets its address. */
  const getsAddress = (nic: typeof database) => real.askForLease(real.guestOf(nic), { tries: 3 });

  test('nobody gives back, or refuses, another’s address', async () => {
    assert.equal(await getsAddress(database), true);
    await lab.send('mallory', (mark) => {
      const claim = { mac: mallory.mac, mark, chaddr: database.mac, serverId: '10.20.0.1', requested: victim4 };
      return [
        dhcpFrame({ ...claim, type: dhcpTypes.decline }),
        dhcpFrame({ ...claim, type: dhcpTypes.decline, from: own4, to: '10.20.0.1' }),
        dhcpFrame({ ...claim, type: dhcpTypes.release, ciaddr: victim4, from: own4, to: '10.20.0.1' }),
        dhcpFrame({ ...claim, type: dhcpTypes.request }),
        ...[dhcp6Types.decline, dhcp6Types.release].map((type) =>
          dhcp6Frame({ mac: mallory.mac, link: 'fe80::5054:ff:fe00:6', type, chaddr: database.mac, address: victim6 }),
        ),
      ];
    });
    assert.equal(await getsAddress(database), true);
    assert.equal(await getsAddress(mallory), true);
  });

  test('the host’s DHCP does not write to others on an attacker’s behalf', async () => {
    const all = [{}, { from: own4, to: '10.20.0.1' }];
    const heard: string[] = [];
    for (const type of [dhcpTypes.discover, dhcpTypes.request, dhcpTypes.inform])
      for (const way of all)
        for (const field of ['ciaddr', 'giaddr'] as const)
          for (const [address, chaddr] of [
            [victim4, mallory.mac],
            [victim4, database.mac],
            [web4, mallory.mac],
            ['255.255.255.255', mallory.mac],
            [world.far, mallory.mac],
          ] as const) {
            const outcome = await lab.send('mallory', (mark) => [
              dhcpFrame({ mac: mallory.mac, mark, type, chaddr, [field]: address, ...way }),
            ]);
            const others = outcome.heard.filter((name) => name !== 'host');
            if (others.length > 0) heard.push(`${field} ${address}, type ${type}: ${others.join(', ')}`);
          }
    // dnsmasq answers at its leisure: it has when it answers this.
    assert.equal(await getsAddress(mallory), true);
    assert.deepEqual([...heard, ...(await lab.heardSince()).filter((name) => name !== 'host' && name !== 'mallory')], []);
  });

  test('a name that a client gives itself is known to nobody', async () => {
    const resolve = (name: string) =>
      real.ask<string[] | string>(real.guestOf(app), { do: 'resolve', server: '10.20.0.1', name, type: 'A' });
    await lab.send('mallory', (mark) =>
      ['database', 'bank', 'wpad', 'database.internal.lab'].flatMap((name) =>
        [dhcpTypes.discover, dhcpTypes.request].map((type) =>
          dhcpFrame({ mac: mallory.mac, mark, type, requested: own4, serverId: '10.20.0.1', name }),
        ),
      ),
    );
    assert.equal(await getsAddress(mallory), true);
    assert.deepEqual(await resolve('database.internal.lab'), [victim4]);
    assert.deepEqual(await resolve('mallory.internal.lab'), [own4]);
    for (const name of ['bank.internal.lab', 'bank.lab', 'wpad.internal.lab']) assert.equal(await resolve(name), 'ENOTFOUND', name);
  });
});
