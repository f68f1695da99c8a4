// How long a large site file takes to read, beside what the YAML library alone takes for the same text.
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { parseSiteFile } from '../src/model/site-file.ts';
import type { Bench, BenchContext } from './figure.ts';
import { inPairs, timed } from './statistics.ts';

const guests = 1000;

const name = 'site-file/parse of 1,000 guests and flows';

export const bench: Bench = {
  figures: [{ name, unit: 'ms', goal: { atMost: 500 } }],
  async run(context: BenchContext): Promise<void> {
    if (!context.isWanted(name)) return;
    const text = siteOf(guests);
    const ours = () => timed(() => assert.ok('site' in parseSiteFile(text, () => undefined)));
    const theirs = () => timed(() => assert.ok(parse(text)));
    const pairs = await inPairs({ rounds: 7, signal: context.signal }, ours, theirs);
    context.report(name, { value: pairs.a, baseline: { what: 'the YAML library alone', value: pairs.b } });
  },
};

function siteOf(count: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const flow = (index: number) => `  - { from: world, to: g${index}, allow: [tcp/80, tcp/443] }\n`;
  const guest = (index: number) => `  g${index}:
    image: debian-12
    zone: inside
    addresses: [10.1.${index >> 8}.${index & 255}]
    labels: { role: front, rack: r${index % 10} }
    cpus: 2
    memory: 512MiB
    disks: { root: 8GiB, data: 50GiB }
    sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIabcdefgh admin]
    service: { ports: [tcp/80], ready: { http: { port: 80, path: /health } } }
    after: [${index % 10 === 0 ? '' : `{ requires: g${index - 1} }`}]
`;
  return `version: 1
site: lab
zones:
  inside: { subnets: [10.0.0.0/8, '2001:db8::/64'], uplink: { interface: eth1, gateway: 10.0.0.1 } }
flows:
${indexes.map(flow).join('')}guests:
${indexes.map(guest).join('')}`;
}
