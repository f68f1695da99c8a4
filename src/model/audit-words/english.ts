import type { Words } from './words.ts';

const restart = 'Shut the guest down and start it again. If that does not mend it, treat the host as taken over.';

export const english: Words = {
  language: 'en',
  title: (site) => `Security audit of site ${site}`,
  list: (names) => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`),
  introduction:
    'Five rules keep the services of this site apart. For each this page says whether it holds, how that is known, and what to do. It was made by looking at the running system, not at what is written about it.',
  verdicts: { holds: 'holds', weak: 'holds, with weaknesses', unknown: 'not shown', broken: 'BROKEN' },
  legend: {
    holds: 'All that was looked at is as it must be.',
    weak: 'It holds, but something named below makes it hold less surely.',
    unknown: 'It could not be shown. That is not the same as broken, and not good enough.',
    broken: 'It does not hold. Act before anything else.',
  },
  rules: {
    zones: {
      title: 'Two zones at least: one that the world reaches, one that it does not',
      aim: 'What the world may reach stands in another zone than what it must not reach. A zone without an uplink reaches nothing and is reached by nothing, but for the listed flows.',
    },
    isolation: {
      title: 'Watertight machines',
      aim: 'Whoever takes over a guest, and then breaks out of its virtual machine, finds himself a user without privileges who sees the files of that guest, no network and no other process’s memory. The kernel was asked about each process.',
    },
    services: {
      title: 'One important service, one operating system',
      aim: 'Each guest has one purpose. Each was asked, through its agent, which ports wait for connections. That is its own word: one that has been taken over can lie.',
    },
    filtering: {
      title: 'Filtering between the zones, and inside them',
      aim: 'Everything that no flow lists is refused, between neighbours of a zone too. The rules stand before a guest’s network interface does.',
    },
    reachability: {
      title: 'No way from one service to another',
      aim: 'Whoever has taken over one service gets from there no further than the listed ports of the listed guests.',
    },
  },
  findings: {
    'one-zone': {
      says: () => 'The site has fewer than two zones: what the world may reach and what it must not stand side by side.',
      mend: 'Make a zone without uplink in the site file, and move there whatever the world need not reach.',
    },
    'no-internal-zone': {
      says: () => 'Every zone leads to the world: none is closed by its nature.',
      mend: 'Make a zone without uplink for databases, licence servers and whatever else only other guests use.',
    },
    'no-external-zone': {
      says: () => 'No zone has an uplink: no guest serves anybody outside.',
      mend: 'If a service is for others than guests, give its zone an uplink.',
    },
    'nobody-internal': {
      says: (names) => `No guest stands in an internal zone (${names}): all are in zones that lead to the world.`,
      mend: 'Move whatever the world need not reach to an internal zone.',
    },
    'bridged-zone': {
      says: (names) =>
        `The guests of ${names} share one wire (bridged). Addresses are guarded there and flows filtered frame by frame, but without knowledge of connections: an answer cannot be told from a question.`,
      mend: 'Keep this for protocols that need a shared wire. Otherwise take “bridged” out of the zone.',
    },
    'no-guest-runs': { says: () => 'No guest runs: there was nothing to look at.', mend: 'Start the guests, then audit again.' },
    'isolation-unseen': {
      says: () => 'The processes of the guests could not be looked at.',
      mend: 'See what “caisson doctor” and the daemon’s log say, then audit again.',
    },
    'process-unseen': {
      says: (names) => `No process was found of ${names}, which should run.`,
      mend: 'See what “caisson guest show” says, then audit again.',
    },
    'wrong-user': { says: (names) => `The process of ${names} is not the user that was made for it alone.`, mend: restart },
    privileges: { says: (names) => `The process of ${names} has privileges that it must not have.`, mend: restart },
    'not-alone': { says: (names) => `The process of ${names} sees more than its own files and sockets.`, mend: restart },
    unlimited: {
      says: (names) => `Nothing limits what ${names} may take of the host.`,
      mend: 'Make the control groups available (“caisson doctor” tells which are missing), then start the guest again.',
    },
    'core-dumps': {
      says: (names) => `If the process of ${names} crashes, the guest’s memory may end in a file of the host.`,
      mend: 'Shut the guest down and start it again.',
    },
    'shared-memory': {
      says: (names) =>
        `The host shares equal pages of memory (KSM), also those of ${names}: through that a guest can learn what another has in its memory.`,
      mend: 'As root: echo 2 > /sys/kernel/mm/ksm/run, and switch off what turns it on again (ksmtuned).',
    },
    emulated: {
      says: (names) =>
        `Software emulation (TCG) runs ${names === '' ? 'the guests of this host' : names}. QEMU’s makers promise safety against a hostile guest with KVM only. Against one that breaks out of the emulation there are the walls around its process alone, which are listed below.`,
      mend: 'Use a host whose processor virtualizes (VT-x or AMD-V, switched on in its firmware), so that KVM runs the guests.',
    },
    'processor-weaknesses': {
      says: () => 'The kernel calls this processor vulnerable to known attacks from one program on another.',
      mend: 'Update microcode, firmware and kernel; leave the kernel’s mitigations switched on.',
    },
    'guest-unseen': {
      says: (names) => `What listens in ${names} could not be read.`,
      mend: 'Run qemu-guest-agent in the guest, and let it read files (guest-file-open, guest-file-read).',
    },
    'nothing-declared': {
      says: (names) => `For ${names} no service is declared: nobody can tell what belongs there.`,
      mend: 'Give the guest “service: { ports: […] }” in the site file.',
    },
    'undeclared-reachable': {
      says: (names) => `More than the declared service waits for connections in ${names}, and flows let others in to it.`,
      mend: 'Stop that program in the guest, or take its port out of the flows. If it belongs to the service, declare it.',
    },
    'undeclared-listening': {
      says: (names) => `More than the declared service waits for connections in ${names}. Only the filtering keeps others out.`,
      mend: 'Remove these programs from the guest, or have them listen on the loopback only. If they belong to the service, declare them.',
    },
    'declared-silent': {
      says: (names) => `Nobody listens on declared ports of ${names}.`,
      mend: 'Start the service, or take the port out of the declaration and out of the flows.',
    },
    'rules-not-in-force': {
      says: () => 'The filtering rules in force are not those of the site.',
      mend: 'The daemon applies them again within seconds. If this stays, “caisson event list” tells why.',
    },
    'never-checked': {
      says: () => 'It is not known to have been tried whether the rules do what the flows say.',
      mend: 'Run “caisson zone check”, or “caisson audit --check”.',
    },
    'check-failed': {
      says: () => 'The last check found traffic that is not as the flows say.',
      mend: 'Run “caisson zone check” again. What it then still names is a hole, or a service that does not work: keep the guests concerned down until it is explained.',
    },
    'check-incomplete': {
      says: () => 'The last check could not tell everything.',
      mend: 'Run “caisson zone check” once every guest is up: it tries from inside them, by their agents.',
    },
    'check-old': {
      says: () => 'The last check is more than a week old: it says nothing of what has changed since.',
      mend: 'Run “caisson zone check”, every day by a timer.',
    },
    'wide-flow': {
      says: () => 'Some flows open nearly everything.',
      mend: 'List the ports that are needed, and those who need them.',
    },
    'other-firewall': {
      says: () =>
        'Rules of other programs are in the guests’ network too: they were not checked, and may refuse, rewrite or hide what the flows allow.',
      mend: 'Give the guests a namespace of their own (caisson daemon --netns NAME), or see to it that these tables leave the guests’ traffic alone.',
    },
    'opened-undeclared': {
      says: (names) => `Flows let others in to ports of ${names} that belong to no declared service.`,
      mend: 'Take these ports out of the flows; if they belong to the service, declare them.',
    },
    'isolation-not-held': {
      says: () => 'The second rule is broken: a guest that is taken over may get to others through the host.',
      mend: 'Mend the second rule first.',
    },
    'isolation-not-shown': {
      says: () => 'The second rule could not be shown to hold, and this one rests on it.',
      mend: 'See the second rule.',
    },
    'filtering-not-held': {
      says: () => 'The fourth rule is broken: what the flows say is not what happens.',
      mend: 'Mend the fourth rule first.',
    },
    'filtering-not-shown': {
      says: () =>
        'The fourth rule could not be shown to hold: the ways below are those that the flows open, not yet those that were tried.',
      mend: 'See the fourth rule.',
    },
  },
  labels: {
    actionNeeded: 'What to do',
    addresses: 'addresses',
    attempts: 'attempts',
    decided: 'cases decided from the rules in force',
    bridged: 'one wire for all (bridged): weaker',
    check: 'last check',
    checked: 'checked on',
    controlGroups: 'limits by control groups',
    date: 'Date',
    declared: 'declared',
    direct: 'directly',
    emulation: 'emulation (TCG)',
    evidence: 'Evidence',
    execution: 'execution',
    filtered: 'filtered',
    filtering: 'filtering',
    flow: 'flow',
    flows: 'flows: everything else is refused',
    fromWorld: 'guests that can be reached from outside, and over which others',
    guest: 'guest',
    guests: 'guests',
    host: 'host',
    kernel: 'kernel',
    legend: 'What the verdicts mean',
    limits: 'What this page does not show',
    listening: 'what listens',
    made: 'made on',
    masquerade: 'guests leave with the host’s address (masquerade)',
    memory: 'memory',
    memorySharing: 'shared memory pages (KSM)',
    mend: 'To do',
    network: 'network',
    never: 'never',
    no: 'no',
    nobody: 'nobody',
    none: 'none',
    nothingFound: 'Nothing was found against it.',
    notRunning: 'does not run',
    over: 'over',
    privileges: 'privileges',
    processes: 'processes of the guests',
    processor: 'processor weaknesses',
    publications: 'publications',
    reachedFrom: 'reached from',
    readBy: 'Read by',
    remarks: 'remarks',
    result: 'result',
    revision: 'revision',
    rule: 'rule',
    rulesInForce: 'the site’s rules are in force',
    service: 'service',
    share: 'share of processors and disks',
    shareOff: 'off',
    shareOn: 'ON',
    signature: 'Signature',
    site: 'site',
    software: 'software',
    summary: 'The five rules',
    systemCalls: 'system calls',
    unfiltered: 'NOT FILTERED',
    unlimited: 'no limit',
    uplink: 'way out',
    user: 'user',
    verdict: 'verdict',
    weaknesses: 'weaknesses',
    why: 'why',
    yes: 'yes',
    zone: 'zone',
  },
  sockets: { declared: 'declared', undeclared: 'not declared', local: 'for itself only', system: 'DHCP client', client: 'client' },
  limits: [
    'Weaknesses inside the services themselves: old programs, weak passwords, faults of an application. The rules limit what comes of them.',
    'What a guest says of itself (third rule) is as trustworthy as that guest.',
    'Whoever administers the host can do everything on it. Who that is must be known elsewhere.',
    'An audit is of one moment. What has changed since is not in it.',
  ],
  again: 'Made by “caisson audit”. To make it again: “caisson audit --check --format html --out audit.html”.',
};
