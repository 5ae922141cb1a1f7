#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Includes go down only: include <- common <- rules <- agent, and inside the agent as the table says. The build enforces
# it by include paths; this holds the table against a build file that grew one too many, and against "../".
. "$(dirname "$0")/lint.sh"

declare -A below=(
	[include]=""
	[common]="common"
	[rules]="rules common"
	[agent/runtimes]="agent/runtimes common"
	[agent/watch]="agent/watch agent/runtimes common"
	[agent/learn]="agent/learn rules common"
	[agent/enforce]="agent/enforce rules common"
	[agent/engine]="agent/engine agent/watch agent/runtimes agent/learn agent/enforce rules common"
	[agent/evidence]="agent/evidence agent/engine agent/watch agent/runtimes agent/learn agent/enforce rules common"
	[agent/control]="agent/control agent/engine agent/evidence agent/watch agent/runtimes agent/learn agent/enforce rules common"
	[agent/daemon]="agent/daemon agent/control agent/engine agent/evidence agent/watch agent/runtimes agent/learn agent/enforce rules common"
	[agent/cli]="agent/cli agent/enforce rules common"
	[agent/hooks]="agent/hooks common"
)
# rules/ is pure: no socket, no loop, no database, no file.
impure='^(libmnl|libnftnl|netlink|sqlite3|curl|microhttpd|systemd|fcntl|unistd|linux/netlink|sys/epoll|time)'

folder_of() {
	local folder=${1%/*}
	case $folder in
	include/*) echo include ;;
	common/*) echo common ;;
	*) echo "$folder" ;;
	esac
}

# found ROOT FILE INCLUDED: is it in a folder that the file's folder may see?
found() {
	local root=$1 here
	[ -e "$root/${2%/*}/$3" ] && [ "$3" = "${3#../}" ] && return 0
	for here in ${below[$(folder_of "$2")]}; do
		[ -e "$root/$here/$3" ] && return 0
	done
	return 1
}

lint() {
	local root=$1 file folder included
	sources "$root" include common rules agent | while read -r file; do
		folder=$(folder_of "$file")
		if [ -z "${below[$folder]+set}" ]; then
			echo "$file: folder $folder is not in the table of tests/lint/layers.sh"
			continue
		fi
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$root/$file" | while read -r included; do
			found "$root" "$file" "$included" || echo "$file: includes \"$included\", which is not below $folder"
		done
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*<\(.*\)>.*/\1/p' "$root/$file" | while read -r included; do
			case $included in
			nanoseg/*)
				[ -e "$root/include/$included" ] || echo "$file: <$included> is no contract in include/"
				;;
			*)
				[ "$folder" = rules ] && [[ $included =~ $impure ]] &&
					echo "$file: includes <$included>, and rules/ is pure"
				;;
			esac
		done
	done
}

lint_main layers common/planted.c '#include "engine.h"\n'
