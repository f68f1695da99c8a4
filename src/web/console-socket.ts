// The websocket of a console: binary both ways. A browser’s websocket carries no token, so a ticket is asked for first, good once and
// for half a minute.
import type { Client } from '../api/client.ts';
import { toCaissonError } from '../lib/errors.ts';
import type { ConsoleKind } from '../model/console-ticket.ts';

export interface ConsoleHandlers {
  /** The socket as it is made, before it is open: nothing that it says is lost. */
  onSocket: (socket: WebSocket) => void;
  /** With the daemon’s sentence, where it has one. */
  onEnd: (why: string) => void;
}

/** Returns how to close it; after that nothing is told any more. */
export function openConsole(client: Client, guest: string, kind: ConsoleKind, { onSocket, onEnd }: ConsoleHandlers): () => void {
  let closed = false;
  let socket: WebSocket | undefined;
  const end = (why: string) => {
    if (!closed) onEnd(why);
  };
  client.call('consoleTicket', { params: { guest }, body: { kind } }).then(
    ({ path }) => {
      if (closed) return;
      socket = new WebSocket(new URL(path, location.origin.replace(/^http/, 'ws')));
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('close', ({ reason }) => end(reason));
      onSocket(socket);
    },
    (error: unknown) => end(toCaissonError(error).message),
  );
  return () => {
    closed = true;
    socket?.close();
  };
}
