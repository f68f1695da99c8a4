// The serial console of a guest in the page. Loaded when somebody wants it.
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import sheet from '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { openConsole } from '../console-socket.ts';
import { useLive } from '../live/use-live.ts';
import { captureStyles } from '../ui/capture-styles.ts';
import { useWords } from '../words/use-words.ts';
import { ConsoleHead, type ConsoleState } from '../ui/console-head.tsx';

const encoder = new TextEncoder();

export function GuestConsole({ guest }: { guest: string }) {
  const { words } = useWords();
  const live = useLive();
  const box = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<ConsoleState>({ kind: 'opening' });
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const terminal = new Terminal({
      cursorBlink: false,
      fontFamily: 'ui-monospace, monospace',
      fontSize: 14,
      scrollback: 5000,
      screenReaderMode: true,
      theme: { background: '#15181c', foreground: '#e4e7ea' },
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    const removeStyles = captureStyles(sheet, () => terminal.open(element));
    terminal.attachCustomKeyEventHandler((event) => {
      const leaves = event.ctrlKey && event.altKey && event.key === 'ArrowUp';
      if (leaves) document.querySelector<HTMLElement>('.tabs [aria-current]')?.focus();
      return !leaves;
    });
    const resize = () => fit.fit();
    resize();
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    terminal.focus();
    setState({ kind: 'opening' });
    const typing: { dispose(): void }[] = [];
    const close = openConsole(live.client, guest, 'serial', {
      onSocket(socket) {
        socket.addEventListener('open', () => setState({ kind: 'open' }));
        socket.addEventListener('message', ({ data }) => {
          if (data instanceof ArrayBuffer) terminal.write(new Uint8Array(data));
        });
        const send = (text: string) => socket.readyState === WebSocket.OPEN && socket.send(encoder.encode(text));
        typing.push(terminal.onData(send));
      },
      onEnd: (why) => setState({ kind: 'ended', why }),
    });
    return () => {
      for (const each of typing) each.dispose();
      close();
      observer.disconnect();
      terminal.dispose();
      removeStyles();
    };
  }, [guest, live, again]);
  return (
    <section class="section console" aria-label={words.serialConsole(guest)}>
      <ConsoleHead state={state} onAgain={() => setAgain(again + 1)} />
      <div ref={box} class="screen" />
    </section>
  );
}
