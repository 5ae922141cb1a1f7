# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# nanoseg's cases of datapath.sh, all at once: put_up_nanoseg. The daemon gets a policy for each through the command, as an
# operator would give it, and puts it in force with both locks. Then it is killed: the rules stay, and are a plain
# table that can be taken away, so that the case has the lock that is its name's and no other.

is_nanoseg() {
	[[ ${contender[$1]} =~ ^(inner|outer|both|auditing|learning)$ ]]
}

# policy NAME: up to 10,000 pairs a rule each, beyond that a rule an address: a document has its limits.
policy() {
	local family at=1
	printf '{"schema":"nanoseg/policy/1","workload":"netns/%s","revision":1,"verdict":"drop","rules":[' "$1"
	for family in ${families[$1]}; do
		pairs "$family" "$(server_of "$1" "$family")" "${size[$1]}" |
			awk -v family="$family" -v first=$at -v together="$((size[$1] > 10000))" '
			function rule() {
				if (ports == "")
					return
				printf "%s{\"id\":\"r%d-%d\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"%s\"},", \
					first && n == 0 ? "" : ",", family, ++n, address
				printf "\"protocol\":\"%s\",\"ports\":[%s]}", protocol, ports
				ports = ""
			}
			{
				if (!together || $2 != address || $1 != protocol)
					rule()
				protocol = $1
				address = $2
				ports = ports (ports == "" ? "" : ",") $3
			}
			END { rule() }'
		at=0
	done
	printf ']}'
}

in_force() { # NAME
	local mode=enforcing
	[ "${contender[$1]}" != auditing ] || mode=auditing
	endpoint_of "netns/$1" | jq -e --arg mode $mode '.inner == $mode and .outer == $mode'
}

give_policy() { # NAME
	local digest mode=enforcing
	[ "${contender[$1]}" != auditing ] || mode=auditing
	policy "$1" >"$LAB/policy.json"
	digest=$(nsj policy edit "netns/$1" --file "$LAB/policy.json" | jq -er .digest) ||
		die "no policy for $1: $(cat "$LAB/cli.err")"
	check "$1 approved" ns policy approve "netns/$1" --digest "$digest" --reason benchmark
	check "$1 in force" ns mode "netns/$1" $mode
	eventually "$1 is in force, with both locks" 60 in_force "$1"
}

# Sets without their elements: there are many.
tables_of() { # NAMESPACE, or nothing for the host
	${1:+ip netns exec "$1"} nft list tables
}
has_inner() { tables_of "$1" | grep -x 'table inet nanoseg'; }
has_outer() { tables_of "" | grep -x "table netdev nanoseg-${cookie[$1]}"; }

leave_one_lock() { # NAME
	case ${contender[$1]} in
	inner)
		nft delete table netdev "nanoseg-${cookie[$1]}" || die "the outer lock of $1 stays"
		;;
	outer)
		ip netns exec "$1" nft delete table inet nanoseg || die "the inner lock of $1 stays"
		;;
	esac
	case ${contender[$1]} in
	outer) check "$1 has no inner lock" not has_inner "$1" ;;
	*) check "$1 has its inner lock" has_inner "$1" ;;
	esac
	case ${contender[$1]} in
	inner | learning) check "$1 has no outer lock" not has_outer "$1" ;;
	*) check "$1 has its outer lock" has_outer "$1" ;;
	esac
}

put_up_nanoseg() {
	local name own=()
	mkdir -p /run/watched
	for name in "${names[@]}"; do
		is_nanoseg "$name" || continue
		own+=("$name")
		touch "/run/watched/$name"
		mount --bind "/run/netns/$name" "/run/watched/$name"
	done
	[ ${#own[@]} -gt 0 ] || return 0
	bench_config
	start_daemon
	for name in "${own[@]}"; do
		eventually "$name learns" 20 inner_is "netns/$name" learning
		cookie[$name]=$(endpoint_of "netns/$name" | jq -r .cookie)
		[ "${contender[$name]}" = learning ] || give_policy "$name"
	done
	check "the kernel holds what was approved" ns verify
	kill_daemon
	for name in "${own[@]}"; do
		leave_one_lock "$name"
	done
}
