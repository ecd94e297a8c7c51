# SPDX-License-Identifier: Apache-2.0
# The manual pages, made of CExitShim.h: its text on top, its declarations, and the comment of each.
#   awk -v page=cexit|cexit_register -v version=V -f man.awk CExitShim.h    a page
#   awk -v page=names -f man.awk CExitShim.h                                each function, and the page it is on
BEGIN {
  n = split("cexit_register cexit_atexit CEXIT_AT_EXIT cexit_on_exit cexit_unregister cexit_reserve cexit_cancel " \
    "cexit_run cexit_is_pending", list, " ")
  for (i = 1; i <= n; i++) registering[list[i]] = 1
}

# Text for roff: no line starts with a request, and a name of code is bold.
function plain(text) {
  gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
  while (match(text, /`[^`]+`/))
    text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 1, RLENGTH - 2) "\\fP" substr(text, RSTART + RLENGTH)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}

function code(text) {
  gsub(/CEXIT_API |CEXIT_ENUM |CEXIT_NULLABLE ?|static inline /, "", text)
  gsub(/CEXIT_NORETURN /, "_Noreturn ", text)
  if (match(text, /\/\/\/<? ?/)) text = substr(text, 1, RSTART - 1) "/* " substr(text, RSTART + RLENGTH) " */"
  return plain(text)
}

# The comment on top: a paragraph that starts with up to four words and a full stop has those as its title.
!top_is_over && /^\/\// {
  line = substr($0, 4)
  if (line ~ /^SPDX|^CExitShim:/) next
  if (line == "") { starts = 1; next }
  if (line ~ /^  /) { manual = manual (literal ? "" : ".nf\n") plain(line) "\n"; literal = 1; next }
  if (literal) manual = manual ".fi\n"
  literal = 0
  if (starts && match(line, /^[A-Z][A-Za-z]*( [A-Za-z]+)?( [A-Za-z]+)?( [A-Za-z]+)?\. /)) {
    manual = manual ".SS " substr(line, 1, RLENGTH - 2) "\n"
    line = substr(line, RLENGTH + 1)
  } else if (starts) manual = manual ".PP\n"
  starts = 0
  manual = manual plain(line) "\n"
  next
}
!top_is_over { if (literal) manual = manual ".fi\n"; top_is_over = 1 }

# A declaration with a comment: a function, a macro, a type.
/^\/\/\/ / { comment = comment plain(substr($0, 5)) "\n"; next }
/^\/\/\/$/ { comment = comment ".IP\n"; next }
in_type { types = types code($0) "\n"; if (/^}/) { types = types ".fi\n"; in_type = 0 }; next }
comment != "" && /^typedef (enum|struct).*{$/ {
  types = types ".PP\n" comment ".PP\n.nf\n" code($0) "\n"
  in_type = 1; comment = ""
  next
}
comment != "" && /^#define CEXIT_[A-Z_]+ / { types = types ".TP\n.B " $2 "\n" comment; comment = ""; next }
comment != "" && /^(typedef|$)/ { comment = ""; next }
comment != "" {
  declaration = declaration $0 " "
  if ($0 !~ /;$|^#define/) next
  gsub(/^#define /, "", declaration)
  if (match(declaration, /(cexit|CEXIT)_[a-zA-Z_]+\(/)) {
    name = substr(declaration, RSTART, RLENGTH - 1)
    if (name ~ /^CEXIT_AT_EXIT/) declaration = "CEXIT_AT_EXIT(function);"
    if (name == "CEXIT_API") name = ""
  }
  gsub(/ +/, " ", declaration)
  mine = (name in registering) ? "cexit_register" : "cexit"
  names = names name " " mine "\n"
  synopsis[mine] = synopsis[mine] ".B \"" code(declaration) "\"\n.br\n"
  functions[mine] = functions[mine] ".TP\n.B \"" code(declaration) "\"\n" comment
  comment = declaration = name = ""
}

END {
  if (page == "names") { printf "%s", names; exit }
  printf ".\\\" Made from CExitShim.h.\n.TH %s 3 \"\" \"ExitKit %s\" \"Library Functions Manual\"\n", toupper(page), version
  about = page == "cexit" ? "one exit stack for the C and the Swift code of a process" : "register an exit handler, cancel it, run it"
  printf ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B #include <CExitShim.h>\n.PP\n%s", page, about, synopsis[page]
  print ".PP\nCompile and link with \\fI$(pkg\\-config \\-\\-cflags \\-\\-libs CExitShim)\\fP."
  if (page == "cexit") printf ".SH DESCRIPTION\n%s.SH FUNCTIONS\n%s", manual, functions[page]
  else printf ".SH DESCRIPTION\n%s.SH TYPES\n%s", functions[page], types
  print ".SH ERRORS\nA function that can fail returns 0 or an error number, and changes nothing when it fails. See"
  print ".BR cexit (3)."
  print ".SH SEE ALSO"
  print (page == "cexit" ? ".BR cexit_register (3)," : ".BR cexit (3),") "\n.BR atexit (3),\n.BR on_exit (3),\n.BR exit (3)"
}
