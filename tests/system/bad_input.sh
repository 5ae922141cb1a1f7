#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bad input: policy files that are wrong in every way, and a database that is corrupt. One line says what and where, nothing
# has changed, and the rules stay in the kernel.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

shop_start
start_daemon
shop_watched
shop_works
approve netns/api
enforce netns/api
shop_refuses
digest=$(digest_of netns/api)
table=$(kernel_table api)
history=$(nsj policy history netns/api)
nsj policy show netns/api | jq '{schema, workload, revision, verdict, rules: [.rules[] | del(.evidence)]}' >"$LAB/good.json"
ports_rule=$(jq '[.rules[] | has("ports")] | index(true)' "$LAB/good.json")
check "there is a rule with ports" test "$ports_rule" != null

unchanged() {
	check "the policy is as before" equal "$(digest_of netns/api)" "$digest"
	check "so is its history" equal "$(nsj policy history netns/api)" "$history"
	check "so is the kernel" equal "$(kernel_table api)" "$table"
}

# refused WHAT PATTERN: bad.json is refused with exit code 1 and one line that matches.
refused() {
	local what=$1 pattern=$2 status=0
	timeout 20 "$NANOSEG" --socket "$LAB/run/nanosegd.sock" policy edit netns/api --file "$LAB/bad.json" >"$LAB/out" 2>"$LAB/err" ||
		status=$?
	[ $status = 1 ] || die "$what: exit code $status, wanted 1: $(head -c 500 "$LAB/err")"
	check "$what: one line" equal "$(wc -l <"$LAB/err")" 1
	grep -qE "$pattern" "$LAB/err" || die "$what: $(cat "$LAB/err")   wanted: $pattern"
	passed "$what: $(cut -c 1-150 "$LAB/err")"
}

change() { jq "$1" "$LAB/good.json" >"$LAB/bad.json"; }

step "policies"
change '.colour = "red"'
refused "an unknown member" '\$\.colour'
change ".rules[$ports_rule].wide = true"
refused "an unknown member of a rule" "\\\$\\.rules\\[$ports_rule\\]\\.wide"
change ".rules[$ports_rule].peer.port = 1"
refused "an unknown member of a peer" "\\\$\\.rules\\[$ports_rule\\]\\.peer\\.port"
change '.rules = "none"'
refused "a wrong type" '\$\.rules'
change ".rules[$ports_rule].direction = 1"
refused "a wrong type in a rule" "\\\$\\.rules\\[$ports_rule\\]\\.direction"
change ".rules[$ports_rule].ports = [70000]"
refused "port 70000" "\\\$\\.rules\\[$ports_rule\\]\\.ports\\[0\\].*70000"
change ".rules[$ports_rule].ports = [\"8000-70000\"]"
refused "a range to 70000" "\\\$\\.rules\\[$ports_rule\\]\\.ports\\[0\\]"
change ".rules[$ports_rule].ports = [\"6010-6000\"]"
refused "a range that ends before it begins" "\\\$\\.rules\\[$ports_rule\\]\\.ports\\[0\\]"
change ".rules[$ports_rule].ports = [\"6000-6010\", \"6005-6020\"]"
refused "overlapping ranges" "\\\$\\.rules\\[$ports_rule\\]\\.ports"
change ".rules[$ports_rule].ports = [-1]"
refused "a negative port" "\\\$\\.rules\\[$ports_rule\\]\\.ports\\[0\\]"
change 'del(.verdict)'
refused "no verdict" '\$\.verdict|\$.*verdict'
change '.verdict = "accept"'
refused "the verdict accept" '\$\.verdict'
change '.schema = "nanoseg/policy/99"'
refused "another schema" '\$\.schema'
change '.workload = "netns/db"'
refused "another workload" '\$\.workload'
change '.rules[0].id = .rules[1].id'
refused "an id twice" '\$\.rules\[[01]\]'
change ".rules[$ports_rule].peer = {class: \"cidr\", prefix: \"10.0.0.1/8\"}"
refused "host bits" "\\\$\\.rules\\[$ports_rule\\]\\.peer\\.prefix"
change ".rules[$ports_rule].peer = {class: \"cidr\", prefix: \"fd00::1/8\"}"
refused "host bits, IPv6" "\\\$\\.rules\\[$ports_rule\\]\\.peer\\.prefix"
sed '0,/"verdict"/s/"verdict"/"verdict": "drop", "verdict"/' "$LAB/good.json" >"$LAB/bad.json"
refused "a member twice" 'verdict|duplicate'
head -c $(($(stat -c %s "$LAB/good.json") / 2)) "$LAB/good.json" >"$LAB/bad.json"
refused "a truncated document" 'line [0-9]+'
: >"$LAB/bad.json"
refused "an empty file" 'empty'
head -c 100000 /dev/zero >"$LAB/bad.json"
refused "zeros" '.'
{ printf '{"schema":"'; head -c 10485760 /dev/zero | tr '\0' 'a'; printf '"}'; } >"$LAB/bad.json"
refused "10 MB" '.'
{ head -c 100000 /dev/zero | tr '\0' '['; } >"$LAB/bad.json"
refused "100,000 levels deep" 'deep|nest|level'
change '.rules[0].comment = "x\u0000y"'
refused "a NUL in a text" '.'
unchanged

step "the API itself, past the command"
api() { # METHOD PATH FILE: prints the status
	curl -s -m 20 -o "$LAB/answer" -w '%{http_code}' --unix-socket "$LAB/run/nanosegd.sock" -X "$1" --data-binary "@$3" "http://nanoseg$2"
}
change '.rules[0].colour = 1'
check "400: unknown member" equal "$(api POST /v1/policy/edit "$LAB/bad.json")" 400
check "one line with the path" jq -e '.error | test("rules\\[0\\]\\.colour") and (test("\n") | not)' "$LAB/answer"
head -c 10485760 /dev/zero >"$LAB/bad.json"
check "413: 10 MB" equal "$(api POST /v1/policy/edit "$LAB/bad.json")" 413
head -c 100000 /dev/zero | tr '\0' '[' >"$LAB/bad.json"
check "400: deep" equal "$(api POST /v1/policy/edit "$LAB/bad.json")" 400
printf '{"workload":"netns/api","digest":"%s","reason":"x","extra":1}' "$digest" >"$LAB/bad.json"
check "400: approval with an unknown member" equal "$(api POST /v1/policy/approve "$LAB/bad.json")" 400
check "405" equal "$(api POST /v1/status "$LAB/good.json")" 405
check "404" equal "$(api GET /v1/nothing "$LAB/good.json")" 404
head -c 65536 /dev/urandom | socat -t 1 - "UNIX-CONNECT:$LAB/run/nanosegd.sock" >/dev/null 2>&1
check "noise on the socket is survived" ns status
unchanged
shop_works
shop_refuses

step "a corrupt database"
stop_daemon
database=$(find "$LAB/state" -name '*.db')
check "there is one database" test -s "$database"
cp -a "$LAB/state" "$LAB/state.good"
rm -f "$database-wal" "$database-shm"
size=$(stat -c %s "$database")
dd if=/dev/urandom of="$database" bs=4096 seek=1 count=$((size / 4096 - 1)) conv=notrunc status=none
status=0
timeout 20 "$NANOSEGD" --config "$LAB/nanoseg.conf" >"$LAB/refusal" 2>&1 || status=$?
check "it refuses to start ($status)" test "$status" -gt 0 -a "$status" -lt 124
check "names the file" grep -qF "$database" "$LAB/refusal"
check "and says what to do" grep -qiE 'restore|move|backup|remove' "$LAB/refusal"
echo "   $(tail -n 1 "$LAB/refusal" | cut -c 1-200)"
check "the rules stay" equal "$(kernel_table api)" "$table"
shop_works
shop_refuses
printf 'no database at all' >"$database"
check "neither with another file" not timeout 20 "$NANOSEGD" --config "$LAB/nanoseg.conf" 2>/dev/null
shop_refuses
rm -rf "$LAB/state"
mv "$LAB/state.good" "$LAB/state"
start_daemon
wait_inner netns/api enforcing
unchanged
shop_works
shop_refuses

step "a state directory that others can write"
stop_daemon
chmod 777 "$LAB/state"
check "it refuses to start" not timeout 20 "$NANOSEGD" --config "$LAB/nanoseg.conf" 2>/dev/null
chmod 700 "$LAB/state"
start_daemon
step "a second daemon on the same socket"
check "it refuses to start" not timeout 20 "$NANOSEGD" --config "$LAB/nanoseg.conf" 2>/dev/null
check "and the first goes on" ns status
unchanged
stop_daemon
finished
