// What makes a shell ask for completions. The words go as arguments, never through another evaluation: what a user has typed
// and not yet sent must not be run by pressing Tab.

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const bash = `# Completion of caisson for bash 4.4 and newer.
_caisson() {
  local answer
  COMPREPLY=()
  mapfile -t answer < <("$1" complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case \${answer[0]} in
    files) compopt -o default ;;
    folders) compopt -o dirnames ;;
    values) COMPREPLY=("\${answer[@]:1}") ;;
  esac
}
complete -F _caisson caisson
`;

const zsh = `#compdef caisson
# Completion of caisson for zsh.
_caisson() {
  local -a answer values
  answer=("\${(@f)$("\${words[1]}" complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  case \${answer[1]} in
    files) _files ;;
    folders) _files -/ ;;
    values)
      values=("\${(@)answer[2,-1]}")
      _describe caisson values
      ;;
  esac
}
if [ "\${funcstack[1]}" = _caisson ]; then _caisson "$@"; else compdef _caisson caisson; fi
`;

const fish = `# Completion of caisson for fish.
function __caisson_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l answer ($words[1] complete fish -- $words[2..-1] "$last" 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$last"
        case folders
            __fish_complete_directories "$last"
        case values
            printf '%s\\n' $answer[2..-1]
    end
end
complete -c caisson -f -a '(__caisson_complete)'
`;

export const shellScripts: Record<Shell, string> = { bash, zsh, fish };
