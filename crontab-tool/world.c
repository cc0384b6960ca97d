/* world: this machine, as a lint wants to know it.
 * Flow: filled once, asked for each job that is checked. */
#include "config.h"

#include "crontab-tool/world.h"

#include <ifaddrs.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/core/zone.h"
#include "crontab-tool/zones.h"

static bool user_there(void *arg, const char *name)
{
	(void)arg;
	return getpwnam(name) != NULL;
}

static bool group_there(void *arg, const char *name)
{
	(void)arg;
	return getgrnam(name) != NULL;
}

static bool timezone_there(void *arg, const char *name)
{
	struct world *w = arg;
	struct diag d;

	return !w->zones || zones_get(w->zones, slice_of(name), &d);
}

static bool program_there(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static void names_look(struct world *w)
{
	if (gethostname(w->fqdn, sizeof(w->fqdn) - 1) < 0)
		w->fqdn[0] = '\0';
	snprintf(w->name, sizeof(w->name), "%.*s", (int)strcspn(w->fqdn, "."), w->fqdn);
	w->self.name = w->name;
	w->self.fqdn = w->fqdn;
}

static bool address_of(const struct ifaddrs *i, struct hosts_address *a)
{
	*a = (struct hosts_address){ 0 };
	if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET) {
		a->family = 4;
		memcpy(a->bytes, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
	} else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6) {
		a->family = 6;
		memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
	}
	snprintf(a->interface, sizeof(a->interface), "%s", i->ifa_name);
	return a->family != 0;
}

static int addresses_look(struct world *w)
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return -1;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		n++;
	w->addresses = calloc(n + 1, sizeof(*w->addresses));
	for (const struct ifaddrs *i = all; w->addresses && i; i = i->ifa_next)
		w->self.count += address_of(i, &w->addresses[w->self.count]);
	w->self.addresses = w->addresses;
	freeifaddrs(all);
	return w->addresses ? 0 : -1;
}

void world_look(struct world *w, const struct dialect *dialect)
{
	*w = (struct world){ 0 };
	names_look(w);
	w->zone = zone_utc(); /* how far starts are apart is the same in any */
	w->zones = zones_new();
	w->lint = (struct lint_world){ .user = user_there, .group = group_there,
		.program = program_there, .timezone = timezone_there, .arg = w,
		.self = addresses_look(w) == 0 ? &w->self : NULL, .zone = w->zone, .dialect = dialect };
}

void world_free(struct world *w)
{
	free(w->addresses);
	zones_free(w->zones);
	if (w->zone)
		zone_free(w->zone);
	*w = (struct world){ 0 };
}
