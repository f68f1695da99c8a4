// Site files with something wrong, and exactly what is said about each: `LINE:COLUMN: message`, one a line. Used by the parser's tests, and
// end to end by those of `caisson apply`.

export interface BadSite {
  /** What is wrong, in words. */
  name: string;
  text: string;
  /** All that is said, in order. */
  problems: string[];
}

const head = 'version: 1\nsite: lab\n';
const zones = `${head}zones:\n  inside: { subnets: [10.20.0.0/16] }\n`;
const guest = (fields: string) =>
  `image: debian-12, zone: inside, memory: 512MiB, disks: { root: 8GiB }${fields === '' ? '' : `, ${fields}`}`;
const site = (fields: string) => `${zones}guests:\n  web: { ${guest('')} }\n${fields}`;
/** A zone behind the host's address beside one on the uplink's own network; a guest in each. */
const kinds = (office: string, rest = '') =>
  `${head}zones:\n  outside: { subnets: [203.0.113.0/24], uplink: { interface: eth1, gateway: 203.0.113.1 } }\n  office: { subnets: [10.30.0.0/24], ${office} }\nguests:\n  web: { image: debian-12, zone: office, memory: 512MiB, disks: { root: 8GiB } }\n  mail: { image: debian-12, zone: outside, addresses: [203.0.113.9], memory: 512MiB, disks: { root: 8GiB } }\n${rest}`;
const masked = (publish: string, rest = '') => kinds(`uplink: { interface: eth1 }, masquerade: true, publish: [${publish}]`, rest);
const withGuest = (fields: string) => `${zones}guests:\n  web: { ${fields} }\n`;

export const badSites: BadSite[] = [
  // Not YAML, or more of YAML than a site file may have.
  { name: 'an empty file', text: '', problems: ['1:1: the file is empty: a site file is a map that begins with “version: 1”'] },
  { name: 'only a comment', text: '# later\n', problems: ['1:1: the file is empty: a site file is a map that begins with “version: 1”'] },
  { name: 'one word', text: 'hello\n', problems: ['1:1: the site file: a map that begins with “version: 1” is expected, not “hello”'] },
  { name: 'a list', text: '- version: 1\n', problems: ['1:1: the site file: a map that begins with “version: 1” is expected, not a list'] },
  {
    name: 'a bracket that is not closed',
    text: `${head}zones: { inside: { subnets: [10.20.0.0/16 }\n`,
    problems: ['3:43: a bracket is not closed before here, or what is in it is not indented'],
  },
  {
    name: 'a quotation mark that is not closed',
    text: `${head}timezone: "UTC\n`,
    problems: ['4:1: this is not YAML: missing closing "quote'],
  },
  {
    name: 'a text on the line of “>”',
    text: `${head}zones: >.nan\n`,
    problems: ['3:9: after “|” or “>” the line ends, and the text begins on the next one; a text that begins with them stands in quotes'],
  },
  {
    name: 'a bracket too many',
    text: `${head}zones: { inside: { subnets: [10.20.0.0/16] } }}\n`,
    problems: ['3:47: “}” closes nothing: no bracket is open here'],
  },
  {
    name: 'a word behind a whole text, which the reader of YAML shows between signs of its own',
    text: '*}: ...\n.nan\n',
    problems: [
      '1:1: anchors (&name) and aliases (*name) are not allowed in a site file: write the value out',
      '2:1: “.nan” has no place here: what stands before it is a whole already',
    ],
  },
  {
    name: 'a word behind a text in quotes',
    text: `${head}timezone: "UTC" or so\n`,
    problems: ['3:17: this has no place here: what stands before it is a whole already'],
  },
  {
    name: 'a list on the line of its key',
    text: `${head}flows: - { from: world, to: web, allow: [tcp/80] }\n`,
    problems: ['3:8: a list with “-” begins on the line below its key'],
  },
  { name: 'a tab as indentation', text: `${head}zones:\n\tinside: {}\n`, problems: ['4:1: a tab cannot indent in YAML: use spaces'] },
  {
    name: 'wrong indentation',
    text: `${head}zones:\n  inside:\n    subnets: [10.20.0.0/16]\n   description: x\n`,
    problems: ['6:1: the indentation is wrong: fields of one map, and entries of one list, begin in the same column'],
  },
  {
    name: 'two colons in one line',
    text: `${head}zones: inside: {}\n`,
    problems: ['3:8: a second “: ” in one line: put the text in quotes, or the inner map on lines of its own'],
  },
  {
    name: 'a missing colon',
    text: `${head}zones\n  inside: {}\n`,
    problems: ['3:1: a key stands on one line and ends with “:” (is a colon missing, or a quotation mark not closed?)'],
  },
  {
    name: 'a reserved character at the beginning',
    text: `${head}timezone: @home\n`,
    problems: ['3:11: this is not YAML: plain value cannot start with reserved character @'],
  },
  { name: 'a key twice', text: site('timezone: UTC\ntimezone: Europe/Paris\n'), problems: ['8:1: “timezone” stands twice in this map'] },
  { name: 'a guest twice', text: site(`  web: { ${guest('cpus: 2')} }\n`), problems: ['7:3: “web” stands twice in this map'] },
  {
    name: 'two documents',
    text: `${head}---\n${head}`,
    problems: ['3:1: a second YAML document begins here: a site file is one document'],
  },
  {
    name: 'an anchor and an alias',
    text: `${zones}guests:\n  web: &base { ${guest('')} }\n  app: *base\n`,
    problems: [
      '6:14: anchors are not allowed in a site file: leave out “&base”',
      '7:8: aliases are not allowed in a site file: write out what “*base” stands for',
    ],
  },
  {
    name: 'a merge key',
    text: `${zones}guests:\n  web: { <<: { cpus: 2 }, ${guest('')} }\n`,
    problems: ['6:10: merge keys (<<) are not allowed in a site file: write the fields out'],
  },
  {
    name: 'a tag',
    text: `${head}timezone: !!str UTC\nzones: !include zones.yaml\n`,
    problems: [
      '3:17: tags are not allowed in a site file: leave out “!!str”',
      '4:17: tags are not allowed in a site file: leave out “!include”',
    ],
  },
  {
    name: 'an alias of nothing',
    text: `${head}zones: *zones\n`,
    problems: ['3:8: aliases are not allowed in a site file: write out what “*zones” stands for'],
  },
  { name: 'a list as a key', text: `${head}? [a, b]\n: c\n`, problems: ['3:3: a key is a text, not a list or a map'] },
  {
    name: 'keys that every object knows',
    text: site('  __proto__: { image: debian-12 }\n  constructor: {}\n__proto__: { polluted: true }\n'),
    problems: [
      '7:3: “__proto__” cannot be a key in a site file',
      '8:3: “constructor” cannot be a key in a site file',
      '9:1: “__proto__” cannot be a key in a site file',
    ],
  },
  {
    name: 'deep nesting',
    text: `${head}zones: ${'['.repeat(200)}`,
    problems: ['3:71: this is nested more than 64 levels deep, which no site file is'],
  },
  {
    name: 'a control character',
    text: `${head}timezone: "UTC\u0000"\n`,
    problems: ['3:15: the file is not text: it has the control character \\u0000'],
  },

  // Single values.
  {
    name: 'another version',
    text: 'version: 2\nsite: lab\n',
    problems: ['1:10: version: 1, the version of the site file’s language, is expected, not 2'],
  },
  {
    name: 'no version',
    text: 'site: lab\n',
    problems: ['1:1: the site file needs a field “version”: 1, the version of the site file’s language'],
  },
  {
    name: 'nothing where something is expected',
    text: `${head}zones:\nflows:\nguests:\n  web:\n`,
    problems: [
      '3:1: zones: a map of zones by name is expected, not nothing',
      '4:1: flows: a list of flows is expected, not nothing',
      '6:3: guest “web”: a map such as { image: debian-12, zone: internal, memory: 512MiB, disks: { root: 8GiB } } is expected, not nothing',
    ],
  },
  {
    name: 'an unknown field of the site',
    text: `${zones}guest:\n  web: {}\n`,
    problems: ['5:1: the site file has no field “guest”; did you mean “guests”?'],
  },
  {
    name: 'an unknown field of a zone',
    text: `${head}zones:\n  inside: { subnet: [10.20.0.0/16] }\n`,
    problems: ['4:13: zone “inside” has no field “subnet”; did you mean “subnets”?'],
  },
  {
    name: 'an unknown field of a guest',
    text: withGuest(guest('memmory: 1GiB')),
    problems: ['6:81: guest “web” has no field “memmory”; did you mean “memory”?'],
  },
  {
    name: 'an unknown field that is like no other',
    text: withGuest(guest('colour: red')),
    problems: [
      '6:81: guest “web” has no field “colour” (its fields are image, zone, addresses, nics, labels, cpus, cpu, memory, disks, firmware, os, display, sshKeys, userData, service, after, autostart, restart, shutdown, description)',
    ],
  },
  {
    name: 'a missing field',
    text: withGuest('image: debian-12, zone: inside, disks: { root: 8GiB }'),
    problems: [
      '6:3: guest “web” needs a field “memory”: a memory size with its unit, for example 512MiB, or a range such as { min: 512MiB, max: 2GiB }',
    ],
  },
  {
    name: 'a misspelt field says nothing about the one that it was meant for',
    text: withGuest('image: debian-12, zone: inside, memroy: 512MiB, disks: { root: 8GiB }'),
    problems: ['6:42: guest “web” has no field “memroy”; did you mean “memory”?'],
  },
  {
    name: 'memory without a unit',
    text: withGuest('image: debian-12, zone: inside, memory: 512, disks: { root: 8GiB }'),
    problems: [
      '6:50: memory of guest “web”: a memory size with its unit, for example 512MiB, or a range such as { min: 512MiB, max: 2GiB }, is expected, not 512',
    ],
  },
  {
    name: 'memory in another unit',
    text: withGuest('image: debian-12, zone: inside, memory: 512MB, disks: { root: 8G }'),
    problems: [
      '6:50: memory of guest “web”: “512MB” is not a memory size: a whole number with MiB, GiB or TiB is expected, for example 512MiB; did you mean “512MiB”?',
      '6:72: disk “root” of guest “web”: “8G” is not a disk size: a whole number with MiB, GiB or TiB is expected, for example 8GiB; did you mean “8GiB”?',
    ],
  },
  {
    name: 'too little and too much',
    text: withGuest('image: debian-12, zone: inside, memory: 1MiB, disks: { root: 999999TiB }, cpus: 65'),
    problems: [
      '6:50: memory of guest “web”: a memory size lies between 16MiB and 4TiB, “1MiB” does not',
      '6:71: disk “root” of guest “web”: “999999TiB” is not a disk size: a whole number with MiB, GiB or TiB is expected, for example 8GiB',
      '6:90: cpus of guest “web”: a number of at most 64 is expected, not 65',
    ],
  },
  {
    name: 'half a MiB',
    text: withGuest('image: debian-12, zone: inside, memory: 1.5GiB, disks: { root: 8193KiB }'),
    problems: [
      '6:50: memory of guest “web”: “1.5GiB” is not a memory size: a whole number with MiB, GiB or TiB is expected, for example 512MiB; did you mean “1536MiB”?',
      '6:73: disk “root” of guest “web”: a disk size is a whole number of MiB, “8193KiB” is not',
    ],
  },
  {
    name: 'huge numbers',
    text: withGuest(guest('cpus: 1e999')) + 'timezone: 99999999999999999999\n',
    problems: [
      '6:87: cpus of guest “web”: a whole number of processors is expected, not 1e999',
      '7:11: timezone: a time zone, for example Europe/Paris, is expected, not 99999999999999999999',
    ],
  },
  {
    name: 'not a number',
    text: withGuest(guest('cpus: .nan')),
    problems: ['6:87: cpus of guest “web”: a whole number of processors is expected, not .nan'],
  },
  {
    name: 'half a processor',
    text: withGuest(guest('cpus: 1.5')),
    problems: ['6:87: cpus of guest “web”: a whole number of processors is expected, not 1.5'],
  },
  {
    name: 'no root disk',
    text: withGuest('image: debian-12, zone: inside, memory: 512MiB, disks: { data: 1GiB }'),
    problems: ['6:65: disks of guest “web”: a guest needs a disk called “root”'],
  },
  {
    name: 'a disk bus that does not exist',
    text: withGuest('image: debian-12, zone: inside, memory: 512MiB, disks: { root: { size: 8GiB, bus: scsy } }'),
    problems: ['6:92: bus of disk “root” of guest “web”: “scsy” is not one of virtio, scsi; did you mean “scsi”?'],
  },
  {
    name: 'a memory range upside down',
    text: withGuest('image: debian-12, zone: inside, memory: { min: 2GiB, max: 1GiB }, disks: { root: 8GiB }'),
    problems: ['6:50: memory of guest “web”: min (2GiB) is more than max (1GiB)'],
  },
  {
    name: 'a memory range that is too wide',
    text: withGuest('image: debian-12, zone: inside, memory: { min: 256MiB, max: 16GiB }, disks: { root: 8GiB }'),
    problems: [
      '6:50: memory of guest “web”: max (16GiB) is more than 16 times min (256MiB): a guest keeps the tables of all its memory in what it boots with; make min at least 1GiB',
    ],
  },
  {
    name: 'a size outside of its range',
    text: withGuest('image: debian-12, zone: inside, memory: { min: 512MiB, max: 1GiB, size: 2GiB }, disks: { root: 8GiB }'),
    problems: ['6:50: memory of guest “web”: size (2GiB) does not lie between min (512MiB) and max (1GiB)'],
  },
  {
    name: 'a memory range in odd steps',
    text: withGuest('image: debian-12, zone: inside, memory: { min: 513MiB, max: 1GiB }, disks: { root: 8GiB }'),
    problems: ['6:50: memory of guest “web”: memory with a range comes in steps of 2MiB, 513MiB does not'],
  },
  {
    name: 'a memory range without its end',
    text: withGuest('image: debian-12, zone: inside, memory: { min: 512MiB, maximum: 1GiB }, disks: { root: 8GiB }'),
    problems: [
      '6:42: memory of guest “web” needs a field “max”: a memory size with its unit, for example 512MiB',
      '6:65: memory of guest “web” has no field “maximum” (its fields are min, max, size)',
    ],
  },
  {
    name: 'a share of processors that is none',
    text: withGuest(guest('cpu: { weight: 0, limit: none, pin: [0, -1] }')),
    problems: [
      '6:96: weight of cpu of guest “web”: a number of at least 1 is expected, not 0',
      '6:106: limit of cpu of guest “web”: a number of processors, for example 1.5, is expected, not “none”',
      '6:121: processor 2 of cpu of guest “web”: a number of at least 0 is expected, not -1',
    ],
  },
  {
    name: 'a word that is not one of those',
    text: withGuest(guest('firmware: efi, os: linxu, display: 1')),
    problems: [
      '6:91: firmware of guest “web”: “efi” is not one of bios, uefi; did you mean “uefi”?',
      '6:100: os of guest “web”: “linxu” is not one of linux, windows, bsd, other; did you mean “linux”?',
      '6:116: display of guest “web”: 1 is not one of vga, none',
    ],
  },
  {
    name: 'a label that is a number',
    text: withGuest(guest('labels: { rack: 12, on: true }')),
    problems: [
      '6:97: label “rack” of guest “web”: a text is expected, not 12; put it in quotes',
      '6:105: label “on” of guest “web”: a text is expected, not true; put it in quotes',
    ],
  },
  {
    name: 'something that is not a key',
    text: withGuest(guest('sshKeys: [admin@example]')),
    problems: [
      '6:91: SSH key 1 of guest “web” cannot be “admin@example”: a public key of OpenSSH is expected, for example “ssh-ed25519 AAAA… name”',
    ],
  },
  {
    name: 'a command as one text',
    text: withGuest(guest('service: { ready: { command: systemctl is-active nginx } }')),
    problems: [
      '6:110: command of ready of service of guest “web”: a list of words, for example [systemctl, is-active, nginx], is expected, not “systemctl is-active nginx”',
    ],
  },
  {
    name: 'readiness of the wrong kind',
    text: withGuest(guest('service: { ready: { tcp: x } }')),
    problems: ['6:106: tcp of ready of service of guest “web”: a port number, or a map such as { port: 3306 }, is expected, not “x”'],
  },
  {
    name: 'readiness of two kinds',
    text: withGuest(guest('service: { ready: { tcp: 80, http: 80 } }')),
    problems: [
      '6:99: ready of service of guest “web”: a readiness check has exactly one of tcp, http, dns, agent, command; several checks are a list',
    ],
  },
  {
    name: 'a port that does not exist',
    text: withGuest(guest('service: { ports: [tcp/0, tcp/70000, 80, 443/tcp, TCP:22], ready: { tcp: 65536 } }')),
    problems: [
      '6:100: port 1 of service of guest “web”: “tcp/0” is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp',
      '6:107: port 2 of service of guest “web”: “tcp/70000” is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp',
      '6:118: port 3 of service of guest “web”: a port with its protocol, for example tcp/80, is expected, not 80',
      '6:122: port 4 of service of guest “web”: “443/tcp” is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp; did you mean “tcp/443”?',
      '6:131: port 5 of service of guest “web”: “TCP:22” is not a port: expected is for example tcp/80, udp/53, tcp/8000-8100 or icmp; did you mean “tcp/22”?',
      '6:154: tcp of ready of service of guest “web”: a number of at most 65,535 is expected, not 65536',
    ],
  },
  {
    name: 'a duration without a unit',
    text: withGuest(guest('service: { readyWithin: 5 }')),
    problems: ['6:105: readyWithin of service of guest “web”: a duration with its unit, for example 90s, is expected, not 5'],
  },
  {
    name: 'a duration in other words',
    text: withGuest(guest('service: { readyWithin: 5 minutes }')),
    problems: [
      '6:105: readyWithin of service of guest “web”: “5 minutes” is not a duration: a whole number with s, min or h is expected, for example 90s; did you mean “5min”?',
    ],
  },
  {
    name: 'time limits of nothing, and of more than can be',
    text: withGuest(
      guest(
        'shutdown: { agent: 0s, powerButton: 2h }, restart: { tries: 0, stableAfter: 0min }, service: { readyWithin: 0s, ready: { tcp: 80, timeout: 0s, tries: 0 } }',
      ),
    ),
    problems: [
      '6:100: agent of shutdown of guest “web”: a duration lies between 1ms and 7d, “0s” does not',
      '6:117: powerButton of shutdown of guest “web”: at most 1h is possible',
      '6:141: tries of restart of guest “web”: a number of at least 1 is expected, not 0',
      '6:157: stableAfter of restart of guest “web”: a duration lies between 1ms and 7d, “0min” does not',
      '6:189: readyWithin of service of guest “web”: a duration lies between 1ms and 7d, “0s” does not',
      '6:220: timeout of ready of service of guest “web”: a duration lies between 1ms and 7d, “0s” does not',
      '6:231: tries of ready of service of guest “web”: a number of at least 1 is expected, not 0',
    ],
  },
  {
    name: 'a restart policy of another word',
    text: withGuest(guest('restart: onfailure')),
    problems: ['6:90: restart of guest “web”: “onfailure” is not one of never, on-failure, always; did you mean “on-failure”?'],
  },
  {
    name: 'tries of a guest that is never started again',
    text: withGuest(guest('restart: { policy: never, tries: 3 }')),
    problems: ['6:90: restart of guest “web”: a guest that is never started again has no tries and no stableAfter'],
  },
  {
    name: 'a path that does not begin with a slash',
    text: withGuest(guest('service: { ready: { http: { port: 80, path: health } } }')),
    problems: ['6:125: path of http of ready of service of guest “web” cannot be “health”: a path begins with / and has no spaces'],
  },
  {
    name: 'a status that is never the last one',
    text: withGuest(guest('service: { ready: { http: { port: 80, status: 100 } } }')),
    problems: ['6:127: status of http of ready of service of guest “web”: a number of at least 200 is expected, not 100'],
  },
  {
    name: 'a check that cannot say no in time',
    text: withGuest(guest('service: { readyWithin: 30s, ready: [{ tcp: 80 }, { agent: true, timeout: 30s }] }')),
    problems: [
      '6:90: service of guest “web”: one try of “guest agent” may take 30s, which is not less than readyWithin (30s): it could never say no in time',
    ],
  },
  {
    name: 'a check that is only limits',
    text: withGuest(guest('service: { ready: { timeout: 5s } }')),
    problems: [
      '6:99: ready of service of guest “web”: a readiness check has exactly one of tcp, http, dns, agent, command; several checks are a list',
    ],
  },
  {
    name: 'a time zone that does not exist',
    text: `${head}timezone: Europe/Pariss\n`,
    problems: [
      '3:11: timezone: “Europe/Pariss” is not a time zone: expected is for example Europe/Paris or UTC; did you mean “Europe/Paris”?',
    ],
  },
  {
    name: 'user data as text',
    text: withGuest(guest('userData: hello')),
    problems: ['6:91: userData of guest “web”: a map such as { file: cloud-init/web.yaml } or { text: … } is expected, not “hello”'],
  },
  {
    name: 'user data from a file that is not there',
    text: withGuest(guest('userData: { file: cloud-init/none.yaml }')),
    problems: ['6:99: the file “cloud-init/none.yaml” cannot be read (it is looked for beside the site file)'],
  },

  // Names.
  {
    name: 'a name with a space',
    text: `${head}zones:\n  my zone: { subnets: [10.20.0.0/16] }\n`,
    problems: [
      '4:3: “my zone” cannot be a name in zones: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name that leads elsewhere',
    text: site(`  ../x: { ${guest('')} }\n`),
    problems: [
      '7:3: “../x” cannot be a name in guests: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name with a comma',
    text: site(`  "a,b": { ${guest('')} }\n`),
    problems: [
      '7:3: “a,b” cannot be a name in guests: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name with a line break',
    text: site(`  "a\\nb": { ${guest('')} }\n`),
    problems: [
      '7:3: “a\\nb” cannot be a name in guests: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name in capitals',
    text: 'version: 1\nsite: Lab\n',
    problems: [
      '2:7: site cannot be “Lab”: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name with a control sequence',
    text: 'version: 1\nsite: "lab\\e[31m\\u202e"\n',
    problems: [
      '2:7: site cannot be “lab\\u001b[31m\\u202e”: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'a name that is too long',
    text: `version: 1\nsite: ${'a'.repeat(64)}\n`,
    problems: [
      '2:7: site cannot be “aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa”: a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen',
    ],
  },
  {
    name: 'reserved names',
    text: site(`  world: { ${guest('')} }\n  host: { ${guest('')} }\n`),
    problems: [
      '7:3: “world” is reserved: choose another name (world, host, all have a meaning of their own)',
      '8:3: “host” is reserved: choose another name (world, host, all have a meaning of their own)',
    ],
  },
  {
    name: 'a file of an image outside of it',
    text: `${head}images:\n  x: { recipe: debian, suite: bookworm, files: { ../../etc/passwd: { text: x }, /etc/../x: { text: x } } }\n`,
    problems: [
      '4:50: “../../etc/passwd” cannot be a name in files of image “x”: a file of an image has an absolute path without spaces and without “..”',
      '4:81: “/etc/../x” cannot be a name in files of image “x”: a file of an image has an absolute path without spaces and without “..”',
    ],
  },
  {
    name: 'an interface that is an option',
    text: `${head}zones:\n  inside: { subnets: [10.20.0.0/16], uplink: { interface: "--help" } }\n`,
    problems: [
      '4:59: interface of uplink of zone “inside” cannot be “--help”: an interface name has at most 15 letters, digits, dots, hyphens and underscores and begins with a letter',
    ],
  },

  // Addresses.
  {
    name: 'an address outside of its zone',
    text: withGuest(guest('addresses: [10.21.0.5]')),
    problems: ['6:93: 10.21.0.5 of guest “web” lies outside zone “inside” (10.20.0.0/16)'],
  },
  {
    name: 'an address with a prefix',
    text: withGuest(guest('addresses: [10.20.0.5/16]')),
    problems: [
      '6:93: address 1 of guest “web”: “10.20.0.5/16” is not an IPv4 or IPv6 address: an address stands here without a prefix length',
    ],
  },
  {
    name: 'an address with leading zeros',
    text: withGuest(guest('addresses: [010.020.000.005]')),
    problems: ['6:93: address 1 of guest “web”: “010.020.000.005” is not an IPv4 or IPv6 address, for example 192.0.2.10 or 2001:db8::10'],
  },
  {
    name: 'an address twice',
    text: site(`  app: { ${guest('addresses: [10.20.0.5]')} }\n  db: { ${guest('addresses: [10.20.0.5, 10.20.0.6, 10.20.0.6]')} }\n`),
    problems: ['8:92: guest “db” cannot have 10.20.0.5: it is taken by guest “app”', '8:114: 10.20.0.6 stands twice in guest “db”'],
  },
  {
    name: 'the addresses of the router and of the network',
    text: withGuest(guest('addresses: [10.20.0.0, 10.20.0.1, 10.20.255.255]')),
    problems: [
      '6:93: guest “web” cannot have 10.20.0.0: it is the first or last address of 10.20.0.0/16, which is reserved',
      '6:104: guest “web” cannot have 10.20.0.1: it is the router’s address in zone “inside”',
      '6:115: guest “web” cannot have 10.20.255.255: it is the first or last address of 10.20.0.0/16, which is reserved',
    ],
  },
  {
    name: 'a subnet with bits after its prefix',
    text: `${head}zones:\n  inside: { subnets: [10.20.3.4/16] }\n`,
    problems: ['4:23: subnet 1 of zone “inside”: “10.20.3.4/16” has bits set after its prefix; did you mean “10.20.0.0/16”?'],
  },
  {
    name: 'overlapping zones',
    text: `${head}zones:\n  a: { subnets: [10.20.0.0/16] }\n  b: { subnets: [10.20.4.0/24] }\n  c: { subnets: [10.0.0.0/8] }\n`,
    problems: [
      '6:18: 10.0.0.0/8 of zone “c” overlaps 10.20.0.0/16 of zone “a”',
      '6:18: 10.0.0.0/8 of zone “c” overlaps 10.20.4.0/24 of zone “b”',
    ],
  },
  {
    name: 'two subnets of one family',
    text: `${head}zones:\n  a: { subnets: [10.20.0.0/16, 10.30.0.0/16] }\n`,
    problems: ['4:32: zone “a” has a second IPv4 subnet: this version serves one of each family'],
  },
  {
    name: 'subnets that mean something else',
    text: `${head}zones:\n  a: { subnets: [127.0.0.0/8] }\n  b: { subnets: [fe80::/64] }\n  c: { subnets: [0.0.0.0/0] }\n`,
    problems: [
      '4:18: 127.0.0.0/8 cannot be a subnet of zone “a”: 127.0.0.0/8 is loopback',
      '5:18: fe80::/64 cannot be a subnet of zone “b”: fe80::/10 is link-local',
      '6:18: 0.0.0.0/0 cannot be a subnet of zone “c”: 0.0.0.0/8 is this host',
    ],
  },
  {
    name: 'a subnet without room',
    text: `${head}zones:\n  a: { subnets: [10.20.0.0/31] }\n  b: { subnets: [2001:db8::/127] }\n`,
    problems: [
      '4:18: 10.20.0.0/31 of zone “a” has no room for guests: a prefix of at most /30 is expected',
      '5:18: 2001:db8::/127 of zone “b” has no room for guests: a prefix of at most /126 is expected',
    ],
  },
  {
    name: 'more guests than addresses',
    text: `${head}zones:\n  inside: { subnets: [10.20.0.0/30] }\nguests:\n  a: { ${guest('')} }\n  b: { ${guest('')} }\n`,
    problems: ['7:32: guest “b” finds no free address in zone “inside”: 10.20.0.0/30 has room for 1'],
  },
  {
    name: 'routers outside of their zone and family',
    text: `${head}zones:\n  a: { subnets: [10.20.0.0/16], uplink: { interface: eth1, gateway: 10.21.0.1, gateway6: 10.20.0.1 } }\n`,
    problems: [
      '4:69: the router 10.21.0.1 lies outside zone “a” (10.20.0.0/16)',
      '4:90: gateway6 of zone “a” is an IPv6 address, 10.20.0.1 is not',
    ],
  },

  // Between objects.
  {
    name: 'a zone that does not exist',
    text: withGuest('image: debian-12, zone: insde, memory: 512MiB, disks: { root: 8GiB }'),
    problems: ['6:34: guest “web” is in zone “insde”, which does not exist; did you mean “inside”?'],
  },
  {
    name: 'an image that does not exist',
    text: withGuest('image: debain-12, zone: inside, memory: 512MiB, disks: { root: 8GiB }'),
    problems: ['6:17: guest “web” needs image “debain-12”, which does not exist; did you mean “debian-12”?'],
  },
  {
    name: 'an image of no kind',
    text: `${head}images:\n  x: { iso: debian.iso }\n  y: { recipe: arch }\n  z: { url: http://x/ }\n`,
    problems: [
      '4:6: image “x”: an image, which is one of { recipe: debian, suite: bookworm }, { url: …, sha256: … }, { file: /… }, is expected, not a map',
      '5:3: image “y” needs a field “suite”: one of bookworm, trixie',
      '5:16: recipe of image “y”: the only recipe is “debian”, not “arch”',
      '6:3: image “z” needs a field “sha256”: the SHA-256 of the image, 64 hexadecimal digits in quotes',
    ],
  },
  {
    name: 'guests in a circle',
    text: `${zones}guests:\n  a: { ${guest('after: [{ requires: b }]')} }\n  b: { ${guest('after: [{ wants: c }]')} }\n  c: { ${guest('after: [{ requires: a }]')} }\n  d: { ${guest('after: [{ wants: d }]')} }\n`,
    problems: ['6:86: the guests wait for each other in a circle: a → b → c → a', '9:86: guest “d” waits for itself'],
  },
  {
    name: 'after a guest that does not exist',
    text: withGuest(guest('after: [{ requires: datbase }, { wants: wbe }]')),
    problems: [
      '6:89: guest “web” starts after “datbase”, which does not exist',
      '6:112: guest “web” starts after “wbe”, which does not exist; did you mean “web”?',
    ],
  },
  {
    name: 'after something of another form',
    text: withGuest(guest('after: [database, { needs: web }, { requires: web, wants: web }]')),
    problems: [
      '6:89: dependency 1 of guest “web”: a map such as { requires: database } is expected, not “database”',
      '6:101: dependency 2 of guest “web” has no field “needs” (its fields are requires, wants)',
      '6:115: dependency 3 of guest “web”: a dependency is either { requires: GUEST } or { wants: GUEST }',
    ],
  },
  {
    name: 'after a guest that does not start',
    text: site(`  a: { ${guest('autostart: false')} }\n  b: { ${guest('after: [{ requires: a }]')} }\n`),
    problems: ['8:87: guest “b” requires “a”, which is not started by itself (autostart: false)'],
  },
  {
    name: 'a flow to nobody',
    text: site('flows:\n  - { from: web, to: wbe, allow: [tcp/80] }\n'),
    problems: ['8:22: no guest is called “wbe”; did you mean “web”?'],
  },
  {
    name: 'a flow to a zone by its bare name',
    text: site('flows:\n  - { from: web, to: inside, allow: [tcp/80] }\n'),
    problems: ['8:22: no guest is called “inside”, but a zone is; did you mean “zone:inside”?'],
  },
  {
    name: 'a flow from the world without a way',
    text: site('flows:\n  - { from: world, to: web, allow: [tcp/80] }\n'),
    problems: ['8:13: no zone has an uplink, so there is no way to the world'],
  },
  {
    name: 'a flow to a label that nobody has',
    text: site('flows:\n  - { from: label:role=front, to: web, allow: [tcp/80] }\n'),
    problems: ['8:13: no guest has the label role=front: this flow allows nothing'],
  },
  {
    name: 'a flow to a zone without guests',
    text: `${head}zones:\n  a: { subnets: [10.20.0.0/16] }\n  b: { subnets: [10.21.0.0/16] }\nguests:\n  web: { image: debian-12, zone: a, memory: 512MiB, disks: { root: 8GiB } }\nflows:\n  - { from: web, to: zone:b, allow: [icmp] }\n`,
    problems: ['9:22: zone “b” has no guest: this flow allows nothing'],
  },
  {
    name: 'a flow twice',
    text: site('flows:\n  - { from: web, to: all, allow: [tcp/80] }\n  - { from: web, to: all, allow: [tcp/80] }\n'),
    problems: ['9:5: this flow stands twice: web → all: tcp/80'],
  },
  {
    name: 'a flow that allows nothing',
    text: site('flows:\n  - { from: web, to: all, allow: [] }\n'),
    problems: ['8:34: allow of flow 1: a flow allows at least one port'],
  },
  {
    name: 'a flow to a single address',
    text: site('flows:\n  - { from: web, to: 203.0.113.7, allow: [tcp/80] }\n'),
    problems: [
      '8:22: to of flow 1: “203.0.113.7” is not an end of a flow: expected is a guest, zone:NAME, label:KEY=VALUE, world, host, all, or a range such as 203.0.113.0/24; did you mean “203.0.113.7/32”?',
    ],
  },

  // Kinds of zones.
  {
    name: 'masquerade without an uplink',
    text: kinds('masquerade: true'),
    problems: [
      '5:50: zone “office” has no uplink by which its guests could leave with the host’s address: give it one, or take “masquerade” out',
    ],
  },
  {
    name: 'masquerade with the router inside the zone',
    text: kinds('uplink: { interface: eth1, gateway: 10.30.0.1 }, masquerade: true'),
    problems: [
      '5:74: the router 10.30.0.1 cannot lie in zone “office” (10.30.0.0/24): with “masquerade” these addresses are behind the host, and the router is on the uplink’s own network',
    ],
  },
  {
    name: 'a zone’s words of the wrong kind',
    text: kinds('masquerade: yes please, bridged: 1, publish: { web: 443 }'),
    problems: [
      '5:50: masquerade of zone “office”: true or false is expected, not “yes please”',
      '5:71: bridged of zone “office”: true or false is expected, not 1',
      "5:83: publish of zone “office”: a list such as [{ listen: '203.0.113.1:443', to: 'web:443' }] is expected, not a map",
    ],
  },
  {
    name: 'VLANs that do not exist',
    text: `${head}zones:\n  a: { subnets: [10.1.0.0/24], uplink: { interface: eth1, vlan: 0 } }\n  b: { subnets: [10.2.0.0/24], uplink: { interface: eth1, vlan: 4095 } }\n  c: { subnets: [10.3.0.0/24], uplink: { interface: eth1, vlan: '20' } }\n  d: { subnets: [10.4.0.0/24], vlan: 20 }\n`,
    problems: [
      '4:65: vlan of uplink of zone “a”: a number of at least 1 is expected, not 0',
      '5:65: vlan of uplink of zone “b”: a number of at most 4,094 is expected, not 4095',
      '6:65: vlan of uplink of zone “c”: the number of a VLAN is expected, not “20”',
      '7:32: zone “d” has no field “vlan” (its fields are subnets, uplink, masquerade, publish, bridged, description)',
    ],
  },
  {
    name: 'VLANs whose interfaces cannot be made',
    text: `${head}zones:\n  a: { subnets: [10.1.0.0/24], uplink: { interface: enp129s0f1np1, vlan: 20 } }\n  b: { subnets: [10.2.0.0/24], uplink: { interface: eth1, vlan: 20 } }\n  c: { subnets: [10.3.0.0/24], uplink: { interface: eth1.20 } }\n`,
    problems: [
      '4:53: the VLAN’s interface would be called “enp129s0f1np1.20”: with its number a name has at most 15 characters; rename the interface “enp129s0f1np1”',
      '6:53: eth1.20 is a VLAN that Caisson makes for zone “b”: write it as { interface: eth1, vlan: 20 } here too',
    ],
  },
  {
    name: 'uplinks by interfaces of the host’s own',
    text: `${head}zones:\n  a: { subnets: [10.1.0.0/24], uplink: { interface: lo } }\n  b: { subnets: [10.2.0.0/24], uplink: { interface: csb0 } }\n`,
    problems: [
      '4:53: interface of uplink of zone “a”: “lo” cannot lead to the world: lo, csg… and csb… are the host’s and the guests’ own',
      '5:53: interface of uplink of zone “b”: “csb0” cannot lead to the world: lo, csg… and csb… are the host’s and the guests’ own',
    ],
  },
  {
    name: 'publications to nobody',
    text: masked(
      "{ listen: '203.0.113.2:443', to: 'wbe:443' }, { listen: '203.0.113.2:444', to: 'mail:443' }, { listen: '[2001:db8::2]:443', to: 'web:443' }",
    ),
    problems: [
      '5:128: no guest is called “wbe”; did you mean “web”?',
      '5:174: guest “mail” is in zone “outside”: a publication of zone “office” leads to its own guests',
      '5:223: guest “web” has no IPv6 address in zone “office”, which 2001:db8::2 could lead to',
    ],
  },
  {
    name: 'publications without ports',
    text: masked(
      "{ listen: 203.0.113.2, to: web }, { listen: '2001:db8::2:443', to: 'web:0' }, { listen: '[203.0.113.2]:443', to: 'web:70000' }, { listen: 443, to: 80 }",
    ),
    problems: [
      '5:105: listen of publication 1 of zone “office”: “203.0.113.2” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”; a port is missing, for example “203.0.113.2:443”',
      '5:122: to of publication 1 of zone “office”: “web” is not a guest with its port: expected is for example “web:443” or “web:8000-8010”; a port is missing, for example “web:443”',
      '5:139: listen of publication 2 of zone “office”: “2001:db8::2:443” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”; an IPv6 address stands in brackets: “[2001:db8::2]:443”',
      '5:162: to of publication 2 of zone “office”: “web:0” is not a guest with its port: expected is for example “web:443” or “web:8000-8010”; ports go from 1 to 65535',
      '5:183: listen of publication 3 of zone “office”: “[203.0.113.2]:443” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”',
      '5:208: to of publication 3 of zone “office”: “web:70000” is not a guest with its port: expected is for example “web:443” or “web:8000-8010”; ports go from 1 to 65535',
      "5:233: listen of publication 4 of zone “office”: an address with its port, for example '203.0.113.1:443', is expected, not 443",
      "5:242: to of publication 4 of zone “office”: a guest with its port, for example 'web:443', is expected, not 80",
    ],
  },
  {
    name: 'publications of another protocol, for nobody and for guests',
    text: masked(
      "{ listen: '203.0.113.2:443', to: 'web:443', protocol: sctp }, { listen: '203.0.113.2:444', to: 'web:443', from: [] }, { listen: '203.0.113.2:445', to: 'web:443', from: [2001:db8::/32, 10.30.0.0/28, 198.51.100.7] }, { listen: '203.0.113.2:446', to: 'web:443', form: [198.51.100.0/24] }",
    ),
    problems: [
      '5:149: protocol of publication 1 of zone “office”: “sctp” is not one of tcp, udp',
      '5:207: from of publication 2 of zone “office”: a publication for nobody allows nothing: without “from” it is for the whole world',
      '5:264: nobody comes to 203.0.113.2 from 2001:db8::/32: one is IPv4, the other IPv6',
      '5:279: 10.30.0.0/28 lies in zone “office”: a publication is for the world, guests have flows',
      '5:293: range 3 of publication 3 of zone “office”: “198.51.100.7” is not an address range: expected is for example 10.20.0.0/16',
      '5:354: publication 4 of zone “office” has no field “form”; did you mean “from”?',
    ],
  },
  {
    name: 'publications on addresses that others have',
    text: masked(
      "{ listen: '203.0.113.1:443', to: 'web:443' }, { listen: '203.0.113.9:443', to: 'web:443' }, { listen: '203.0.113.255:443', to: 'web:443' }, { listen: '10.30.0.1:443', to: 'web:443' }, { listen: '10.30.0.7:443', to: 'web:443' }, { listen: '0.0.0.0:443', to: 'web:443' }, { listen: '127.0.0.1:443', to: 'web:443' }",
    ),
    problems: [
      '5:105: 203.0.113.1 cannot be listened on: it is taken by the router of zone “outside”',
      '5:151: 203.0.113.9 cannot be listened on: it is taken by guest “mail”',
      '5:197: 203.0.113.255 cannot be listened on: it is the first or last address of 203.0.113.0/24, which is reserved',
      '5:245: 10.30.0.1 cannot be listened on: it is taken by the host, the router of zone “office”',
      '5:289: 10.30.0.7 cannot be listened on: it lies in zone “office” (10.30.0.0/24), whose addresses the world does not know',
      '5:333: 0.0.0.0 cannot be listened on: 0.0.0.0/8 is this host; an address on the uplink’s network is expected',
      '5:375: 127.0.0.1 cannot be listened on: 127.0.0.0/8 is loopback; an address on the uplink’s network is expected',
    ],
  },
  {
    name: 'publications on an address of another uplink',
    text: kinds("uplink: { interface: eth2 }, masquerade: true, publish: [{ listen: '203.0.113.2:443', to: 'web:443' }]"),
    problems: [
      '5:105: 203.0.113.2 cannot be listened on: it lies in zone “outside” (203.0.113.0/24), which is on eth1; zone “office” is on eth2',
    ],
  },
  {
    name: 'a port that is published twice',
    text: masked(
      "{ listen: '203.0.113.2:443', to: 'web:443' }, { listen: '203.0.113.2:443', to: 'web:444' }, { listen: '203.0.113.2:443', to: 'web:443', protocol: udp }",
    ),
    problems: ['5:151: tcp/443 of 203.0.113.2 is published already: publication 1 of zone “office”'],
  },
  {
    name: 'ranges of ports that are none',
    text: masked(
      "{ listen: '203.0.113.2:8010-8000', to: 'web:8000' }, { listen: '203.0.113.2:0-10', to: 'web:1-65536' }, { listen: '203.0.113.2:8000-', to: 'web:8000-8010-8020' }",
    ),
    problems: [
      '5:105: listen of publication 1 of zone “office”: “203.0.113.2:8010-8000” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”; a range begins with its lowest port: “8000-8010”',
      '5:158: listen of publication 2 of zone “office”: “203.0.113.2:0-10” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”; ports go from 1 to 65535',
      '5:182: to of publication 2 of zone “office”: “web:1-65536” is not a guest with its port: expected is for example “web:443” or “web:8000-8010”; ports go from 1 to 65535',
      '5:209: listen of publication 3 of zone “office”: “203.0.113.2:8000-” is not an address with its port: expected is for example “203.0.113.1:443”, “203.0.113.1:8000-8010” or “[2001:db8::1]:443”',
      '5:234: to of publication 3 of zone “office”: “web:8000-8010-8020” is not a guest with its port: expected is for example “web:443” or “web:8000-8010”',
    ],
  },
  {
    name: 'ranges of ports that do not fit',
    text: masked(
      "{ listen: '203.0.113.2:8000-8010', to: 'web:9000-9009' }, { listen: '203.0.113.2:443', to: 'web:1-2' }, { listen: '203.0.113.2:100-110', to: 'web:65530' }, { listen: '203.0.113.3:1-2000', to: 'web:2-2001' }, { listen: '203.0.113.3:3000-65535', to: 'web:3000' }",
    ),
    problems: [
      '5:134: 8000-8010 is 11 ports, 9000-9009 10 ports: both must be as many, or “to” name the first port alone',
      '5:186: 443 is one port, 1-2 2 ports: both must be as many, or “to” name the first port alone',
      '5:236: 11 ports from 65530 on would go beyond 65535, the last one',
      '5:287: 2000 ports would lead to others: at most 1000 can; a range of any length can keep its ports (“1-2000”)',
    ],
  },
  {
    name: 'ranges of ports that overlap',
    text: masked(
      "{ listen: '203.0.113.2:8000-8010', to: 'web:8000' }, { listen: '203.0.113.2:8010-8020', to: 'web:9000' }, { listen: '203.0.113.2:8005', to: 'web:22' }, { listen: '203.0.113.2:8000-8010', to: 'web:8000', protocol: udp }",
    ),
    problems: [
      '5:158: tcp/8010 of 203.0.113.2 is published already: publication 1 of zone “office”',
      '5:211: tcp/8005 of 203.0.113.2 is published already: publication 1 of zone “office”',
    ],
  },
  {
    name: 'a publication in a zone without an uplink',
    text: kinds("publish: [{ listen: '203.0.113.2:443', to: 'web:443' }]"),
    problems: ['5:47: zone “office” has no uplink on which anything could be published: give it one, or take “publish” out'],
  },
  {
    name: 'a flow from the world into a zone behind the host’s address',
    text: kinds(
      'uplink: { interface: eth1 }, masquerade: true',
      'flows:\n  - { from: world, to: web, allow: [tcp/80] }\n  - { from: 198.51.100.0/24, to: zone:office, allow: [tcp/81] }\n  - { from: world, to: all, allow: [tcp/82] }\n',
    ),
    problems: [
      '10:5: the world does not reach web: zone “office” has “masquerade”, and is entered by what it publishes only; write it there',
      '11:5: the world does not reach zone:office: zone “office” has “masquerade”, and is entered by what it publishes only; write it there',
    ],
  },
  {
    name: 'flows that count on a shared wire',
    text: site(
      '  app: { ' +
        guest('') +
        ' }\nflows:\n  - { from: web, to: app, allow: [tcp/80], rate: 5/second }\n  - { from: all, to: all, allow: [tcp/81], log: true }\n  - { from: web, to: web, allow: [tcp/82], log: true }\n',
    ).replace('[10.20.0.0/16] }', '[10.20.0.0/16], bridged: true }'),
    problems: [
      '9:50: guests of zone “inside” share one wire (bridged), on which nothing is counted or written down: leave “rate” out, or write a flow of its own for those that do not share it',
      '10:49: guests of zone “inside” share one wire (bridged), on which nothing is counted or written down: leave “log” out, or write a flow of its own for those that do not share it',
    ],
  },

  // Several nics.
  {
    name: 'nics beside a zone, nics that are none, and no zone at all',
    text: `${zones}guests:\n  a: { ${guest('nics: [{ zone: inside }]')} }\n  b: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, nics: [] }\n  c: { image: debian-12, memory: 512MiB, disks: { root: 8GiB } }\n  d: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, nics: [inside, { zon: inside }, { zone: inside, addresses: 10.20.0.5 }] }\n  e: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, addresses: [10.20.0.7], nics: [{ zone: inside }] }\n`,
    problems: [
      '6:6: guest “a”: beside “nics” there is no “zone” and no “addresses”: each nic has its own',
      '7:71: nics of guest “b”: a guest has at least one nic',
      '8:6: guest “c”: a guest has a “zone”, or with several nics “nics”',
      '9:72: nic 1 of guest “d”: a map such as { zone: internal } is expected, not “inside”',
      '9:82: nic 2 of guest “d” has no field “zon”; did you mean “zone”?',
      '9:124: addresses of nic 3 of guest “d”: a list of addresses, for example [192.0.2.10], is expected, not “10.20.0.5”',
      '10:6: guest “e”: beside “nics” there is no “zone” and no “addresses”: each nic has its own',
    ],
  },
  {
    name: 'nics in zones that do not fit',
    text: `${head}zones:\n  inside: { subnets: [10.20.0.0/16] }\n  office: { subnets: [10.30.0.0/24] }\nguests:\n  web: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, nics: [{ zone: inside, addresses: [10.30.0.9] }, { zone: offce }, { zone: inside }] }\n  app: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, nics: [{ zone: office, addresses: [10.30.0.9] }, { zone: inside, addresses: [10.20.0.1] }] }\n`,
    problems: [
      '7:102: 10.30.0.9 of guest “web” lies outside zone “inside” (10.20.0.0/16)',
      '7:124: guest “web” is in zone “offce”, which does not exist; did you mean “office”?',
      '7:141: guest “web” has a nic in zone “inside” already: one nic can have several addresses',
      '8:102: guest “app” cannot have 10.30.0.9: it is taken by guest “web”',
      '8:144: guest “app” cannot have 10.20.0.1: it is the router’s address in zone “inside”',
    ],
  },
  {
    name: 'a publication to a nic in another zone',
    text:
      masked("{ listen: '203.0.113.2:443', to: 'mail:443' }").replace(
        'zone: outside, addresses: [203.0.113.9],',
        'nics: [{ zone: outside, addresses: [203.0.113.9] }, { zone: office }],',
      ) + '  proxy: { image: debian-12, memory: 512MiB, disks: { root: 8GiB }, nics: [{ zone: outside, addresses: [203.0.113.2] }] }\n',
    problems: ['5:105: 203.0.113.2 cannot be listened on: it is taken by guest “proxy”'],
  },

  // What a flow allows, and flows beside each other.
  {
    name: 'nothing that a flow can allow',
    text: site('flows:\n  - { from: web, to: all, allow: [icmp/ping, icmp/time-exceed, gre, protocol/6, ip/50, icmp/8, tcp/1-70000] }\n'),
    problems: [
      '8:35: port 1 of flow 1: “icmp/ping” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47; did you mean “icmp”?',
      '8:46: port 2 of flow 1: “icmp/time-exceed” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47; did you mean “icmp/time-exceeded”?',
      '8:64: port 3 of flow 1: “gre” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47; did you mean “protocol/47”?',
      '8:69: port 4 of flow 1: “protocol/6” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47',
      '8:81: port 5 of flow 1: “ip/50” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47; did you mean “protocol/50”?',
      '8:88: port 6 of flow 1: “icmp/8” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47; did you mean “icmp”?',
      '8:96: port 7 of flow 1: “tcp/1-70000” is nothing that a flow can allow: expected is for example tcp/80, udp/5000-5100, icmp, icmp/time-exceeded or protocol/47',
    ],
  },
  {
    name: 'rates that are none',
    text: site(
      'flows:\n  - { from: web, to: all, allow: [tcp/80], rate: 10/s }\n  - { from: web, to: all, allow: [tcp/81], rate: 10 }\n  - { from: web, to: all, allow: [tcp/82], rate: 5 per Minute }\n  - { from: web, to: all, allow: [tcp/83], rate: 0/hour, log: maybe }\n',
    ),
    problems: [
      '8:50: rate of flow 1: “10/s” is not a rate: expected is for example 10/second, 30/minute or 100/hour; did you mean “10/second”?',
      '9:50: rate of flow 2: a rate, for example 10/second, is expected, not 10',
      '10:50: rate of flow 3: “5 per Minute” is not a rate: expected is for example 10/second, 30/minute or 100/hour; did you mean “5/minute”?',
      '11:50: rate of flow 4: “0/hour” is not a rate: expected is for example 10/second, 30/minute or 100/hour',
      '11:63: log of flow 4: true or false is expected, not “maybe”',
    ],
  },
  {
    name: 'flows that repeat each other',
    text: site(
      'flows:\n  - { from: web, to: all, allow: [tcp/80, udp/1-65535] }\n  - { from: web, to: all, allow: [tcp/443, tcp/80] }\n  - { from: web, to: all, allow: [udp/53], comment: names }\n  - { from: all, to: web, allow: [icmp, tcp/5-9, icmp/echo-request] }\n',
    ),
    problems: [
      '9:44: flow 1 allows tcp/80 from web to all already (tcp/80)',
      '10:35: flow 1 allows udp/53 from web to all already (udp/1-65535)',
      '11:50: icmp and icmp/echo-request of this flow overlap',
    ],
  },
  {
    name: 'flows that contradict each other',
    text: site(
      'flows:\n  - { from: web, to: all, allow: [tcp/80], rate: 5/second }\n  - { from: web, to: all, allow: [tcp/70-90], rate: 9/second }\n  - { from: all, to: web, allow: [tcp/22] }\n  - { from: all, to: web, allow: [tcp/22], log: true }\n',
    ),
    problems: [
      '9:35: this flow contradicts flow 1, which allows tcp/70-90 from web to all too (tcp/80): at most 5/second there, at most 9/second here',
      '11:35: this flow contradicts flow 3, which allows tcp/22 from all to web too (tcp/22): without a rate or a log there, logged here',
    ],
  },
  {
    name: 'a rate that another flow takes the sense from',
    text: site(
      'flows:\n  - { from: web, to: zone:inside, allow: [tcp/80], rate: 5/second }\n  - { from: all, to: all, allow: [tcp/1-1000] }\n',
    ),
    problems: ['8:58: this rate has no effect: flow 2 allows the same without one (all → all: tcp/1-1000)'],
  },
  {
    name: 'flows of the host and by it',
    text: `${head}zones:\n  inside: { subnets: [10.20.0.0/16], uplink: { interface: eth1 } }\nguests:\n  web: { ${guest('')} }\nflows:\n  - { from: host, to: web, allow: [tcp/80] }\n  - { from: world, to: host, allow: [tcp/22] }\n  - { from: 203.0.113.0/24, to: world, allow: [tcp/22] }\n`,
    problems: [
      '8:13: the host reaches every guest without a flow: leave this one out',
      '9:5: who comes to the host from world passes no flow: this is for the host’s own firewall; a flow to host is for guests',
      '10:5: a flow from 203.0.113.0/24 to world does not pass through this site',
    ],
  },
  {
    name: 'flows of ranges in which nobody is',
    text: `${head}zones:\n  inside: { subnets: [10.20.0.0/16] }\n  empty: { subnets: [10.21.0.0/16] }\nguests:\n  web: { ${guest('addresses: [10.20.0.5]')} }\nflows:\n  - { from: web, to: 10.20.0.0/30, allow: [tcp/80] }\n  - { from: 10.21.0.0/24, to: web, allow: [tcp/80] }\n  - { from: 203.0.113.0/24, to: web, allow: [tcp/80] }\n`,
    problems: [
      '9:22: no guest has an address in 10.20.0.0/30: this flow allows nothing',
      '10:13: no guest has an address in 10.21.0.0/24: this flow allows nothing',
      '11:13: 203.0.113.0/24 lies outside every zone, and no zone has an uplink, so there is no way there',
    ],
  },
  {
    name: 'a label and a zone that are nearly right',
    text: site('flows:\n  - { from: zone:insde, to: label:role=frnt, allow: [tcp/80] }\n').replace(
      'root: 8GiB }',
      'root: 8GiB }, labels: { role: front }',
    ),
    problems: [
      '8:13: no zone is called “insde”; did you mean “inside”?',
      '8:29: no guest has the label role=frnt: this flow allows nothing; did you mean “role=front”?',
    ],
  },

  // What a later version will understand.
  {
    name: 'wishes that are not supported yet',
    text: site('backups: { nightly: {} }\n').replace('root: 8GiB', 'root: 8GiB }, tpm: true, firmware: uefi-secure, labels: { a: b'),
    problems: [
      '6:81: “tpm” is not supported by this version',
      '6:102: “uefi-secure” is not supported by this version: use bios or uefi',
      '7:1: “backups” is not supported by this version',
    ],
  },

  // Everything at once, and nothing that is wrong only because of something else.
  {
    name: 'a guest with a bad field still exists, and its sound fields are checked',
    text: `${zones}guests:\n  web: { image: none, zone: nowhere, memory: 512, disks: { root: 8GiB } }\nflows:\n  - { from: web, to: web, allow: [tcp/80] }\n  - { from: web, to: app, allow: [tcp/80] }\n`,
    problems: [
      '6:17: guest “web” needs image “none”, which does not exist',
      '6:29: guest “web” is in zone “nowhere”, which does not exist',
      '6:46: memory of guest “web”: a memory size with its unit, for example 512MiB, or a range such as { min: 512MiB, max: 2GiB }, is expected, not 512',
      '9:22: no guest is called “app”',
    ],
  },
  {
    name: 'a zone with a bad field still exists, and nobody is said to be outside of it',
    text: `${head}zones:\n  inside: { subnets: [10.20.0/16], uplink: 3 }\nguests:\n  web: { ${guest('addresses: [10.20.0.5]')} }\nflows:\n  - { from: world, to: zone:inside, allow: [tcp/80] }\n`,
    problems: [
      '4:23: subnet 1 of zone “inside”: “10.20.0/16” is not an address range: expected is for example 10.20.0.0/16',
      '4:44: uplink of zone “inside”: a map such as { interface: eth1, gateway: 192.0.2.1 } is expected, not 3',
    ],
  },
  {
    name: 'labels that are wrong somewhere do not make a flow wrong',
    text: `${zones}guests:\n  web: { ${guest('lables: { role: front }')} }\n  app: { ${guest('labels: [role]')} }\nflows:\n  - { from: label:role=front, to: app, allow: [tcp/80] }\n`,
    problems: [
      '6:81: guest “web” has no field “lables”; did you mean “labels”?',
      '7:89: labels of guest “app”: a map such as { role: front } is expected, not a list',
    ],
  },
];
