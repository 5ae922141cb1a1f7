#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files and folders: the licence line first, no notes to oneself, a size that one can read, and a README.md where there
# are more than two files.
. "$(dirname "$0")/lint.sh"

lint() {
	local root=$1 file lines most folder
	sources "$root" include common rules agent tests | while read -r file; do
		head -n 1 "$root/$file" | grep -q '^/\* SPDX-License-Identifier: GPL-3.0-or-later' ||
			echo "$file: the first line is not the licence's"
		lines=$(wc -l <"$root/$file")
		most=600
		[[ $file != tests/* ]] || most=1000 # cases in a row read well
		[ "$lines" -le $most ] || echo "$file: $lines lines; $most are asking to be split"
		grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "$root/$file" | sed "s|^|$file:|"
		grep -nP '^.{200,}' "$root/$file" | sed "s|^\([0-9]*\):.*|$file:\1: a line of 200 bytes or more|"
	done
	(cd "$root" && find include common rules agent tests systemd -type d -not -path '*/corpus/*' 2>/dev/null) |
		while read -r folder; do
			case $folder in
			include | include/nanoseg | agent | tests/fuzz/* | tests/golden/*) continue ;;
			esac
			[ "$(find "$root/$folder" -maxdepth 1 -type f \( -name '*.[ch]' -o -name '*.sh' \) | wc -l)" -le 2 ] ||
				[ -e "$root/$folder/README.md" ] || echo "$folder: more than two files and no README.md"
		done
}

lint_main files common/planted.c 'int planted; /* FIXME */\n'
