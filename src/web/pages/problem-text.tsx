import { sayProblem } from '../words/site-problems.ts';
import { useWords } from '../words/use-words.ts';

/** What is wrong with a site file: in the reader’s language where it is known, else in English. */
export function ProblemText({ message }: { message: string }) {
  const { language } = useWords();
  const said = sayProblem(message, language);
  return <span lang={said.language}>{said.text}</span>;
}
