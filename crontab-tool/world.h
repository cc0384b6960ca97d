/* world: this machine, as a lint wants to know it.
 * Flow: filled once, asked for each job that is checked. */
#ifndef TOOL_WORLD_H
#define TOOL_WORLD_H

#include "crond/core/hosts.h"
#include "crond/core/lint.h"

struct zones;

/* Users, groups, programs, time zones, names and addresses. */
struct world {
	struct lint_world lint;
	struct hosts_self self;
	struct hosts_address *addresses;
	struct zone *zone;
	struct zones *zones;
	char name[256], fqdn[256];
};

/* What cannot be found out is not linted. lint points into *w, which must stay where it is. */
void world_look(struct world *w, const struct dialect *dialect);
void world_free(struct world *w);

#endif
