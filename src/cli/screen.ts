// The screen of a guest: where it is to be seen, what it shows now as a picture, or offered to VNC viewers of this machine. These connect without
// a password, so it is offered at addresses alone that nobody else can reach.
import { createServer, type Server, type Socket } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { pathOf } from '../api/client.ts';
import { endpoints } from '../api/endpoints.ts';
import { CaissonError, describeError } from '../lib/errors.ts';
import { harmless } from '../lib/harmless.ts';
import { isLoopback, type ListenAddress, parseListenAddress } from '../lib/listen-address.ts';
import { explainIllegal, explainNoDisplay } from '../model/guest-actions.ts';
import type { Guest } from '../model/guest-status.ts';
import type { Connection } from './connection.ts';
import type { Io } from './io.ts';
import { fieldsFor } from './output.ts';

export async function showScreen(
  io: Io,
  connection: Connection,
  name: string,
  { listen, png }: { listen?: string; png?: string },
): Promise<void> {
  if (png !== undefined) return writePicture(io, connection, name, png);
  const place = listen === undefined ? undefined : parsePlace(listen);
  const guest = await connection.client.call('guestShow', { params: { guest: name } });
  refuseWithoutScreen(guest);
  if (place) return offer(io, connection, guest.name, place);
  io.stdout.write(
    fieldsFor(io, [
      ['in a browser', `the page of its host, at #/guests/${guest.name}/screen`],
      ['by VNC', `caisson guest screen ${guest.name} --listen 127.0.0.1:5901, then a viewer at vnc://127.0.0.1:5901`],
      ['as a picture', `caisson guest screen ${guest.name} --png ${guest.name}.png`],
    ]),
  );
}

/** As the daemon would, before anything is begun. */
function refuseWithoutScreen({ name, spec, actions, status }: Guest): void {
  if (spec.display === 'none') throw new CaissonError('not-allowed', explainNoDisplay(name));
  if (!actions.includes('console')) throw new CaissonError('not-allowed', explainIllegal('console', name, status.power));
}

function parsePlace(text: string): ListenAddress {
  const place = parseListenAddress(text);
  if (isLoopback(place.host)) return place;
  throw new CaissonError(
    'invalid',
    `whoever reaches ${place.host} could see the screen and type in it: give an address of this machine alone, for example 127.0.0.1:${place.port}, and come to it from elsewhere by “ssh -L”`,
  );
}

async function writePicture(io: Io, { client }: Connection, guest: string, file: string): Promise<void> {
  if (file === '-' && io.stdout.isTTY)
    throw new CaissonError('invalid', 'a terminal cannot show a picture: write it to a file, or into a program behind a pipe');
  const picture = await client.bytes('guestScreenshot', { params: { guest } });
  if (file === '-') {
    io.stdout.write(picture);
    return;
  }
  try {
    // A screen may show what is not for everybody.
    await writeFile(file, picture, { mode: 0o640 });
  } catch (cause) {
    throw new CaissonError('failed', `the picture cannot be written to ${file}`, { cause });
  }
}

/** Until Ctrl-C. */
async function offer(io: Io, connection: Connection, guest: string, { host, port }: ListenAddress): Promise<void> {
  const viewers = new Set<Socket>();
  const server = createServer((viewer) => {
    viewers.add(viewer);
    viewer.once('close', () => viewers.delete(viewer));
    void serve(io, connection, guest, viewer);
  });
  await listening(server, host, port);
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = io.onInterrupt(resolve);
  const address = server.address() as { port: number };
  io.stdout.write(`vnc://${host.includes(':') ? `[${host}]` : host}:${address.port}\n`);
  io.stderr.write(harmless(`the screen of ${guest} is there for a VNC viewer of this machine until Ctrl-C\n`));
  try {
    await promise;
  } finally {
    stop();
    server.close();
    for (const viewer of viewers) viewer.destroy();
  }
}

/** Each viewer has a connection of its own to the daemon; what one side does not take the other is not asked for. */
async function serve(io: Io, { transport }: Connection, guest: string, viewer: Socket): Promise<void> {
  const say = (text: string) => io.stderr.write(harmless(`${text}\n`));
  // What it is, its close tells.
  viewer.on('error', () => undefined);
  try {
    const screen = await transport.openWebSocket(pathOf(endpoints.guestScreen, { guest }));
    let why = 'the guest was stopped, or its QEMU ended';
    screen.on('error', (error) => (why = describeError(error)));
    // One that is closed in order ends, one that fails closes.
    for (const end of ['end', 'close'])
      screen.once(end, () => {
        if (!viewer.destroyed) say(`the screen of ${guest} has ended: ${why}`);
        viewer.destroy();
      });
    viewer.once('close', () => screen.destroy());
    if (viewer.destroyed) screen.destroy();
    viewer.pipe(screen);
    screen.pipe(viewer, { end: false });
  } catch (error) {
    say(`a viewer cannot see the screen of ${guest}: ${describeError(error)}`);
    viewer.destroy();
  }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause) =>
    reject(new CaissonError('failed', `the screen cannot be offered at ${host}:${port}: choose another address or port`, { cause })),
  );
  server.listen({ host, port }, resolve);
  return promise;
}
