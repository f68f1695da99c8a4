// The host as a room: its guests as blocks, the area of each its memory; then one line on what it has promised and what still fits.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { GuestStats } from '../../model/guest-stats.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { Host } from '../../model/host.ts';
import { useLive } from '../live/use-live.ts';
import { hrefOf } from '../route.ts';
import { Mark } from '../ui/parts.tsx';
import { useWidth } from '../ui/use-size.ts';
import { capacityOf } from '../view/capacity.ts';
import { type GuestState, stateOf } from '../view/guest-state.ts';
import { hostLoad } from '../view/host-load.ts';
import { layOut } from '../view/treemap.ts';
import { stripeOf, zonesOf } from '../view/zone-stripes.ts';
import { useSaid, useWords } from '../words/use-words.ts';

const minHeight = 176;
const mostHeight = 560;
/** Smaller blocks have no name on them; it is told when one points at them. */
const leastWidth = 44;
const leastHeight = 22;
const mostLooked = 200;
const lookEveryMs = 10_000;

export function HostRoom({ host, guests }: { host: Host; guests: readonly Guest[] }) {
  const { words, format } = useWords();
  const load = useHostLoad(host);
  const capacity = useMemo(() => capacityOf(host, guests), [host, guests]);
  const zones = useMemo(() => zonesOf(guests), [guests]);
  const { totalMib, reserveMib, promisedMib, freeMib, roomFor } = capacity;
  return (
    <section class="section room">
      <header>
        <h2>
          <a href={hrefOf('host')}>{host.name}</a>
        </h2>
        <p>
          {words.promisedOf(format.mib(promisedMib), format.mib(totalMib - reserveMib))} ·{' '}
          {load === undefined ? '' : `${words.processorsBusy(format.percent(load))} · `}
          {words.guestsReady(host.guests.ready, host.guests.defined)}
        </p>
      </header>
      <div class="promised" role="img" aria-label={words.promisedOf(format.mib(promisedMib), format.mib(totalMib))}>
        <span class="reserve" style={{ flexGrow: reserveMib }} title={`${words.reserve}: ${format.mib(reserveMib)}`} />
        <span class="taken" style={{ flexGrow: promisedMib }} title={`${words.promised}: ${format.mib(promisedMib)}`} />
        <span class="free" style={{ flexGrow: Math.max(0, freeMib) }} title={`${words.free}: ${format.mib(freeMib)}`} />
      </div>
      <Blocks guests={guests} zones={zones} />
      <ul class="legend">
        {zones.map((zone) => (
          <li key={zone}>
            <span class={`swatch zone-${stripeOf(zone, zones)}`} aria-hidden="true" />
            <a href={hrefOf('zones', [zone])}>{zone}</a>
          </li>
        ))}
        <li class="quiet">{words.blocksLegend}</li>
      </ul>
      <p class="capacity">
        <strong>{roomFor ? words.roomFor(roomFor.guests, format.mib(roomFor.memoryMib)) : words.roomOf(format.mib(freeMib))}</strong>{' '}
        <span class="quiet">
          {words.arithmetic(format.number(totalMib), format.number(reserveMib), format.number(promisedMib), format.number(freeMib))}
        </span>
      </p>
      {host.disks.map(({ path, sizeBytes, freeBytes }) => (
        <p key={path} class="quiet">
          {words.diskRoom(format.bytes(freeBytes), format.bytes(sizeBytes))} <code>{path}</code>
        </p>
      ))}
      <p class="quiet">{words.ifThisHostDies(host.guests.running)}</p>
    </section>
  );
}

/** Looked at every ten seconds while somebody looks; where there are very many guests it would cost more than it tells. */
function useHostLoad({ cpus, guests: { running } }: Host): number | undefined {
  const { client } = useLive();
  const [load, setLoad] = useState<number>();
  const isWanted = running > 0 && running <= mostLooked;
  useEffect(() => {
    if (!isWanted) return;
    let before: GuestStats[] = [];
    const look = async () => {
      const { items } = await client.call('statsList');
      setLoad(hostLoad(before, items, cpus));
      before = items;
    };
    const timer = setInterval(() => void look().catch(() => setLoad(undefined)), lookEveryMs);
    void look().catch(() => undefined);
    return () => clearInterval(timer);
  }, [client, isWanted, cpus]);
  return load;
}

function Blocks({ guests, zones }: { guests: readonly Guest[]; zones: readonly string[] }) {
  const { words, format } = useWords();
  const said = useSaid();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const height = Math.max(minHeight, Math.min(mostHeight, Math.round(width / 5)));
  const [at, setAt] = useState(0);
  const blocks = useMemo(() => {
    if (width === 0) return [];
    const sorted = guests.toSorted((a, b) => b.spec.memoryMib - a.spec.memoryMib || (a.name < b.name ? -1 : 1));
    const areas = layOut(
      sorted.map(({ spec }) => spec.memoryMib),
      { x: 0, y: 0, width, height },
    );
    return sorted.flatMap((guest, index) => {
      const area = areas[index];
      return area ? [{ guest, area, state: stateOf(guest) }] : [];
    });
  }, [guests, width, height]);
  const told = ({ spec, status, name }: Guest, state: GuestState) =>
    [
      `${name}: ${words.states[state.word]}`,
      `${format.mib(spec.memoryMib)} ${words.promised}`,
      status.memoryBytes === undefined ? '' : `${format.bytes(status.memoryBytes)} ${words.used}`,
      spec.nics[0]?.zone ?? '',
      said(status.reason).text,
    ]
      .filter(Boolean)
      .join(' · ');
  return (
    <div
      ref={box}
      class="blocks"
      style={{ height: `${height}px` }}
      role="group"
      aria-label={words.guestsByMemory}
      onKeyDown={(event) => {
        const step =
          event.key === 'ArrowRight' || event.key === 'ArrowDown' ? 1 : event.key === 'ArrowLeft' || event.key === 'ArrowUp' ? -1 : 0;
        if (step === 0) return;
        event.preventDefault();
        const next = Math.max(0, Math.min(blocks.length - 1, at + step));
        setAt(next);
        (box.current?.children[next] as HTMLElement | undefined)?.focus();
      }}
    >
      {blocks.map(({ guest, area, state }, index) => {
        const isLarge = area.width >= leastWidth && area.height >= leastHeight;
        const text = told(guest, state);
        const part = Math.min(1, (guest.status.memoryBytes ?? 0) / (guest.spec.memoryMib * 1024 * 1024));
        return (
          <a
            key={guest.uid}
            class={`block tone-${state.tone} block-zone-${stripeOf(guest.spec.nics[0]?.zone ?? '', zones)}`}
            href={hrefOf('guests', [guest.name])}
            style={{
              left: `${area.x}px`,
              top: `${area.y}px`,
              width: `${area.width}px`,
              height: `${area.height}px`,
              '--used': `${part * 100}%`,
            }}
            title={text}
            aria-label={text}
            tabIndex={index === Math.min(at, blocks.length - 1) ? 0 : -1}
            onFocus={() => setAt(index)}
          >
            {isLarge && <span class="block-name">{guest.name}</span>}
            {state.tone !== 'quiet' && state.tone !== 'off' && <Mark tone={state.tone} />}
          </a>
        );
      })}
    </div>
  );
}
