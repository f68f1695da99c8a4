// What a schema expects, in words that a person would use: for the messages about a value of the wrong kind.

interface Issue {
  readonly code?: string;
  readonly expected?: string;
}

/** For the parameters of a schema: “WHAT is expected” where the kind of the value is wrong; other checks keep their own words. */
export function expects(what: string): { error: (issue: Issue) => string | undefined } {
  return { error: (issue) => (issue.code === 'invalid_type' || issue.code === 'invalid_union' ? `${what} is expected` : undefined) };
}
