// What a guest has used: four plots on one time axis with one crosshair, its events as marks on the axis.
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Guest } from '../../model/guest-status.ts';
import type { Resolution } from '../../model/usage.ts';
import { events, history } from '../live/resources.ts';
import { useNow, useResource } from '../live/use-live.ts';
import { Problem, Section } from '../ui/parts.tsx';
import { useWidth } from '../ui/use-size.ts';
import { mostOf, nearest, pathOf, type Plot, plotsOf, type Unit } from '../view/plot.ts';
import { useWords } from '../words/use-words.ts';

const hourMs = 3_600_000;
const ranges = {
  hour: { resolution: 'minute', lengthMs: hourMs },
  day: { resolution: 'minute', lengthMs: 24 * hourMs },
  week: { resolution: 'hour', lengthMs: 7 * 24 * hourMs },
  month: { resolution: 'hour', lengthMs: 30 * 24 * hourMs },
  year: { resolution: 'day', lengthMs: 365 * 24 * hourMs },
} as const satisfies Record<string, { resolution: Resolution; lengthMs: number }>;
type Range = keyof typeof ranges;

const slotMs: Record<Resolution, number> = { minute: 60_000, hour: hourMs, day: 24 * hourMs };
const plotHeight = 72;
const axisHeight = 14;

export function Plots({ guest }: { guest: Guest }) {
  const { words, format } = useWords();
  const [range, setRange] = useState<Range>('hour');
  const { resolution, lengthMs } = ranges[range];
  const entry = useResource(history(guest.name, resolution));
  const { value: known } = useResource(events);
  const now = useNow(60_000);
  const from = now - lengthMs;
  const [at, setAt] = useState<number>();
  const plots = useMemo(
    () =>
      plotsOf(
        (entry.value?.items ?? []).filter(({ time }) => time >= from),
        { cpus: guest.spec.cpus, memoryMib: guest.spec.memoryRange?.maxMib ?? guest.spec.memoryMib },
      ),
    [entry.value, from, guest.spec],
  );
  const marks = (known?.items ?? []).filter(({ object, time }) => object === `guest/${guest.uid}` && Date.parse(time) >= from);
  const isEmpty = plots.every(({ series }) => series.every(({ points }) => points.length === 0));
  return (
    <Section
      title={words.usage}
      aside={
        <div class="switch" role="group" aria-label={words.timeRange}>
          {(Object.keys(ranges) as Range[]).map((each) => (
            <button key={each} type="button" aria-pressed={each === range} onClick={() => setRange(each)}>
              {words.ranges[each]}
            </button>
          ))}
        </div>
      }
    >
      {entry.error && <Problem error={entry.error} />}
      {entry.value && isEmpty && <p class="quiet">{words.nothingMeasured}</p>}
      <div class="plots" hidden={isEmpty} onPointerLeave={() => setAt(undefined)}>
        {plots.map((plot) => (
          <PlotFigure
            key={plot.name}
            plot={plot}
            from={from}
            to={now}
            gapMs={2.5 * slotMs[resolution]}
            at={at}
            onPoint={setAt}
            marks={marks.map(({ time, severity, message }) => ({ time: Date.parse(time), severity, message }))}
          />
        ))}
      </div>
      <p class="quiet plot-axis" hidden={isEmpty}>
        <span>{lengthMs > 24 * hourMs ? format.day(from) : format.clock(from)}</span>
        <span>{at === undefined ? '' : format.day(at)}</span>
        <span>{words.now}</span>
      </p>
    </Section>
  );
}

interface FigureProps {
  plot: Plot;
  from: number;
  to: number;
  gapMs: number;
  at: number | undefined;
  onPoint: (time: number) => void;
  marks: { time: number; severity: string; message: string }[];
}

function PlotFigure({ plot, from, to, gapMs, at, onPoint, marks }: FigureProps) {
  const { words, format } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const most = mostOf(plot);
  const show = (value: number, unit: Unit) =>
    unit === 'processors' ? format.number(value, value < 1 ? 2 : 1) : unit === 'mib' ? format.mib(value) : format.rate(value);
  const x = (time: number) => ((time - from) / (to - from)) * width;
  const y = (value: number) => plotHeight - (value / most) * (plotHeight - 2);
  const values = plot.series.map(({ name, points }) => ({ name, point: at === undefined ? points.at(-1) : nearest(points, at, gapMs) }));
  const label = `${words.plots[plot.name]}: ${values.map(({ name, point }) => `${words.series[name]} ${point ? show(point.value, plot.unit) : '–'}`).join(', ')}`;
  return (
    <figure class="plot">
      <figcaption>
        <strong>{words.plots[plot.name]}</strong>
        {values.map(({ name, point }, index) => (
          <span key={name} class={`series series-${index}`}>
            {plot.series.length > 1 && <span class="series-key" aria-hidden="true" />}
            {plot.series.length > 1 && `${words.series[name]} `}
            <span class="number">{point ? show(point.value, plot.unit) : '–'}</span>
          </span>
        ))}
        <span class="quiet number">{show(most, plot.unit)}</span>
      </figcaption>
      <div ref={box}>
        <svg
          role="img"
          aria-label={label}
          width={width}
          height={plotHeight + axisHeight}
          viewBox={`0 0 ${Math.max(1, width)} ${plotHeight + axisHeight}`}
          onPointerMove={(event) => onPoint(from + (event.offsetX / Math.max(1, width)) * (to - from))}
        >
          <line class="grid" x1={0} x2={width} y1={1} y2={1} />
          <line class="grid" x1={0} x2={width} y1={plotHeight / 2} y2={plotHeight / 2} />
          <line class="axis" x1={0} x2={width} y1={plotHeight} y2={plotHeight} />
          {plot.limit !== undefined && plot.limit <= most && (
            <line class="limit" x1={0} x2={width} y1={y(plot.limit)} y2={y(plot.limit)}>
              <title>{`${words.given}: ${show(plot.limit, plot.unit)}`}</title>
            </line>
          )}
          {plot.series.map(({ name, points }, index) => (
            <path key={name} class={`line series-${index}`} d={pathOf(points, x, y, gapMs)} />
          ))}
          {marks.map(({ time, severity, message }) => (
            <path
              key={`${time} ${message}`}
              class={`event-mark severity-${severity}`}
              d={`M${x(time).toFixed(1)} ${plotHeight + 3}l4 8h-8z`}
            >
              <title>{message}</title>
            </path>
          ))}
          {at !== undefined && <line class="crosshair" x1={x(at)} x2={x(at)} y1={0} y2={plotHeight} />}
        </svg>
      </div>
    </figure>
  );
}
