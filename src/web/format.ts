// Figures, sizes and times as people of a language read them. Sizes are in MiB and GiB in every language, as in the site file. Pure.
import type { Language } from './words/words.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Between a figure and its unit: never broken. */
const space = '\u00a0';

export class Format {
  readonly #language: string;
  readonly #numbers = new Map<number, Intl.NumberFormat>();
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #now: string;
  readonly #clock: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;

  constructor(language: Language, timeZone?: string) {
    this.#language = language === 'en' ? 'en-GB' : 'fr-FR';
    const zone = timeZone === undefined ? {} : { timeZone };
    this.#relative = new Intl.RelativeTimeFormat(this.#language, { numeric: 'always', style: 'short' });
    this.#now = new Intl.RelativeTimeFormat(this.#language, { numeric: 'auto' }).format(0, 'second');
    this.#clock = new Intl.DateTimeFormat(this.#language, { hour: '2-digit', minute: '2-digit', ...zone });
    this.#day = new Intl.DateTimeFormat(this.#language, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', ...zone });
    this.#moment = new Intl.DateTimeFormat(this.#language, { dateStyle: 'full', timeStyle: 'long', ...zone });
  }

  number(value: number, digits = 0): string {
    let format = this.#numbers.get(digits);
    if (!format) {
      format = new Intl.NumberFormat(this.#language, { maximumFractionDigits: digits });
      this.#numbers.set(digits, format);
    }
    return format.format(value);
  }

  /** Three digits at least, in the unit in which a person thinks of it. */
  mib(mib: number): string {
    if (mib >= 10 * 1024 || (mib >= 1024 && mib % 1024 === 0)) return `${this.number(mib / 1024, mib >= 100 * 1024 ? 0 : 1)}${space}GiB`;
    return `${this.number(mib, mib < 10 ? 1 : 0)}${space}MiB`;
  }

  bytes(bytes: number): string {
    return bytes < 1024 * 1024 ? `${this.number(bytes / 1024)}${space}KiB` : this.mib(bytes / (1024 * 1024));
  }

  rate(kibPerS: number): string {
    if (kibPerS >= 1024) return `${this.number(kibPerS / 1024, 1)}${space}MiB/s`;
    return `${this.number(kibPerS, kibPerS < 10 ? 1 : 0)}${space}KiB/s`;
  }

  percent(part: number): string {
    return `${this.number(part * 100, part < 0.1 ? 1 : 0)}${space}%`;
  }

  /** `now`, `3 min ago` within a day; day and time of anything further away. */
  relative(at: number, now: number): string {
    const away = at - now;
    const far = Math.abs(away);
    if (far >= dayMs) return this.#day.format(at);
    if (far < 1000) return this.#now;
    if (far < minuteMs) return this.#relative.format(Math.trunc(away / 1000), 'second');
    if (far < hourMs) return this.#relative.format(Math.trunc(away / minuteMs), 'minute');
    return this.#relative.format(Math.trunc(away / hourMs), 'hour');
  }

  clock(at: number): string {
    return this.#clock.format(at);
  }

  day(at: number): string {
    return this.#day.format(at);
  }

  moment(at: number): string {
    return this.#moment.format(at);
  }

  /** `340 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `12 d`. */
  duration(ms: number): string {
    const unit = (value: number, name: string, digits = 0) => `${this.number(value, digits)}${space}${name}`;
    if (ms < 1000) return unit(ms, 'ms');
    if (ms < minuteMs) return unit(ms / 1000, 's', 1);
    const pair = (big: number, bigMs: number, smallMs: number, names: readonly [string, string]) => {
      const rest = Math.floor((ms % bigMs) / smallMs);
      return rest === 0 ? unit(big, names[0]) : `${unit(big, names[0])} ${unit(rest, names[1])}`;
    };
    if (ms < hourMs) return pair(Math.floor(ms / minuteMs), minuteMs, 1000, ['min', 's']);
    if (ms < dayMs) return pair(Math.floor(ms / hourMs), hourMs, minuteMs, ['h', 'min']);
    return pair(Math.floor(ms / dayMs), dayMs, hourMs, [this.#language.startsWith('fr') ? 'j' : 'd', 'h']);
  }
}
