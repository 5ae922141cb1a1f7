# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Tables as nft(8) lists them, and what it can read again: for those that let it change the same as the daemon. Source it
# after tests/lib/lab.sh.

# elements FILE: of a listing, one a line: set, then the element; sets that packets fill are left out.
elements() {
	awk '
		/^\tset / { set = $2; dynamic = 0 }
		/^\t\tflags .*dynamic/ { dynamic = 1 }
		/elements = \{/ { inside = !dynamic; sub(/.*elements = \{/, "") }
		inside {
			last = sub(/\}[ \t]*$/, "")
			n = split($0, parts, ",")
			for (i = 1; i <= n; i++) {
				gsub(/^[ \t]+|[ \t]+$/, "", parts[i])
				if (parts[i] != "")
					print set, parts[i]
			}
			if (last)
				inside = 0
		}' "$1" | sort
}

# as_script VERB FAMILY TABLE: elements on standard input, as one command a set.
as_script() {
	awk -v verb="$1" -v table="$2 $3" '
		$1 != set { if (set) print " }"; set = $1; printf "%s element %s %s {", verb, table, set; comma = " " }
		{ sub(/^[^ ]+ /, ""); printf "%s%s", comma, $0; comma = ", " }
		END { if (set) print " }" }'
}

# of_nft: a listing as nft can read it again: without figures, without what it prints of owners, and without the rules that
# it has no words for (headers read at fixed places), so that its tables have all elements and fewer rules than ours.
of_nft() {
	sed -E '/^\tflags /d; /\[invalid type\]|@(th|nh|ll),/d; s/^(table [^#]*[{]) # .*/\1/; s/ counter packets [0-9]+ bytes [0-9]+/ counter/g'
}

inner_table() { # NETNS [TABLE]
	ip netns exec "$1" nft -n list table inet "${2:-nanoseg}" | of_nft
}

outer_table() { # TABLE
	timeout 30 nft -n list table netdev "$1" | of_nft
}

# plus A B: their sum, of figures with fractions.
plus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a + b }'; }
