#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# LXC for real: containers on a bridge are known by their names, learned, enforced, and still so after they came back with
# other addresses.
LAB_GATE=$'v* veth*\ngate_standing = never'
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/story.sh"
. "$NS_SOURCE/tests/lib/lxc.sh"

lxc_set_up
start_daemon
story_run
stop_daemon
finished
