// Generates the reference of the site file from its schema: docs/reference/site.schema.json for editors, site-file.md for people.
import { z } from 'zod';
import { icmpTypeNames } from '../src/model/flow-service.ts';
import { guestUnsupported } from '../src/model/guest.ts';
import { builtInImages } from '../src/model/image.ts';
import { reservedNames } from '../src/model/name.ts';
import { siteFileSchema, siteUnsupported } from '../src/model/site.ts';

export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

export function generate(): Promise<Record<string, string>> {
  const schema = siteFileJsonSchema();
  return Promise.resolve({
    'docs/reference/site.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
    'docs/reference/site-file.md': reference(schema),
  });
}

/** JSON Schema draft 7, which editors understand best. What needs more than one object is checked by `caisson apply` only. */
export function siteFileJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(siteFileSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      // Defaults and examples are given in the file's spelling, also where the value is changed afterwards (`512MiB` → 512).
      const meta = z.globalRegistry.get(zodSchema);
      if (Array.isArray(meta?.['examples'])) jsonSchema.examples = meta['examples'];
      if (typeof meta?.['default'] === 'string') jsonSchema.default = meta['default'];
    },
  }) as JsonSchema;
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Caisson site file', ...schema } as JsonSchema;
}

function reference(schema: JsonSchema): string {
  const at = (from: JsonSchema | undefined, ...path: string[]): JsonSchema =>
    path.reduce<JsonSchema>((value, step) => {
      const inner = step === '*' ? (value.additionalProperties as JsonSchema) : step === '[]' ? value.items : value.properties?.[step];
      if (!inner) throw new Error(`the site file’s schema has no ${path.join('.')}`);
      return inner;
    }, from ?? schema);
  const image = at(schema, 'images', '*').anyOf ?? [];
  const guest = at(schema, 'guests', '*');
  const disk = at(guest, 'disks', '*').anyOf?.find(isMap);
  const check = at(guest, 'service', 'ready').anyOf?.find(isMap);
  const map = (name: string) => at(check, name).anyOf?.find(isMap);
  return `# The site file

<!-- Generated from the schema by \`npm run generate\`. -->

One YAML file says what a site should be; \`caisson apply FILE\` makes it so. Editors complete and check it with
[site.schema.json](site.schema.json), for example by this line at its top:

\`\`\`yaml
# yaml-language-server: $schema=site.schema.json
version: 1
site: lab
zones:
  internal: { subnets: [10.20.0.0/16] }
guests:
  web:
    image: debian-12
    zone: internal
    memory: 512MiB
    disks: { root: 8GiB }
\`\`\`

A field without a default and without “optional” must be given. A field that does not exist is an error, never ignored.

## The site

${table(schema)}

## A zone: \`zones.NAME\`

${table(at(schema, 'zones', '*'))}

\`uplink\`:

${table(at(schema, 'zones', '*', 'uplink'))}

\`publish[]\`:

${table(at(schema, 'zones', '*', 'publish', '[]'))}

## A flow: \`flows[]\`

${table(at(schema, 'flows', '[]'))}

## An image: \`images.NAME\`

Built in are ${Object.keys(builtInImages).map(code).join(' and ')}. An image of one's own is one of three kinds.

Made from a recipe:

${table(image[0])}

A file of it, \`files.PATH\` (exactly one of ${Object.keys(at(image[0], 'files', '*').properties ?? {})
    .filter((name) => name !== 'mode')
    .map(code)
    .join(', ')}):

${table(at(image[0], 'files', '*'))}

Fetched:

${table(image[1])}

A file of the host:

${table(image[2])}

## A guest: \`guests.NAME\`

${table(guest)}

\`disks.NAME\` is a size (\`8GiB\`) or a map:

${table(disk)}

\`userData\`, exactly one of:

${table(at(guest, 'userData'))}

\`after[]\`, exactly one of:

${table(at(guest, 'after', '[]'))}

## A service: \`guests.NAME.service\`

${table(at(guest, 'service'))}

A readiness check has exactly one of:

${table(check)}

\`tcp\` as a map:

${table(map('tcp'))}

\`http\` as a map:

${table(map('http'))}

\`dns\` as a map:

${table(map('dns'))}

## Values

- **Names** of sites, zones, images, guests, disks and labels have 1 to 63 lower-case letters, digits and hyphens, begin with a letter and do not end with a
  hyphen. ${reservedNames.map(code).join(', ')} are reserved.
- **Sizes** are whole numbers with \`MiB\`, \`GiB\` or \`TiB\`: \`512MiB\`.
- **Durations** are whole numbers with \`s\`, \`min\`, \`h\` or \`d\`: \`90s\`.
- **Ports** are \`tcp/80\`, \`udp/53\`, \`tcp/8000-8100\` or \`icmp\`.
- **What a flow allows** is a port, \`icmp\` (asking for an echo), a kind of ICMP message for IPv4 and IPv6 alike (${icmpTypeNames
    .map((name) => code(`icmp/${name}`))
    .join(', ')}), or another protocol by
  its number: \`protocol/47\`.
- **Rates** are \`10/second\`, \`30/minute\` or \`100/hour\`.
- **Addresses** are IPv4 or IPv6 without a prefix, **ranges** have one: \`192.0.2.10\`, \`10.20.0.0/16\`. A range has no bit set after its prefix.

## YAML

Only its plain part is used: anchors, aliases, merge keys, tags and several documents in one file are refused, and so is a key that stands twice.
The file is UTF-8 and has at most 4 MiB.

## Not supported yet

These are refused by their names: ${[
    ...siteUnsupported.map(code),
    ...guestUnsupported.map((name) => code(`guests.NAME.${name}`)),
    'a memory range `{ min, max }`',
    '`firmware: uefi-secure`',
    'disks of another bus than `virtio`',
  ].join(', ')}.
`;
}

function table(schema: JsonSchema | undefined): string {
  if (!schema?.properties) throw new Error('a table needs a map with fields');
  const rows = Object.entries(schema.properties).map(([name, field]) => {
    if (!field.description) throw new Error(`the field ${name} of the site file has no description`);
    const absent =
      field.default !== undefined
        ? code(JSON.stringify(field.default).replaceAll('"', ''))
        : schema.required?.includes(name)
          ? ''
          : 'optional';
    return `| ${code(name)} | ${describeType(field)} | ${absent} | ${field.description} |`;
  });
  return ['| field | value | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function describeType(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(', ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(describeType))].join(' or ');
  if (schema.examples && schema.type === 'string')
    return `text such as ${schema.examples
      .slice(0, 2)
      .map((example) => code(String(example)))
      .join(', ')}`;
  switch (schema.type) {
    case 'array':
      return `list of ${schema.items ? describeType(schema.items) : 'anything'}`;
    case 'object':
      return typeof schema.additionalProperties === 'object' ? 'map by name' : 'map';
    case 'integer':
    case 'number':
      return schema.minimum !== undefined && schema.maximum !== undefined ? `${schema.minimum} to ${schema.maximum}` : 'number';
    case 'boolean':
      return '`true` or `false`';
    default:
      return 'text';
  }
}

function isMap(schema: JsonSchema): boolean {
  return schema.properties !== undefined;
}

function code(text: string): string {
  return `\`${text}\``;
}
