// For a component of somebody else that writes style elements, which the page’s content security policy does not allow: while `work` runs,
// each of them becomes a style sheet of the document instead.

/** `first` is a style sheet as text. Returns how to take all of them away again. */
export function captureStyles(first: string, work: () => void): () => void {
  const sheets: CSSStyleSheet[] = [];
  const adopt = (text: string): CSSStyleSheet => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    sheets.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return sheet;
  };
  adopt(first);
  const create = document.createElement.bind(document);
  const styleElement = (): HTMLElement => {
    const sheet = adopt('');
    const element = create('span');
    element.hidden = true;
    let text = '';
    Object.defineProperty(element, 'textContent', {
      get: () => text,
      set(value: string) {
        text = value;
        sheet.replaceSync(value);
      },
    });
    return element;
  };
  const shadow = (tag: string, options?: ElementCreationOptions) => (tag.toLowerCase() === 'style' ? styleElement() : create(tag, options));
  Object.defineProperty(document, 'createElement', { configurable: true, value: shadow });
  try {
    work();
  } finally {
    // The document’s own is of its prototype.
    Reflect.deleteProperty(document, 'createElement');
  }
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
  };
}
