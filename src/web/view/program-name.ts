// A browser in the two words by which a person knows it, out of what it says of itself. Pure. It may say anything: nothing is decided by it.

/** The more particular before the more general: nearly every browser says that it is Chrome, and Chrome that it is Safari. */
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(?:iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Undefined for what is none of those. */
export function programName(program: string): { browser: string; system: string } | undefined {
  const found = (names: typeof browsers) => names.find(([pattern]) => pattern.test(program))?.[1];
  const browser = found(browsers);
  const system = found(systems);
  return browser === undefined || system === undefined ? undefined : { browser, system };
}
