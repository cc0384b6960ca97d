/* hosts: does a job belong on this host?
 * Flow: a job's `hosts` patterns against what the scheduler knows of the host. */
#ifndef CORE_HOSTS_H
#define CORE_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct diag;

struct hosts_address {
	int family;                /* 4 or 6 */
	unsigned char bytes[16];   /* network order */
	char interface[32];
};

struct hosts_self {
	const char *name;       /* short host name */
	const char *fqdn;       /* full one, may equal name */
	const struct hosts_address *addresses;
	size_t count;
};

/* IP, CIDR (v4, v6), interface, host name or glob; '!' before it negates. 0 or -1. */
int hosts_pattern_check(struct slice pattern, struct diag *d);
/* True when one pattern matches and no negated one does; a list of negated ones
 * alone means everywhere else. An empty or NULL list is everywhere. Host names are compared
 * without regard to case, with name and fqdn. */
bool hosts_match(const char *const *patterns, const struct hosts_self *self);
/* Why a job with these does not belong here, as a sentence without its full stop: "none of
 * 10.0.0.0/8, web-* matches db-1 (192.0.2.7)". Empty where it does. */
struct buf;
void hosts_why(const char *const *patterns, const struct hosts_self *self, struct buf *out);

#endif
