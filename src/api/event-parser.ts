// The reader's side of server-sent events: text in whatever pieces it comes, events out.

export interface ServerSentEvent {
  /** `message` when the stream does not say. */
  event: string;
  data: string;
  /** The id in force: of this event, or the last one given before it. */
  id: string | undefined;
}

/** A function that takes the next piece of text and returns the events that it completes. */
export function createEventParser(): (text: string) => ServerSentEvent[] {
  let rest = '';
  let data: string[] = [];
  let event = '';
  let id: string | undefined;
  const takeLine = (line: string): ServerSentEvent | undefined => {
    if (line === '') {
      const complete = data.length > 0 ? { event: event || 'message', data: data.join('\n'), id } : undefined;
      data = [];
      event = '';
      return complete;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    return undefined;
  };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    return lines.map(takeLine).filter((complete) => complete !== undefined);
  };
}
