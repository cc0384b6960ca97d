/* account: may the caller's account be used here, as PAM sees it?
 * Flow: dialect cronie alone: asked after the lists of access.h, root is not asked about. */
#ifndef TOOL_ACCOUNT_H
#define TOOL_ACCOUNT_H

#include <stdbool.h>

struct request;

/* Says so if not. True where the program has no PAM, or the system no rules for the
 * service. The caller's ids are in force before and after. */
bool account_check(const struct request *r);

#endif
