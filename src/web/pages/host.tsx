// The machine under it all: what it is, how its memory is accounted for, and what its network says.
import { useState } from 'preact/hooks';
import type { Host } from '../../model/host.ts';
import { useMe } from '../live/me.ts';
import { guests, host } from '../live/resources.ts';
import { useResource } from '../live/use-live.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { useAct } from '../ui/notices.tsx';
import { Command, Facts, Loaded, Mark, Said, Section, Time } from '../ui/parts.tsx';
import { diskGrowth } from '../view/capacity.ts';
import { useWords } from '../words/use-words.ts';
import { Doctor } from './host-doctor.tsx';
import { Images } from './host-images.tsx';

/** What is free where guests' disks lie, beside what these may still take. */
function Disks({ host: { disks } }: { host: Host }) {
  const { words, format } = useWords();
  const { value } = useResource(guests);
  const growth = diskGrowth(value?.items ?? []);
  const free = disks.reduce((sum, { freeBytes }) => sum + freeBytes, 0);
  return (
    <Section title={words.diskSpace}>
      <ul class="plain">
        {disks.map(({ path, sizeBytes, freeBytes, problem }) => (
          <li key={path}>
            <code>{path}</code> {words.diskSpaceAt(format.bytes(freeBytes), format.bytes(sizeBytes))}
            {problem !== undefined && (
              <p>
                <Mark tone="amber" /> <Said>{problem}</Said>
              </p>
            )}
          </li>
        ))}
      </ul>
      {growth > 0 && (
        <p class="quiet">
          {words.disksMayGrow(format.bytes(growth))} {growth > free && words.moreThanThereIs}
        </p>
      )}
    </Section>
  );
}

/** Before the host is opened, moved or updated. */
function ShutDownAll({ host: { name, guests: counted } }: { host: Host }) {
  const { words } = useWords();
  const act = useAct();
  const [asked, setAsked] = useState(false);
  if (!useMe().site.includes('operate') || counted.running === 0) return null;
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsked(true)}>
        {words.shutDownAll}
      </button>
      {asked && (
        <ConfirmDialog
          title={words.shutDownAll}
          lost={words.lostByShutDownAll(counted.running)}
          name={name}
          action={words.shutDownAll}
          command="caisson host shutdown"
          onClose={() => setAsked(false)}
          onConfirm={() => {
            setAsked(false);
            void act((client) => client.call('hostShutdown', {}));
          }}
        />
      )}
    </>
  );
}

export function HostPage() {
  const { words, format } = useWords();
  const entry = useResource(host);
  return (
    <div class="page">
      <header class="page-head">
        <h1 class="grow">{entry.value?.name ?? words.pages.host}</h1>
        {entry.value && <ShutDownAll host={entry.value} />}
      </header>
      <Loaded entry={entry}>
        {(value) => {
          const { memory, topology, pressure, network } = value;
          const account = [
            [words.memoryTotal, memory.totalMib],
            [`− ${words.reserve}`, memory.reserveMib],
            [`− ${words.promised}`, memory.promisedMib],
          ] as const;
          return (
            <div class="columns">
              <div>
                <Section title={words.memoryAccount}>
                  <table class="account">
                    <tbody>
                      {account.map(([name, mib]) => (
                        <tr key={name}>
                          <th scope="row">{name}</th>
                          <td class="number">{format.number(mib)} MiB</td>
                        </tr>
                      ))}
                      <tr class="sum">
                        <th scope="row">= {words.free}</th>
                        <td class="number">{format.number(memory.freeMib)} MiB</td>
                      </tr>
                    </tbody>
                  </table>
                  <p class="quiet">{words.memoryAccountMeans}</p>
                  {pressure && (
                    <Facts
                      items={[
                        [words.availableNow, format.mib(pressure.availableMib)],
                        [words.swapUsed, format.mib(pressure.swapUsedMib)],
                        pressure.waiting && [words.waitingForMemory, format.percent(pressure.waiting.some)],
                      ]}
                    />
                  )}
                </Section>
                <Disks host={value} />
                <Section title={words.network}>
                  <p>
                    <Mark tone={network.rulesInForce ? 'quiet' : 'red'} />{' '}
                    {network.rulesInForce ? words.rulesInForce : words.rulesNotInForce}
                  </p>
                  {network.problem !== undefined && (
                    <p class="job-error">
                      <Mark tone="red" />
                      <Said>{network.problem}</Said>
                    </p>
                  )}
                  {network.warnings.map((warning) => (
                    <p key={warning}>
                      <Mark tone="amber" /> <Said>{warning}</Said>
                    </p>
                  ))}
                  <Facts
                    items={[
                      [words.namespace, network.namespace ?? words.hostsOwn],
                      network.otherTables.length > 0 && [
                        words.otherFirewalls,
                        network.otherTables.map(({ name, refuses }) => `${name} (${words.refuses[refuses]})`).join(', '),
                      ],
                    ]}
                  />
                  <Command text="caisson zone check" />
                </Section>
              </div>
              <div>
                <Section title={words.hardware}>
                  <Facts
                    items={[
                      topology?.model !== undefined && [words.model, topology.model],
                      [words.processors, format.number(value.cpus)],
                      topology && [words.topology, words.topologyOf(topology.sockets, topology.cores, topology.threads)],
                      [words.accelerator, words.accelerators[value.accelerator]],
                      ...(topology?.numaNodes ?? []).map(
                        ({ id, cpus, memoryMib }) => [`NUMA ${id}`, `${cpus} · ${format.mib(memoryMib)}`] as const,
                      ),
                      ...(topology?.hugePages ?? []).map(
                        ({ sizeKib, total, free }) =>
                          [`${words.hugePages} ${format.mib(sizeKib / 1024)}`, `${format.number(free)} / ${format.number(total)}`] as const,
                      ),
                    ]}
                  />
                </Section>
                <Section title={words.software}>
                  <Facts
                    items={[
                      ['Caisson', value.version],
                      ['QEMU', value.qemuVersion],
                      [words.dataDirectory, <code>{value.dataDirectory}</code>],
                      [words.daemonSince, <Time at={value.startedAt} />],
                      [words.pages.guests, words.guestsCounted(value.guests.defined, value.guests.running, value.guests.ready)],
                    ]}
                  />
                </Section>
              </div>
            </div>
          );
        }}
      </Loaded>
      <Images />
      <Doctor />
    </div>
  );
}
