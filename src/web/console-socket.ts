// The serial console as a websocket: binary both ways. A browser’s websocket carries no token, so a ticket is asked for first, good once and
// for half a minute.
import type { Client } from '../api/client.ts';
import { toCaissonError } from '../lib/errors.ts';

export interface ConsoleHandlers {
  onOpen: () => void;
  onData: (data: Uint8Array) => void;
  /** With the daemon’s sentence, where it has one. */
  onEnd: (why: string) => void;
}

export interface ConsoleConnection {
  send(text: string): void;
  close(): void;
}

const encoder = new TextEncoder();

export function openConsole(client: Client, guest: string, { onOpen, onData, onEnd }: ConsoleHandlers): ConsoleConnection {
  let closed = false;
  let socket: WebSocket | undefined;
  const end = (why: string) => {
    if (!closed) onEnd(why);
  };
  client.call('consoleTicket', { params: { guest }, body: { kind: 'serial' } }).then(
    ({ path }) => {
      if (closed) return;
      socket = new WebSocket(new URL(path, location.origin.replace(/^http/, 'ws')));
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('open', onOpen);
      socket.addEventListener('message', ({ data }) => {
        if (data instanceof ArrayBuffer) onData(new Uint8Array(data));
      });
      socket.addEventListener('close', ({ reason }) => end(reason));
    },
    (error: unknown) => end(toCaissonError(error).message),
  );
  return {
    send(text) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
    },
    close() {
      closed = true;
      socket?.close();
    },
  };
}
