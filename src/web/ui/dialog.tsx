// A window above the page: the browser’s own, which keeps the focus inside and gives it back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useWords } from '../words/use-words.ts';
import { Command } from './parts.tsx';

export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; class?: string }) {
  const { title, onClose, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={props.class}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="dialog">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** Asks before something that cannot be taken back: what is lost, and the name as a proof that it is meant. */
export function ConfirmDialog(props: {
  title: string;
  lost: string;
  name: string;
  action: string;
  command?: string | undefined;
  children?: ComponentChildren;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { words } = useWords();
  const [typed, setTyped] = useState('');
  const id = useId();
  const isMeant = typed.trim() === props.name;
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isMeant) props.onConfirm();
        }}
      >
        <p class="lost">{props.lost}</p>
        {props.children}
        <label for={id}>{words.typeName(props.name)}</label>
        <input
          id={id}
          value={typed}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {props.command !== undefined && <Command text={props.command} />}
        <div class="buttons">
          <button type="submit" class="danger" disabled={!isMeant}>
            {props.action}
          </button>
          <button type="button" onClick={props.onClose}>
            {words.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
