// The screen of a guest in an element of the page, by noVNC. What that has of keys is kept to what somebody presses here and what the page sends
// for them; of the guest nothing comes but pixels: no clipboard, no pointer of its own, no pictures that the browser would have to decode,
// which the page’s content security policy does not allow.
import RFB from '@novnc/novnc';
import type { Client } from '../api/client.ts';
import { openConsole } from './console-socket.ts';
import { keysyms, type Stroke } from './view/screen-keys.ts';

/** Encodings of the screen that are asked for: copied, tight, ZRLE, hextile, raw. */
const encodings = [1, 7, 16, 5, 0];
/** And of what else a server may tell: other sizes, the last of several rectangles, keys by their place, lights of the keyboard, compression. */
const extensions = [-223, -308, -224, -258, -261, ...Array.from({ length: 10 }, (_, level) => -256 + level)];
const wanted = new Set([...encodings, ...extensions]);

const { clientEncodings } = RFB.messages;
RFB.messages.clientEncodings = (socket, offered) =>
  clientEncodings(
    socket,
    offered.filter((encoding) => wanted.has(encoding)),
  );

/**
 * For each time that a key goes down or up. A guest’s keyboard keeps 16 of them that its system has not read, and loses what comes then: systems read
 * it a hundred times a second and more, firmware and what it starts 18 times.
 */
const eventMs = { usual: 12, slow: 80 } as const;

export interface ScreenHandlers {
  onOpen: () => void;
  /** With the daemon’s sentence, where it has one. */
  onEnd: (why: string) => void;
  /** Somebody wants to leave it by the keyboard. */
  onLeave: () => void;
}

export interface ScreenView {
  fit(fits: boolean): void;
  focus(): void;
  /** Keys by their places, pressed together. */
  press(codes: readonly string[]): void;
  /** One after the other; ends early when the signal says so. */
  type(
    strokes: readonly Stroke[],
    options: { pace: keyof typeof eventMs; onTyped: (count: number) => void; signal: AbortSignal },
  ): Promise<void>;
  close(): void;
}

export function showScreen(element: HTMLElement, client: Client, guest: string, label: string, handlers: ScreenHandlers): ScreenView {
  let rfb: RFB | undefined;
  let fits = true;
  const close = openConsole(client, guest, 'screen', {
    onSocket(socket) {
      const made = new RFB(element, socket, { shared: true });
      made.background = 'transparent';
      made.scaleViewport = fits;
      made.addEventListener('connect', () => {
        nameCanvas(element, label);
        handlers.onOpen();
      });
      rfb = made;
    },
    onEnd: handlers.onEnd,
  });
  const leave = (event: KeyboardEvent) => {
    if (!event.ctrlKey || !event.altKey || event.code !== 'ArrowUp') return;
    event.preventDefault();
    event.stopPropagation();
    releaseKeys();
    handlers.onLeave();
  };
  // Before noVNC, which takes every key.
  element.addEventListener('keydown', leave, true);
  const send = (code: string, isDown: boolean, keysym = keysyms[code] ?? 0) => rfb?.sendKey(keysym, code, isDown);
  return {
    fit(now) {
      fits = now;
      if (rfb) rfb.scaleViewport = now;
    },
    focus: () => rfb?.focus({ preventScroll: true }),
    press(codes) {
      for (const code of codes) send(code, true);
      for (const code of codes.toReversed()) send(code, false);
    },
    async type(strokes, { pace, onTyped, signal }) {
      for (const [index, { code, keysym, modifiers }] of strokes.entries()) {
        if (signal.aborted) return;
        for (const modifier of modifiers) send(modifier, true);
        send(code, true, keysym);
        send(code, false, keysym);
        for (const modifier of modifiers) send(modifier, false);
        onTyped(index + 1);
        await new Promise((resolve) => setTimeout(resolve, eventMs[pace] * (2 + 2 * modifiers.length)));
      }
    },
    close() {
      element.removeEventListener('keydown', leave, true);
      rfb?.disconnect();
      close();
    },
  };
}

/** noVNC’s canvas is for the pointer alone: it gets its place among what the keyboard reaches, and a name. */
function nameCanvas(element: HTMLElement, label: string): void {
  const canvas = element.querySelector('canvas');
  if (!canvas) return;
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', label);
}

/** noVNC lets go of all that are down when the window loses the focus: so the guest is not left with Ctrl and Alt held. */
function releaseKeys(): void {
  dispatchEvent(new Event('blur'));
}
