#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# systemd-nspawn for real: machines are known by their names, also without a scope that tells them, learned, enforced, and
# still so after they came back with other addresses.
LAB_GATE=$'ve-*\ngate_standing = never'
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/story.sh"
. "$NS_SOURCE/tests/lib/nspawn.sh"

nspawn_set_up
start_daemon
story_run
stop_daemon
finished
