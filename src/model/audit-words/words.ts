// What an audit says in one language. Everything a person reads is here, so a language is one file and none can be half.
import type { AuditRule, AuditSocket, AuditVerdict, FindingCode } from '../audit.ts';

export type Language = 'en' | 'fr';

interface FindingWords {
  /** A sentence; `names` are the guests or zones that it is about, ready to be read. */
  says: (names: string) => string;
  /** What to do. */
  mend: string;
}

export interface Words {
  language: Language;
  title: (site: string) => string;
  /** Names in a sentence. */
  list: (names: readonly string[]) => string;
  introduction: string;
  verdicts: Record<AuditVerdict, string>;
  /** What each verdict means. */
  legend: Record<AuditVerdict, string>;
  rules: Record<AuditRule, { title: string; aim: string }>;
  findings: Record<FindingCode, FindingWords>;
  labels: Record<Label, string>;
  sockets: Record<AuditSocket['kind'], string>;
  /** What the page cannot show. */
  limits: readonly string[];
  /** How it is made again. */
  again: string;
}

type Label =
  | 'actionNeeded'
  | 'addresses'
  | 'attempts'
  | 'decided'
  | 'bridged'
  | 'check'
  | 'checked'
  | 'controlGroups'
  | 'declared'
  | 'direct'
  | 'evidence'
  | 'execution'
  | 'emulation'
  | 'filtering'
  | 'flow'
  | 'flows'
  | 'fromWorld'
  | 'guest'
  | 'guests'
  | 'host'
  | 'kernel'
  | 'legend'
  | 'limits'
  | 'listening'
  | 'made'
  | 'masquerade'
  | 'memory'
  | 'memorySharing'
  | 'mend'
  | 'network'
  | 'never'
  | 'no'
  | 'nobody'
  | 'none'
  | 'nothingFound'
  | 'notRunning'
  | 'over'
  | 'privileges'
  | 'processes'
  | 'processor'
  | 'publications'
  | 'reachedFrom'
  | 'readBy'
  | 'date'
  | 'signature'
  | 'remarks'
  | 'result'
  | 'revision'
  | 'rule'
  | 'rulesInForce'
  | 'service'
  | 'share'
  | 'shareOff'
  | 'shareOn'
  | 'site'
  | 'software'
  | 'summary'
  | 'systemCalls'
  | 'filtered'
  | 'unfiltered'
  | 'unlimited'
  | 'uplink'
  | 'user'
  | 'verdict'
  | 'weaknesses'
  | 'why'
  | 'yes'
  | 'zone';
