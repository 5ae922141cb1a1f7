#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Calls that the product does not make: those that start programs (the product speaks netlink, never a command), those
# that cannot know how long the destination is, and those that cannot report an error.
. "$(dirname "$0")/lint.sh"

banned='system popen execl execlp execle execv execvp execvpe execve posix_spawn posix_spawnp
strcpy stpcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll atof alloca
tmpnam mktemp tempnam rand srand gethostbyname gethostbyaddr inet_addr inet_aton inet_ntoa localtime gmtime ctime asctime longjmp setjmp'
pattern="(^|[^A-Za-z0-9_>.])($(tr -s ' \n' '||' <<<"$banned" | sed 's/|$//'))[ \t]*\("

# The one exception: `nanoseg policy edit` starts the operator's own editor, as the operator.
excepted='^agent/cli/editor\.c: \(void\)execvp\('

lint() {
	local root=$1 file
	sources "$root" include common rules agent | while read -r file; do
		without_comments "$root/$file" | sed 's/"\([^"\\]\|\\.\)*"/""/g' | grep -E "$pattern" |
			grep -vE '^#' | sed "s|^[ \t]*|$file: |"
	done | grep -vE "$excepted"
}

lint_main banned common/planted.c 'int planted(void);\nint planted(void)\n{\n\treturn system("true");\n}\n'
