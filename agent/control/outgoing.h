/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An answer on its way out while it is made. The HTTP library asks for more when the client has taken what there was;
 * then one step is done, so that everybody else is served between two of them, and a client that does not read costs
 * what is in its buffer.
 */
#ifndef NANOSEG_OUTGOING_H
#define NANOSEG_OUTGOING_H

#include "api_internal.h"

/* Takes reply->later. NULL: no memory, and the reply still has it. */
struct MHD_Response *ns_outgoing_response(struct ns_api *api, struct ns_reply *reply);

#endif
