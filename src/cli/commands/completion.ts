// `caisson completion SHELL`: prints a script that makes the shell ask `caisson complete SHELL -- WORDS…` (complete.ts).
import { Argument, type Command } from 'commander';
import type { Io } from '../io.ts';
import { shellScripts, shells, type Shell } from '../shell-scripts.ts';

const notes = `
For this shell session:
  bash  source <(caisson completion bash)
  zsh   source <(caisson completion zsh)
  fish  caisson completion fish | source
For every session:
  bash  caisson completion bash > /etc/bash_completion.d/caisson
  zsh   caisson completion zsh > "\${fpath[1]}/_caisson"
  fish  caisson completion fish > ~/.config/fish/completions/caisson.fish`;

export function addCompletion(completion: Command, io: Io): void {
  completion
    .addArgument(new Argument('<shell>', 'whose script is printed').choices(shells))
    .addHelpText('after', notes)
    .action((shell: Shell) => void io.stdout.write(shellScripts[shell]));
}
