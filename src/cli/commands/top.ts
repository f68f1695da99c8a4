// `caisson top` and `caisson guest stats`: what guests use.
import type { Command } from 'commander';
import type { Client } from '../../api/client.ts';
import { formatSize } from '../../lib/units.ts';
import type { Advice } from '../../model/usage.ts';
import type { GuestStats } from '../../model/guest-stats.ts';
import { duration, type OutputOptions, showList, withOutput } from '../command.ts';
import { connected } from '../connection.ts';
import { type GuestRates, ratesOf } from '../guest-rates.ts';
import type { Io } from '../io.ts';
import { fieldsFor, renderValue, tableFor } from '../output.ts';
import type { Column, Field } from '../table.ts';
import { refreshView } from '../watch.ts';

/** Between the two looks that rates are made of. */
const lookMs = 1000;

const columns: Column<GuestRates>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'CPU', text: ({ cpu }) => `${(cpu * 100).toFixed(0)}%`, right: true },
  { title: 'OF', text: ({ cpus }) => String(cpus), right: true },
  { title: 'USED', text: ({ memory }) => usedIn(memory), right: true },
  { title: 'GIVEN', text: ({ memory }) => `${memory.promisedMib.toLocaleString('en')} MiB`, right: true },
  { title: 'COSTS THE HOST', text: ({ memory }) => formatSize(memory.hostBytes), right: true },
  {
    title: 'SWAPPED',
    text: ({ memory }) => (memory.swapBytes ? formatSize(memory.swapBytes) : ''),
    style: () => 'red',
    right: true,
    optional: true,
  },
  { title: 'READ/S', text: ({ diskReadBytesPerS }) => rate(diskReadBytesPerS), right: true },
  { title: 'WRITTEN/S', text: ({ diskWrittenBytesPerS }) => rate(diskWrittenBytesPerS), right: true },
  { title: 'RECEIVED/S', text: ({ netReceivedBytesPerS }) => rate(netReceivedBytesPerS), right: true },
  { title: 'SENT/S', text: ({ netSentBytesPerS }) => rate(netSentBytesPerS), right: true },
];

const none = 'no guest runs\n';

/** As its own system sees it: all but what programs could still have. */
function usedIn({ guest }: GuestStats['memory']): string {
  return guest ? formatSize(guest.totalBytes - (guest.availableBytes ?? guest.freeBytes)) : '?';
}

function rate(bytes: number): string {
  return bytes === 0 ? '0' : bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} KiB` : formatSize(bytes);
}

interface TopOptions extends OutputOptions {
  once?: boolean;
  every: number;
}

export function addTop(top: Command, io: Io): void {
  withOutput(top)
    .option('--once', 'print once and leave')
    .option('--every <duration>', 'between two looks, for example 5s', duration, 2000)
    .addHelpText('after', '\nUSED is what the guest says of itself; COSTS THE HOST counts its process, QEMU included. Ctrl-C leaves.')
    .action(async (options: TopOptions) => {
      await connected(io, options, async ({ client }) => {
        if (options.once) return show(io, options, await look(client));
        let before = await all(client);
        await refreshView(io, options.every, async () => {
          const now = await all(client);
          const rates = ratesOf(before, now);
          before = now;
          return options.output === 'table'
            ? `${await headline(client, rates)}${tableOf(io, rates)}`
            : renderValue({ items: rates }, options.output, true);
        });
      });
    });
}

export function addStats(guest: Command, io: Io): void {
  withOutput(guest.command('stats'))
    .description('what it uses: processors, memory, disks, network; without a name all that run')
    .argument('[guest]', 'name or uid')
    .addHelpText('after', '\n-o json prints counters since the guest’s start, for programs that compare two of them.')
    .action(async (name: string | undefined, options: OutputOptions) => {
      await connected(io, options, async ({ client }) => {
        if (options.output === 'table') return show(io, options, await look(client, name));
        const counted = name === undefined ? { items: await all(client) } : await one(client, name);
        io.stdout.write(await renderValue(counted, options.output));
      });
    });
}

const styleOf = ({ verdict }: Advice) => (verdict === 'larger' ? 'amber' : undefined);

const adviceColumns: Column<Advice>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'ADVICE', text: ({ verdict }) => verdict, style: styleOf },
  { title: 'MEMORY', text: memoryAdvice, optional: true },
  { title: 'PROCESSORS', text: cpuAdvice, optional: true },
  { title: 'WHY', text: ({ message }) => message, shrink: true },
];

/** Of one guest the whole sentence, a figure a line. */
function adviceFields(advice: Advice): Field[] {
  return [
    ['guest', advice.name],
    ['advice', advice.verdict, styleOf(advice)],
    ['memory', memoryAdvice(advice)],
    ['processors', cpuAdvice(advice)],
    ['why', advice.message.replaceAll('; ', '\n')],
  ];
}

/** What should be another; empty: nothing. */
function memoryAdvice({ memory }: Advice): string {
  if (!memory) return '';
  const { givenMib, proposedMib, range } = memory;
  const change = (what: string, given: number, proposed: number) =>
    given === proposed ? [] : [`${what}${given.toLocaleString('en')} → ${proposed.toLocaleString('en')}`];
  const changes = range
    ? [
        ...change('min ', range.givenMinMib, range.proposedMinMib),
        ...(givenMib === range.givenMaxMib ? [] : change('size ', givenMib, proposedMib)),
        ...change('max ', range.givenMaxMib, range.proposedMaxMib),
      ]
    : change('', givenMib, proposedMib);
  return changes.length === 0 ? '' : `${changes.join(', ')} MiB`;
}

function cpuAdvice({ cpus }: Advice): string {
  return cpus && cpus.given !== cpus.proposed ? `${cpus.given} → ${cpus.proposed}` : '';
}

export function addAdvise(guest: Command, io: Io): void {
  withOutput(guest.command('advise'))
    .description('what its history says about its memory and processors; without a name of every guest')
    .argument('[guest]', 'name or uid')
    .addHelpText('after', '\nOf one guest the whole sentence is told. Nothing is changed: “caisson guest set” does, or the site file.')
    .action((name: string | undefined, options: OutputOptions) =>
      name === undefined
        ? showList(io, options, { columns: adviceColumns, none: 'there are no guests', fetch: (client) => client.call('adviceList') })
        : connected(io, options, async ({ client }) => {
            const { uid } = await client.call('guestShow', { params: { guest: name } });
            const items = (await client.call('adviceList')).items.filter((advice) => advice.uid === uid);
            io.stdout.write(
              options.output === 'table'
                ? items.map((advice) => fieldsFor(io, adviceFields(advice))).join('')
                : await renderValue({ items }, options.output),
            );
          }),
    );
}

async function show(io: Io, { output }: OutputOptions, rates: GuestRates[]): Promise<void> {
  if (output !== 'table') io.stdout.write(await renderValue({ items: rates }, output));
  else if (rates.length === 0) io.stderr.write(none);
  else io.stdout.write(tableOf(io, rates));
}

function tableOf(io: Io, rates: GuestRates[]): string {
  return rates.length === 0 ? none : tableFor(io, rates, columns);
}

async function headline(client: Client, rates: readonly GuestRates[]): Promise<string> {
  const { cpus, memory, guests } = await client.call('hostShow');
  const busy = rates.reduce((sum, { cpu }) => sum + cpu, 0);
  const figure = (mib: number) => `${mib.toLocaleString('en')} MiB`;
  return `${guests.running} guests run, on ${busy.toFixed(2)} of ${cpus} processors; memory ${figure(memory.promisedMib)} promised, ${figure(memory.freeMib)} free\n\n`;
}

async function look(client: Client, name?: string): Promise<GuestRates[]> {
  const read = async () => (name === undefined ? all(client) : [await one(client, name)]);
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, lookMs));
  return ratesOf(before, await read());
}

async function all(client: Client): Promise<GuestStats[]> {
  return (await client.call('statsList')).items;
}

function one(client: Client, name: string): Promise<GuestStats> {
  return client.call('guestStats', { params: { guest: name } });
}
