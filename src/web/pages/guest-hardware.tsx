// What a guest is made of, and who it is.
import type { Guest } from '../../model/guest-status.ts';
import { Facts, Section, Time } from '../ui/parts.tsx';
import { useWords } from '../words/use-words.ts';

export function GuestHardware({ guest }: { guest: Guest }) {
  const { words, format } = useWords();
  const { spec, status, hardware } = guest;
  return (
    <div class="columns">
      <Section title={words.hardware}>
        <Facts
          items={[
            [words.processors, `${format.number(spec.cpus)} (${words.atMost} ${format.number(hardware.maxCpus)})`],
            spec.cpu && [
              words.share,
              [
                spec.cpu.weight === undefined ? '' : `${words.weight} ${spec.cpu.weight}`,
                spec.cpu.limit === undefined ? '' : `${words.atMost} ${format.number(spec.cpu.limit, 1)}`,
                spec.cpu.pin === undefined ? '' : `${words.pinnedTo} ${spec.cpu.pin.join(', ')}`,
              ]
                .filter(Boolean)
                .join(' · '),
            ],
            [
              words.memory,
              spec.memoryRange
                ? `${format.mib(spec.memoryRange.minMib)} – ${format.mib(spec.memoryRange.maxMib)}`
                : format.mib(spec.memoryMib),
            ],
            status.has && [words.hasNow, `${format.mib(status.has.memoryMib)} · ${words.processorsCounted(status.has.cpus)}`],
            status.memoryBytes !== undefined && [words.costs, format.bytes(status.memoryBytes)],
            [words.firmware, spec.firmware],
            [words.system, spec.os],
            [words.screen, spec.display],
            [words.image, spec.image],
            [words.machine, hardware.machineType],
            [words.model, hardware.cpuModel],
          ]}
        />
      </Section>
      <Section title={words.identity}>
        <Facts
          items={[
            ['uid', <code>{guest.uid}</code>],
            ['UUID', <code>{hardware.uuid}</code>],
            [words.madeAt, <Time at={guest.createdAt} />],
            status.pid !== undefined && [words.process, `${status.pid} · ${words.unixUser} ${guest.userId}`],
            [words.agent, words.agents[status.agent]],
            [
              words.labels,
              Object.entries(spec.labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(' ') || '–',
            ],
            [words.autostart, spec.autostart ? words.yes : words.no],
          ]}
        />
      </Section>
    </div>
  );
}
