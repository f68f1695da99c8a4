// `--watch`: print, then print again whenever something happened, at most twice a second, until Ctrl-C.
import type { Connection } from './connection.ts';

export async function watchList({ client }: Connection, show: () => Promise<void>): Promise<void> {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  const redraw = async () => {
    if (process.stdout.isTTY) process.stdout.write('\u001b[H\u001b[2J');
    await show();
  };
  await redraw();
  let due = false;
  const timer = setInterval(() => {
    if (!due) return;
    due = false;
    redraw().catch(() => ending.abort());
  }, 500);
  try {
    for await (const _event of client.stream('eventFollow', {}, { signal: ending.signal })) due = true;
  } finally {
    clearInterval(timer);
  }
}
