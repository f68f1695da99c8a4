// The page: from an empty document to the whole site, as one person of it sees it.
import { render } from 'preact';
import { App } from './frame/app.tsx';
import { readTheme, showTheme } from './settings.ts';

showTheme(readTheme());
render(<App />, document.body);
