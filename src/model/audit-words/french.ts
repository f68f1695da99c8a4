import type { Words } from './words.ts';

const restart = 'Arrêter l’invité et le redémarrer. Si cela ne suffit pas, considérer l’hôte comme compromis.';

export const french: Words = {
  language: 'fr',
  title: (site) => `Audit de sécurité du site ${site}`,
  list: (names) => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} et ${names.at(-1)}`),
  introduction:
    'Cinq règles séparent les services de ce site. Pour chacune, cette page dit si elle est respectée, comment on le sait, et ce qu’il faut faire. Elle a été établie en observant le système en marche, et non d’après ce qui est écrit à son sujet.',
  verdicts: { holds: 'respectée', weak: 'respectée, avec des faiblesses', unknown: 'non démontrée', broken: 'ENFREINTE' },
  legend: {
    holds: 'Tout ce qui a été observé est comme il se doit.',
    weak: 'La règle est respectée, mais un point nommé ci-dessous la rend moins sûre.',
    unknown: 'On n’a pas pu la démontrer. Ce n’est pas une infraction, mais ce n’est pas suffisant.',
    broken: 'La règle n’est pas respectée. Agir avant toute autre chose.',
  },
  rules: {
    zones: {
      title: 'Au moins deux zones : l’une accessible de l’extérieur, l’autre non',
      aim: 'Ce que l’extérieur peut atteindre se trouve dans une autre zone que ce qu’il ne doit pas atteindre. Une zone sans liaison montante n’atteint rien et n’est atteinte par rien, sauf par les flux listés.',
    },
    isolation: {
      title: 'Des machines étanches',
      aim: 'Qui prend le contrôle d’un invité, puis s’échappe de sa machine virtuelle, se retrouve utilisateur sans privilège, ne voyant que les fichiers de cet invité, aucun réseau, ni la mémoire d’aucun autre processus. Le noyau a été interrogé sur chaque processus.',
    },
    services: {
      title: 'Un service important, un système d’exploitation',
      aim: 'Chaque invité a un seul rôle. On a demandé à chacun, par son agent, quels ports attendent des connexions. C’est sa propre parole : un invité compromis peut mentir.',
    },
    filtering: {
      title: 'Du filtrage entre les zones, et à l’intérieur',
      aim: 'Tout ce qu’aucun flux ne liste est refusé, y compris entre voisins d’une même zone. Les règles sont en place avant l’interface réseau de l’invité.',
    },
    reachability: {
      title: 'Aucun passage d’un service à un autre',
      aim: 'Qui a pris le contrôle d’un service n’atteint de là que les ports listés des invités listés.',
    },
  },
  findings: {
    'one-zone': {
      says: () => 'Le site a moins de deux zones : ce que l’extérieur peut atteindre et ce qu’il ne doit pas atteindre se côtoient.',
      mend: 'Créer une zone sans liaison montante dans le fichier de site, et y déplacer tout ce que l’extérieur n’a pas à atteindre.',
    },
    'no-internal-zone': {
      says: () => 'Toutes les zones mènent à l’extérieur : aucune n’est fermée par nature.',
      mend: 'Créer une zone sans liaison montante pour les bases de données, les serveurs de licences et tout ce dont seuls d’autres invités se servent.',
    },
    'no-external-zone': {
      says: () => 'Aucune zone n’a de liaison montante : aucun invité ne sert quelqu’un à l’extérieur.',
      mend: 'Si un service est destiné à d’autres qu’aux invités, donner une liaison montante à sa zone.',
    },
    'nobody-internal': {
      says: (names) => `Aucun invité ne se trouve dans une zone interne (${names}) : tous sont dans des zones qui mènent à l’extérieur.`,
      mend: 'Déplacer dans une zone interne tout ce que l’extérieur n’a pas à atteindre.',
    },
    'bridged-zone': {
      says: (names) =>
        `Les invités de ${names} partagent un même fil (bridged). Les adresses y sont gardées et les flux filtrés trame par trame, mais sans connaissance des connexions : une réponse ne s’y distingue pas d’une demande.`,
      mend: 'Réserver ce mode aux protocoles qui ont besoin d’un fil commun. Sinon, retirer « bridged » de la zone.',
    },
    'no-guest-runs': {
      says: () => 'Aucun invité n’est en marche : il n’y avait rien à observer.',
      mend: 'Démarrer les invités, puis refaire l’audit.',
    },
    'isolation-unseen': {
      says: () => 'Les processus des invités n’ont pas pu être observés.',
      mend: 'Voir ce que disent « caisson doctor » et le journal du démon, puis refaire l’audit.',
    },
    'process-unseen': {
      says: (names) => `Aucun processus n’a été trouvé pour ${names}, qui devrait être en marche.`,
      mend: 'Voir ce que dit « caisson guest show », puis refaire l’audit.',
    },
    'wrong-user': { says: (names) => `Le processus de ${names} n’appartient pas à l’utilisateur créé pour lui seul.`, mend: restart },
    privileges: { says: (names) => `Le processus de ${names} a des privilèges qu’il ne doit pas avoir.`, mend: restart },
    'not-alone': { says: (names) => `Le processus de ${names} voit plus que ses propres fichiers et sockets.`, mend: restart },
    unlimited: {
      says: (names) => `Rien ne limite ce que ${names} peut prendre à l’hôte.`,
      mend: 'Rendre disponibles les groupes de contrôle (« caisson doctor » dit lesquels manquent), puis redémarrer l’invité.',
    },
    'core-dumps': {
      says: (names) => `Si le processus de ${names} s’interrompt brutalement, la mémoire de l’invité peut finir dans un fichier de l’hôte.`,
      mend: 'Arrêter l’invité et le redémarrer.',
    },
    'shared-memory': {
      says: (names) =>
        `L’hôte partage les pages de mémoire identiques (KSM), y compris celles de ${names} : un invité peut ainsi apprendre ce qu’un autre a en mémoire.`,
      mend: 'En tant que root : echo 2 > /sys/kernel/mm/ksm/run, et désactiver ce qui le réactive (ksmtuned).',
    },
    emulated: {
      says: (names) =>
        `${names === '' ? 'Les invités de cet hôte' : names} : exécution en émulation logicielle (TCG). Les auteurs de QEMU ne garantissent la sécurité face à un invité hostile qu’avec KVM. Face à un invité qui s’échappe de l’émulation, il ne reste que les cloisons autour de son processus, listées ci-dessous.`,
      mend: 'Utiliser un hôte dont le processeur sait virtualiser (VT-x ou AMD-V, activé dans le micrologiciel), afin que KVM exécute les invités.',
    },
    'processor-weaknesses': {
      says: () => 'Le noyau déclare ce processeur vulnérable à des attaques connues d’un programme sur un autre.',
      mend: 'Mettre à jour microcode, micrologiciel et noyau ; laisser actives les protections du noyau.',
    },
    'guest-unseen': {
      says: (names) => `Ce qui écoute dans ${names} n’a pas pu être lu.`,
      mend: 'Installer et lancer qemu-guest-agent dans l’invité, et lui permettre de lire des fichiers (guest-file-open, guest-file-read).',
    },
    'nothing-declared': {
      says: (names) => `Aucun service n’est déclaré pour ${names} : personne ne peut dire ce qui y a sa place.`,
      mend: 'Donner à l’invité « service: { ports: […] } » dans le fichier de site.',
    },
    'undeclared-reachable': {
      says: (names) => `Plus que le service déclaré attend des connexions dans ${names}, et des flux y laissent entrer d’autres machines.`,
      mend: 'Arrêter ce programme dans l’invité, ou retirer son port des flux. S’il fait partie du service, le déclarer.',
    },
    'undeclared-listening': {
      says: (names) => `Plus que le service déclaré attend des connexions dans ${names}. Seul le filtrage en interdit l’accès.`,
      mend: 'Retirer ces programmes de l’invité, ou ne les faire écouter que sur l’interface locale. S’ils font partie du service, les déclarer.',
    },
    'declared-silent': {
      says: (names) => `Personne n’écoute sur des ports déclarés de ${names}.`,
      mend: 'Démarrer le service, ou retirer le port de la déclaration et des flux.',
    },
    'rules-not-in-force': {
      says: () => 'Les règles de filtrage en vigueur ne sont pas celles du site.',
      mend: 'Le démon les rétablit en quelques secondes. Si cela persiste, « caisson event list » dit pourquoi.',
    },
    'never-checked': {
      says: () => 'On ne sait pas s’il a été vérifié que les règles font ce que disent les flux.',
      mend: 'Lancer « caisson zone check », ou « caisson audit --check ».',
    },
    'check-failed': {
      says: () => 'La dernière vérification a trouvé du trafic qui n’est pas conforme aux flux.',
      mend: 'Relancer « caisson zone check ». Ce qu’il nomme encore est une brèche, ou un service qui ne fonctionne pas : laisser arrêtés les invités concernés tant que ce n’est pas expliqué.',
    },
    'check-incomplete': {
      says: () => 'La dernière vérification n’a pas pu tout établir.',
      mend: 'Lancer « caisson zone check » quand tous les invités sont en marche : les essais partent de l’intérieur, par leurs agents.',
    },
    'check-old': {
      says: () => 'La dernière vérification date de plus d’une semaine : elle ne dit rien de ce qui a changé depuis.',
      mend: 'Lancer « caisson zone check », chaque jour par une tâche planifiée.',
    },
    'wide-flow': { says: () => 'Certains flux ouvrent presque tout.', mend: 'Lister les ports nécessaires, et ceux qui en ont besoin.' },
    'other-firewall': {
      says: () =>
        'Des règles d’autres programmes se trouvent aussi dans le réseau des invités : elles n’ont pas été vérifiées et peuvent refuser, réécrire ou cacher ce que les flux autorisent.',
      mend: 'Donner aux invités un espace de noms à eux (caisson daemon --netns NOM), ou veiller à ce que ces tables laissent passer le trafic des invités.',
    },
    'opened-undeclared': {
      says: (names) => `Des flux laissent entrer sur des ports de ${names} qui ne font partie d’aucun service déclaré.`,
      mend: 'Retirer ces ports des flux ; s’ils font partie du service, les déclarer.',
    },
    'isolation-not-held': {
      says: () => 'La deuxième règle est enfreinte : un invité compromis peut en atteindre d’autres à travers l’hôte.',
      mend: 'Rétablir d’abord la deuxième règle.',
    },
    'isolation-not-shown': {
      says: () => 'La deuxième règle, dont celle-ci dépend, n’a pas pu être démontrée.',
      mend: 'Voir la deuxième règle.',
    },
    'filtering-not-held': {
      says: () => 'La quatrième règle est enfreinte : ce que disent les flux n’est pas ce qui se passe.',
      mend: 'Rétablir d’abord la quatrième règle.',
    },
    'filtering-not-shown': {
      says: () =>
        'La quatrième règle n’a pas pu être démontrée : les passages ci-dessous sont ceux que les flux ouvrent, et n’ont pas encore été essayés.',
      mend: 'Voir la quatrième règle.',
    },
  },
  labels: {
    actionNeeded: 'Ce qu’il faut faire',
    addresses: 'adresses',
    attempts: 'essais',
    decided: 'cas décidés d’après les règles en vigueur',
    bridged: 'un seul fil pour tous (bridged) : moins sûr',
    check: 'dernière vérification',
    checked: 'vérifié le',
    controlGroups: 'limites par groupes de contrôle',
    date: 'Date',
    declared: 'déclaré',
    direct: 'directement',
    emulation: 'émulation (TCG)',
    evidence: 'Constat',
    execution: 'exécution',
    filtered: 'filtrés',
    filtering: 'filtrage',
    flow: 'flux',
    flows: 'flux : tout le reste est refusé',
    fromWorld: 'invités accessibles de l’extérieur, et par quels autres',
    guest: 'invité',
    guests: 'invités',
    host: 'hôte',
    kernel: 'noyau',
    legend: 'Sens des verdicts',
    limits: 'Ce que cette page ne montre pas',
    listening: 'ce qui écoute',
    made: 'établi le',
    masquerade: 'les invités sortent avec l’adresse de l’hôte (masquerade)',
    memory: 'mémoire',
    memorySharing: 'partage de pages de mémoire (KSM)',
    mend: 'À faire',
    network: 'réseau',
    never: 'jamais',
    no: 'non',
    nobody: 'personne',
    none: 'aucun',
    nothingFound: 'Rien n’a été relevé contre elle.',
    notRunning: 'arrêté',
    over: 'par',
    privileges: 'privilèges',
    processes: 'processus des invités',
    processor: 'faiblesses du processeur',
    publications: 'publications',
    reachedFrom: 'accessible depuis',
    readBy: 'Lu par',
    remarks: 'remarques',
    result: 'résultat',
    revision: 'révision',
    rule: 'règle',
    rulesInForce: 'les règles du site sont en vigueur',
    service: 'service',
    share: 'part des processeurs et des disques',
    shareOff: 'désactivé',
    shareOn: 'ACTIVÉ',
    signature: 'Signature',
    site: 'site',
    software: 'logiciel',
    summary: 'Les cinq règles',
    systemCalls: 'appels système',
    unfiltered: 'NON FILTRÉS',
    unlimited: 'sans limite',
    uplink: 'sortie',
    user: 'utilisateur',
    verdict: 'verdict',
    weaknesses: 'faiblesses',
    why: 'pourquoi',
    yes: 'oui',
    zone: 'zone',
  },
  sockets: { declared: 'déclaré', undeclared: 'non déclaré', local: 'pour lui seul', system: 'client DHCP', client: 'client' },
  limits: [
    'Les faiblesses des services eux-mêmes : programmes anciens, mots de passe faibles, défauts d’une application. Les règles en limitent les conséquences.',
    'Ce qu’un invité dit de lui-même (troisième règle) vaut ce que vaut cet invité.',
    'Qui administre l’hôte peut tout y faire. Il faut savoir par ailleurs qui c’est.',
    'Un audit porte sur un instant. Ce qui a changé depuis n’y figure pas.',
  ],
  again: 'Établi par « caisson audit ». Pour le refaire : « caisson audit --check --language fr --format html --out audit.html ».',
};
