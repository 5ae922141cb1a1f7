#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every script passes shellcheck.
. "$(dirname "$0")/lint.sh"

lint() {
	(cd "$1" && find . .ci -name '*.sh' -not -path './build*' 2>/dev/null | sort -u |
		xargs shellcheck -x -P SCRIPTDIR -S warning -e SC1090,SC1091 -f gcc)
}

lint_main shell planted.sh '#!/bin/bash\nif [ $1 = ]; then cd x; fi\n'
