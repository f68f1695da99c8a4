// Sound sites at random, for property tests: every field that a site may have, names and addresses that fit together.
import fc from 'fast-check';
import { addressFromBigInt } from '../src/model/address.ts';
import type { Flow } from '../src/model/flow.ts';
import type { CpuShare } from '../src/model/guest-size.ts';
import { defaultRestart, type GuestRestart } from '../src/model/guest-restart.ts';
import type { GuestShutdown } from '../src/model/guest-shutdown.ts';
import type { GuestSpec } from '../src/model/guest.ts';
import type { Image } from '../src/model/image.ts';
import { parseListen } from '../src/model/publication.ts';
import type { ReadinessCheck, Service } from '../src/model/service.ts';
import type { Site } from '../src/model/site.ts';
import type { Zone } from '../src/model/zone.ts';

const word = fc.constantFrom('web', 'db', 'dns', 'mail', 'app', 'cache', 'git', 'no', 'yes', 'null', 'on', 'true', 'e1', 'x0');
const name = fc
  .oneof(word, fc.stringMatching(/^[a-z][a-z0-9-]{0,14}[a-z0-9]$/))
  .filter((text) => !['world', 'host', 'all', 'constructor', 'prototype'].includes(text));
const hardLines = [
  '',
  ' ',
  '# no comment',
  '- a',
  ': ',
  'a: b',
  '---',
  '...',
  '%YAML',
  '*x',
  '&x',
  '!x',
  "it's",
  '"',
  '\\n',
  '{',
  '[',
  '|',
  '>',
  'é😀',
  '\ttab',
  'x ',
  '~',
  '0644',
  '1e3',
  '\u00a0',
  '\u2028x',
];
const line = fc.oneof(fc.constantFrom(...hardLines), fc.stringMatching(/^[\x20-\x7eäöü€]{0,40}$/));
const text = fc
  .array(fc.oneof(line, fc.constant('x'.repeat(150))), { maxLength: 6 })
  .chain((lines) => fc.constantFrom('\n', '\r\n').map((end) => lines.join(end)));
const port = fc.integer({ min: 1, max: 65535 });
const portRange = fc.oneof(
  fc.tuple(fc.constantFrom('tcp', 'udp'), port).map(([protocol, number]) => `${protocol}/${number}`),
  fc.tuple(port, port).map(([a, b]) => `tcp/${Math.min(a, b)}-${Math.max(a, b)}`),
  fc.constant('icmp'),
);
/** What a flow allows, none of it twice. Flows with a rate have ports of their own, so that no other flow allows the same without one. */
const allowOf = (firstBlock: number, lastBlock: number) => {
  const ports = fc
    .tuple(fc.constantFrom('tcp', 'udp'), fc.integer({ min: firstBlock, max: lastBlock }), fc.nat(999), fc.nat(999))
    .map(([protocol, block, a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)].map((port) => block * 1000 + port + 1);
      return { kind: `${protocol} ${block}`, text: from === to ? `${protocol}/${from}` : `${protocol}/${from}-${to}` };
    });
  const others = fc.constantFrom('icmp', 'icmp/time-exceeded', 'icmp/packet-too-big', 'protocol/47').map((text) => ({ kind: text, text }));
  return fc
    .uniqueArray(firstBlock === 0 ? fc.oneof(ports, ports, others) : ports, { minLength: 1, maxLength: 3, selector: ({ kind }) => kind })
    .map((chosen) => chosen.map(({ text }) => text));
};
const flowRest = fc.oneof(
  fc.record({ allow: allowOf(0, 59), log: fc.constantFrom(undefined, true as const) }),
  fc.record({
    allow: allowOf(60, 63),
    rate: fc.constantFrom('10/second', '1/minute', '1000000/hour'),
    log: fc.constantFrom(undefined, true as const),
  }),
);
const optional = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((one) => (one === undefined ? {} : { [key]: one }));

const what = fc.oneof(
  fc
    .tuple(
      port,
      optional('send', text),
      optional(
        'expect',
        line.filter((one) => one !== ''),
      ),
    )
    .map(([number, send, expect]) => ({ tcp: { port: number, ...send, ...expect } })),
  fc
    .tuple(
      port,
      fc.constantFrom('/', '/health', '/a?b=c#d'),
      fc.integer({ min: 200, max: 599 }),
      optional(
        'contains',
        line.filter((one) => one !== ''),
      ),
    )
    .map(([number, path, status, contains]) => ({ http: { port: number, path, status, ...contains } })),
  fc
    .tuple(fc.constantFrom('lab.example', '_x._tcp.lab.', 'a'), fc.constantFrom('A', 'SOA', 'TXT'), port)
    .chain(([of, type, number]) =>
      optional('expect', fc.constantFrom('a', '192.0.2.1', ' # ')).map((expect) => [of, type, number, expect] as const),
    )
    .map(([of, type, number, expect]) => ({ dns: { name: of, type, port: number, ...expect } })),
  fc.constant({ agent: true }),
  fc
    .array(
      line.filter((one) => one !== ''),
      { minLength: 1, maxLength: 3 },
    )
    .map((command) => ({ command })),
);
const check = fc
  .tuple(what, optional('timeoutMs', fc.constantFrom(1, 1500, 30_000)), optional('tries', fc.constantFrom(1, 10)))
  .map(([one, timeoutMs, tries]) => ({ ...one, ...timeoutMs, ...tries })) as fc.Arbitrary<ReadinessCheck>;

const service: fc.Arbitrary<Service> = fc.record({
  ports: fc.array(portRange, { maxLength: 3 }),
  ready: fc.array(check, { maxLength: 3 }),
  readyWithinMs: fc.constantFrom(600_000, 90_000, 3_600_000, 31_500),
});

const restart: fc.Arbitrary<GuestRestart> = fc.oneof(
  fc.constant({ ...defaultRestart, policy: 'never' as const }),
  fc.record({
    policy: fc.constantFrom('on-failure' as const, 'always' as const),
    tries: fc.constantFrom(5, 1, 1000),
    stableAfterMs: fc.constantFrom(600_000, 1, 3_600_000),
  }),
);

const shutdown: fc.Arbitrary<GuestShutdown> = fc.record({
  agentMs: fc.constantFrom(60_000, 1, 3_600_000),
  powerButtonMs: fc.constantFrom(30_000, 1500, 3_600_000),
});

const image: fc.Arbitrary<Image> = fc.oneof(
  fc
    .record({
      suite: fc.constantFrom('bookworm' as const, 'trixie' as const),
      packages: fc.array(fc.constantFrom('nginx', 'g++', 'php8.2-fpm'), { maxLength: 3 }),
      run: fc.array(
        text.filter((one) => one !== ''),
        { maxLength: 2 },
      ),
      files: fc.dictionary(
        fc.constantFrom('/etc/motd', '/a', '/x:y', '/#'),
        fc.oneof(
          fc.record({ text, mode: fc.constantFrom('0644', '0755') }),
          fc.record({ base64: fc.constant('AAEC'), mode: fc.constant('0600') }),
        ),
        { maxKeys: 2, noNullPrototype: true },
      ),
      sizeMib: fc.constantFrom(2048, 1, 1500, 4096),
    })
    .map((recipe) => ({ recipe: 'debian' as const, ...recipe })),
  fc.constant({ url: 'https://images.example/x.qcow2', sha256: 'ab'.repeat(32) }),
  fc.constant({ file: '/srv/images/old box.vmdk' }),
);

const zoneAt = (index: number): fc.Arbitrary<Zone> =>
  fc
    .tuple(
      fc.constantFrom('4', '6', '46'),
      fc.constantFrom('none', 'plain', 'vlan', 'masquerade'),
      fc.boolean(),
      optional(
        'description',
        line.map((one) => one.replaceAll('\t', ' ')),
      ),
    )
    .map(([families, way, bridged, description]) => ({
      subnets: [
        ...(families.includes('4') ? [`10.${index}.0.0/16`] : []),
        ...(families.includes('6') ? [`2001:db8:${(index + 1).toString(16)}::/64`] : []),
      ],
      ...(way === 'none'
        ? {}
        : {
            uplink: {
              interface: `eth${index}`,
              ...(way === 'vlan' ? { vlan: 20 } : {}),
              ...(families.includes('4') ? { gateway: way === 'masquerade' ? '198.51.100.1' : `10.${index}.0.1` } : {}),
              ...(families.includes('6') ? { gateway6: 'fe80::1' } : {}),
            },
          }),
      ...(way === 'masquerade' ? { masquerade: true } : {}),
      ...(bridged ? { bridged } : {}),
      ...description,
    }));

const publicationRest = fc.record({
  guest: fc.nat(),
  isIpv6: fc.boolean(),
  listen: fc.tuple(fc.integer({ min: 1, max: 250 }), port),
  port,
  ports: fc.integer({ min: 1, max: 20 }),
  isSpelled: fc.boolean(),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  isLimited: fc.boolean(),
});
type PublicationChoice = typeof publicationRest extends fc.Arbitrary<infer T> ? T : never;

const guestRest = fc.record({
  labels: fc.dictionary(word, fc.constantFrom('front', '1', 'true', 'a.b-c', '0x10', '1e3'), { maxKeys: 2, noNullPrototype: true }),
  cpus: fc.integer({ min: 1, max: 64 }),
  cpu: fc.option(fc.constantFrom<CpuShare[]>({ weight: 200 }, { limit: 1.5, pin: [0, 3] }), { nil: undefined }),
  memory: fc.constantFrom(
    ...[16, 512, 1024, 1500, 4_194_304].map((memoryMib) => ({ memoryMib })),
    { memoryMib: 512, memoryRange: { minMib: 512, maxMib: 2048 } },
    { memoryMib: 2048, memoryRange: { minMib: 512, maxMib: 2048 } },
  ),
  data: fc.dictionary(
    name,
    fc.record({ sizeMib: fc.constantFrom(1, 1023, 10_240), bus: fc.constantFrom('virtio' as const, 'scsi' as const) }),
    { maxKeys: 2, noNullPrototype: true },
  ),
  firmware: fc.constantFrom('bios' as const, 'uefi' as const),
  os: fc.constantFrom('linux' as const, 'bsd' as const),
  display: fc.constantFrom('vga' as const, 'none' as const),
  sshKeys: fc.array(fc.constantFrom('ssh-ed25519 AAAA admin', 'ssh-rsa AAAAB3= a: b # c'), { maxLength: 2 }),
  userData: fc.option(text, { nil: undefined }),
  service: fc.option(service, { nil: undefined }),
  autostart: fc.boolean(),
  restart,
  shutdown,
  description: fc.option(
    line.map((one) => one.replaceAll('\t', ' ')),
    { nil: undefined },
  ),
});

type GuestRest = typeof guestRest extends fc.Arbitrary<infer T> ? T : never;

export interface SiteBounds {
  minGuests?: number;
  maxGuests?: number;
}

/** Sites in which `checkSite` finds nothing. */
export function siteArbitrary({ minGuests = 0, maxGuests = 6 }: SiteBounds = {}): fc.Arbitrary<Site> {
  return fc
    .record({
      site: name,
      timezone: fc.constantFrom('UTC', 'Europe/Paris'),
      zoneNames: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      images: fc.dictionary(name, image, { maxKeys: 2, noNullPrototype: true }),
      guestNames: fc.uniqueArray(name, { minLength: minGuests, maxLength: maxGuests }),
    })
    .chain(({ site, timezone, zoneNames, images, guestNames }) =>
      fc
        .tuple(
          fc.tuple(...zoneNames.map((_, index) => zoneAt(index))),
          fc.tuple(
            ...guestNames.map(() =>
              fc.tuple(guestRest, fc.nat(), fc.nat(), fc.boolean(), fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 2 })),
            ),
          ),
          fc.array(fc.tuple(fc.nat(), publicationRest), { maxLength: 3 }),
          fc.array(
            fc.tuple(
              fc.nat(),
              fc.nat(),
              flowRest,
              optional(
                'comment',
                line.map((one) => one.replaceAll('\t', ' ')),
              ),
            ),
            { maxLength: 4 },
          ),
        )
        .map(([zoneSpecs, rests, publicationChoices, flowChoices]) => {
          const zones = Object.fromEntries(zoneNames.map((zone, index) => [zone, zoneSpecs[index] as Zone]));
          const imageNames = [...Object.keys(images), 'debian-12', 'debian-13'];
          const guests: Record<string, GuestSpec> = {};
          for (const [index, guestName] of guestNames.entries()) {
            const [rest, zoneChoice, imageChoice, isFixed, dependencies] = rests[index] as (typeof rests)[number];
            // Most have one nic.
            const nics = Math.max(1, (zoneChoice >> 8) % 6 > 3 ? zoneNames.length - 1 : 1);
            const own = zoneNames.map((_, step) => zoneNames[(zoneChoice + step) % zoneNames.length] as string).slice(0, nics);
            guests[guestName] = guest(
              guestNames,
              index,
              own.map((zone) => [zone, zones[zone] as Zone]),
              imageNames[imageChoice % imageNames.length] as string,
              rest,
              isFixed,
              dependencies,
              guests,
            );
          }
          for (const [zoneChoice, publication] of publicationChoices)
            publish(zones, guests, zoneNames[zoneChoice % zoneNames.length] as string, publication);
          const whole: Site = {
            version: 1,
            site,
            timezone,
            zones,
            flows: flowsOf(zones, guests, flowChoices),
            images,
            guests,
          };
          // As it comes from a store: plain objects, nothing undefined.
          return JSON.parse(JSON.stringify(whole)) as Site;
        }),
    );
}

function guest(
  names: string[],
  index: number,
  zones: [string, Zone][],
  imageName: string,
  { data, memory, cpu, userData, service: serves, description, ...rest }: GuestRest,
  isFixed: boolean,
  dependencies: [number, boolean][],
  before: Record<string, GuestSpec>,
): GuestSpec {
  const nics = zones.map(([zone, { subnets }]) => ({ zone, addresses: isFixed ? subnets.map((subnet) => nth(subnet, 16 + index)) : [] }));
  // Only on guests before this one, so that nobody waits in a circle; a required one starts by itself.
  const after =
    index === 0
      ? []
      : dependencies
          .map(([on, requires]) => ({ on: names[on % index] as string, requires }))
          .map(({ on, requires }) => (requires && before[on]?.autostart ? { requires: on } : { wants: on }));
  return {
    ...rest,
    image: imageName,
    nics,
    disks: {
      ...data,
      root: { sizeMib: 8192, bus: 'virtio' },
    },
    after,
    ...memory,
    ...(cpu === undefined ? {} : { cpu }),
    ...(userData === undefined ? {} : { userData }),
    ...(serves === undefined ? {} : { service: serves }),
    ...(description === undefined ? {} : { description }),
  };
}

type FlowChoice = [number, number, Pick<Flow, 'allow' | 'rate' | 'log'>, Record<string, string>];

function flowsOf(zones: Record<string, Zone>, guests: Record<string, GuestSpec>, choices: FlowChoice[]): Flow[] {
  const names = Object.keys(guests);
  if (names.length === 0) return [];
  const labels = Object.values(guests).flatMap((spec) => Object.entries(spec.labels).map(([key, value]) => `label:${key}=${value}`));
  const hasUplink = Object.values(zones).some((zone) => zone.uplink);
  const outside = hasUplink ? ['world', '203.0.113.0/24', '2001:db8:ff::/48'] : [];
  const inside = [...names, ...Object.values(guests).flatMap((spec) => spec.nics.map(({ zone }) => `zone:${zone}`)), ...labels, 'all'];
  const flows = choices.flatMap(([from, to, rest, comment]): Flow[] => {
    const sources = [...outside, ...inside];
    const source = sources[from % sources.length] as string;
    const targets = outside.includes(source) ? inside : [...sources, 'host'];
    const target = targets[to % targets.length] as string;
    const [senders, receivers] = [guestsAt(source, guests), guestsAt(target, guests)];
    // Whoever is behind the host's address is entered by publications only.
    if (outside.includes(source) && receivers.flatMap((name) => zonesAt(guests[name])).every((zone) => zones[zone]?.masquerade)) return [];
    const { rate, log, ...plain } = rest;
    const sharesWire = senders.some((one) =>
      receivers.some((other) => zonesAt(guests[one]).some((zone) => zonesAt(guests[other]).includes(zone) && zones[zone]?.bridged)),
    );
    return [
      { from: source, to: target, ...(sharesWire ? plain : { ...plain, ...(rate ? { rate } : {}), ...(log ? { log } : {}) }), ...comment },
    ];
  });
  return flows.filter((flow, index) => flows.findIndex((other) => other.from === flow.from && other.to === flow.to) === index);
}

function zonesAt(spec: GuestSpec | undefined): string[] {
  return (spec?.nics ?? []).map(({ zone }) => zone);
}

function guestsAt(end: string, guests: Record<string, GuestSpec>): string[] {
  const label = end.startsWith('label:') ? end.slice('label:'.length).split('=') : undefined;
  return Object.keys(guests).filter((name) => {
    const spec = guests[name] as GuestSpec;
    return (
      end === 'all' ||
      end === name ||
      zonesAt(spec).some((zone) => end === `zone:${zone}`) ||
      (label !== undefined && spec.labels[label[0] ?? ''] === label[1])
    );
  });
}

/** One more publication of a zone, where it can have one. */
function publish(zones: Record<string, Zone>, guests: Record<string, GuestSpec>, name: string, choice: PublicationChoice): void {
  const zone = zones[name];
  const own = Object.keys(guests).filter((guest) => zonesAt(guests[guest]).includes(name));
  if (!zone?.uplink || own.length === 0 || !zone.subnets.some((subnet) => subnet.includes(':') === choice.isIpv6)) return;
  const [host, listened] = choice.listen;
  const more = Math.min(choice.ports - 1, 65_535 - listened, 65_535 - choice.port);
  const range = (first: number) => (more === 0 ? String(first) : `${first}-${first + more}`);
  const address = choice.isIpv6 ? `[2001:db8:ff00::${host.toString(16)}]` : `203.0.113.${host}`;
  const isTaken = Object.values(zones).some((other) =>
    other.publish?.some((one) => {
      const ports = parseListen(one.listen)?.ports;
      const isThere = one.listen.startsWith(`${address}:`) && one.protocol === choice.protocol;
      return isThere && ports && ports.from <= listened + more && listened <= ports.to;
    }),
  );
  if (isTaken) return;
  const from = choice.isIpv6 ? ['2001:db8:fe00::/40'] : ['198.51.100.0/24', '192.0.2.0/25'];
  zone.publish = [
    ...(zone.publish ?? []),
    {
      listen: `${address}:${range(listened)}`,
      to: `${own[choice.guest % own.length]}:${choice.isSpelled ? range(choice.port) : choice.port}`,
      protocol: choice.protocol,
      ...(choice.isLimited ? { from } : {}),
    },
  ];
}

function nth(subnet: string, n: number): string {
  const [base = ''] = subnet.split('/');
  return base.includes(':')
    ? `${base}${n.toString(16)}`
    : addressFromBigInt(4, base.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) + BigInt(n));
}
