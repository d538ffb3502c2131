// `clasp completion SHELL`: what makes the shell complete commands and options. The scripts ask the program itself, so they are never out of date.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {

namespace {

constexpr std::string_view bash_script = R"sh(# clasp completion bash > /etc/bash_completion.d/clasp, or: source <(clasp completion bash)
_clasp() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words
  if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$before" = help ]; }; then
    words="help $("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')"
  elif [ "$before" = completion ]; then
    words="bash zsh fish"
  elif [[ $word == -* ]]; then
    words=$("$program" help "${COMP_WORDS[1]}" 2>/dev/null | sed -n 's/^ \{2,6\}\(-[A-Za-z], \)\{0,1\}\(--[a-z][a-z0-9-]*\).*/\2/p')
  else
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o filenames -F _clasp clasp
)sh";

constexpr std::string_view zsh_script = R"sh(#compdef clasp
# clasp completion zsh > ~/.zfunc/_clasp, with ~/.zfunc in fpath; or: source <(clasp completion zsh)
_clasp() {
  local program=${words[1]}
  local -a found
  if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ ${words[2]} == help ]]; }; then
    found=(help ${(f)"$($program help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')"})
    compadd -a found
  elif [[ ${words[2]} == completion ]]; then
    compadd bash zsh fish
  elif [[ ${words[CURRENT]} == -* ]]; then
    found=(${(f)"$($program help ${words[2]} 2>/dev/null | sed -n 's/^ \{2,6\}\(-[A-Za-z], \)\{0,1\}\(--[a-z][a-z0-9-]*\).*/\2/p')"})
    compadd -a found
  else
    _files
  fi
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _clasp "$@"; else compdef _clasp clasp; fi
)sh";

constexpr std::string_view fish_script = R"sh(# clasp completion fish > ~/.config/fish/completions/clasp.fish
function __clasp_commands
  echo help
  clasp help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
end
function __clasp_options
  set -l words (commandline -opc)
  clasp help $words[2] 2>/dev/null | sed -n 's/^ \{2,6\}\(-[A-Za-z], \)\{0,1\}\(--[a-z][a-z0-9-]*\).*/\2/p'
end
complete -c clasp -f -n 'test (count (commandline -opc)) -eq 1' -a '(__clasp_commands)'
complete -c clasp -f -n '__fish_seen_subcommand_from help' -a '(__clasp_commands)'
complete -c clasp -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c clasp -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -a '(__clasp_options)'
)sh";

struct Shell {
  std::string_view name;
  std::string_view script;
};
constexpr std::array shells{Shell{"bash", bash_script}, Shell{"zsh", zsh_script}, Shell{"fish", fish_script}};

}  // namespace

ExitCode run_completion(const Invocation& call) {
  const ReadArguments arguments = read_arguments(call, {});
  if (arguments.exit) return *arguments.exit;
  const auto* shell = std::ranges::find(shells, std::string_view(arguments.positional.front()), &Shell::name);
  if (shell == shells.end()) return usage_error(call, fmt::format("unknown shell \"{}\", expected bash, zsh or fish", arguments.positional.front()));
  call.console.text(shell->script);
  return ExitCode::ok;
}

}  // namespace clasp::cli
