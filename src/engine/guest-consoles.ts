// Where a guest shows itself: its serial console and its screen.
import type { Duplex } from 'node:stream';
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import type { ConsoleKind } from '../model/console-ticket.ts';
import { explainNoDisplay } from '../model/guest-actions.ts';
import type { Guests } from './guests.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

export class GuestConsoles {
  readonly #w: { parts: Pick<EngineParts, 'hypervisor'>; site: SiteStore; guests: Guests };

  constructor(parts: { parts: Pick<EngineParts, 'hypervisor'>; site: SiteStore; guests: Guests }) {
    this.#w = parts;
  }

  /** Throws `not-allowed` when there is nothing that a console of this kind could show. */
  openable(nameOrUid: string, kind: ConsoleKind): { uid: string; name: string } {
    const { site, guests } = this.#w;
    const record = site.guest(nameOrUid);
    if (kind === 'screen' && record.spec.display === 'none') throw new CaissonError('not-allowed', explainNoDisplay(record.name));
    guests.check('console', record);
    return record;
  }

  openSerial(nameOrUid: string, options: { history: number }): Promise<Duplex> {
    const { uid } = this.openable(nameOrUid, 'serial');
    return this.#w.parts.hypervisor.openConsole(uid, options);
  }

  /** As a stream of RFB. */
  openScreen(nameOrUid: string): Promise<Duplex> {
    return this.#ofScreen(nameOrUid, (uid) => this.#w.parts.hypervisor.openScreen(uid));
  }

  /** What it shows now, as PNG. */
  screenshot(nameOrUid: string): Promise<Buffer> {
    return this.#ofScreen(nameOrUid, (uid) => this.#w.parts.hypervisor.screenshot(uid));
  }

  /** One that was started before it was given a display has none yet. */
  async #ofScreen<T>(nameOrUid: string, use: (uid: string) => Promise<T>): Promise<T> {
    const { uid, name } = this.openable(nameOrUid, 'screen');
    try {
      return await use(uid);
    } catch (cause) {
      throw new CaissonError(toCaissonError(cause).code, `the screen of guest “${name}” cannot be shown: ${describeError(cause)}`, {
        cause,
      });
    }
  }
}
