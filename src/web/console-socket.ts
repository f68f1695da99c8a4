// The serial console as a websocket: binary both ways.
import { type Client, pathOf } from '../api/client.ts';
import { endpoints } from '../api/endpoints.ts';

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

export function openConsole(_client: Client, guest: string, { onOpen, onData, onEnd }: ConsoleHandlers): ConsoleConnection {
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}${pathOf(endpoints.guestConsole, { guest })}`);
  socket.binaryType = 'arraybuffer';
  let closed = false;
  socket.addEventListener('open', onOpen);
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) onData(new Uint8Array(data));
  });
  socket.addEventListener('close', ({ reason }) => {
    if (!closed) onEnd(reason);
  });
  const encoder = new TextEncoder();
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
    },
    close() {
      closed = true;
      socket.close();
    },
  };
}
