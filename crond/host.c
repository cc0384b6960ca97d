/* host: what this machine is called, its addresses, its zones.
 * Flow: start asks whether a job belongs here; load asks for zones by name. */
#include "config.h"

#include "crond/crond.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/zone.h"

enum { ZONE_FILE_MOST = 1 << 20 };

struct host_zone {
	RB_ENTRY(host_zone) link;
	struct zone *zone;
	uint32_t users; /* files */
	int32_t delay;  /* seconds */
	char name[];
};

/* --- names and addresses */

/* Its name as it is now. */
static void host_names(struct crond *c)
{
	char *dot;

	if (gethostname(c->fqdn, sizeof(c->fqdn) - 1) < 0 || !c->fqdn[0])
		snprintf(c->fqdn, sizeof(c->fqdn), "localhost");
	snprintf(c->host, sizeof(c->host), "%s", c->fqdn);
	dot = strchr(c->host, '.');
	if (dot)
		*dot = '\0';
	c->self.name = c->host;
	c->self.fqdn = c->fqdn;
}

/* The kernel tells of another name by this file (since 3.3), where /proc is mounted. */
static void name_watch(struct crond *c)
{
	int fd = open("/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	c->w_name = (struct watch){ .kind = WATCH_NAME, .fd = fd };
	if (fd >= 0 && wait_for(c, &c->w_name, EPOLLPRI) < 0) {
		close(fd);
		c->w_name.fd = -1;
	}
}

/* Told when an address comes or goes, so that nothing has to be looked up in vain. */
static void addresses_watch(struct crond *c)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	c->w_addr = (struct watch){ .kind = WATCH_ADDRESSES, .fd = fd };
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		wait_for(c, &c->w_addr, EPOLLIN) < 0)) {
		close(fd);
		c->w_addr.fd = -1;
	}
}

/* What is chosen by the host (`~`) stays as it is, whatever it is called later. */
void host_init(struct crond *c)
{
	host_names(c);
	c->seed = text_hash(3, c->fqdn, strlen(c->fqdn));
	c->w_addr.fd = c->w_name.fd = -1;
}

/* Told of every name of every namespace: most are not ours. */
void host_name_changed(struct crond *c)
{
	char before[sizeof(c->fqdn)];

	memcpy(before, c->fqdn, sizeof(before));
	host_names(c);
	if (strcmp(before, c->fqdn) == 0)
		return;
	log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) INFO (this host is called %s now)", c->fqdn);
	daemon_look(c);
}

void host_addresses_changed(struct crond *c)
{
	char drop[8192];

	while (recv(c->w_addr.fd, drop, sizeof(drop), MSG_DONTWAIT) > 0)
		;
	c->addresses_known = false;
	daemon_look(c);
}

static bool address_of(const struct ifaddrs *i, struct hosts_address *a)
{
	memset(a, 0, sizeof(*a));
	if (!i->ifa_addr)
		return false;
	if (i->ifa_addr->sa_family == AF_INET) {
		a->family = 4;
		memcpy(a->bytes, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
	} else if (i->ifa_addr->sa_family == AF_INET6) {
		a->family = 6;
		memcpy(a->bytes, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
	} else {
		return false;
	}
	snprintf(a->interface, sizeof(a->interface), "%s", i->ifa_name);
	a->interface[strcspn(a->interface, ":")] = '\0'; /* eth0:1 is a label */
	return true;
}

static void addresses_read(struct crond *c)
{
	struct ifaddrs *all, *i;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i; i = i->ifa_next)
		n++;
	free(c->addresses);
	c->addresses = calloc(n + 1, sizeof(*c->addresses));
	c->self.addresses = c->addresses;
	c->self.count = 0;
	for (i = all; i && c->addresses; i = i->ifa_next) {
		if (address_of(i, &c->addresses[c->self.count]))
			c->self.count++;
	}
	freeifaddrs(all);
	c->addresses_known = c->w_addr.fd >= 0; /* not told of changes: look each time */
}

/* The first job with hosts is what makes us watch. */
const struct hosts_self *host_self(struct crond *c)
{
	if (c->w_addr.fd < 0 && c->epoll >= 0)
		addresses_watch(c);
	if (c->w_name.fd < 0 && c->epoll >= 0) {
		name_watch(c);
		host_names(c);
	}
	if (!c->addresses_known)
		addresses_read(c);
	return &c->self;
}

/* --- zones */

static struct zone *zone_read(const char *path, struct diag *d)
{
	struct buf b = { 0 };
	struct zone *z = NULL;
	struct stat st;
	int fd = file_open(-1, path, 1, &st);

	if (fd < 0) {
		diag_error(d, 0, 0, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (file_read(fd, ZONE_FILE_MOST, &b) == 0)
		z = zone_parse(b.data, b.len, d);
	else
		diag_error(d, 0, 0, "%s: %s", path, strerror(errno));
	close(fd);
	buf_free(&b);
	return z;
}

/* Also where an image has no zones at all, these are no surprise. */
static bool means_utc(const char *tz)
{
	static const char *const names[] = { "UTC", "Etc/UTC", "GMT", "Etc/GMT" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(tz, names[i]) == 0)
			return true;
	}
	return false;
}

/* As the C library does where it finds no rules: UTC. Then *d says why; otherwise it is
 * empty. */
static struct zone *zone_local(struct diag *d)
{
	const char *tz = getenv("TZ");
	char path[PATH_MAX];
	struct zone *z = NULL;
	struct stat st;

	tz = tz && *tz == ':' ? tz + 1 : tz;
	d->text[0] = '\0';
	if (!tz || !*tz) {
		z = zone_read("/etc/localtime", d);
		if (!z && lstat("/etc/localtime", &st) < 0) /* there is none, and that is well */
			d->text[0] = '\0';
		return z ? z : zone_utc();
	}
	if (zone_name_ok(slice_of(tz))) {
		snprintf(path, sizeof(path), ZONEINFODIR "/%s", tz);
		z = zone_read(path, d);
	}
	if (!z)
		z = zone_posix(tz, NULL);
	if (z || means_utc(tz))
		d->text[0] = '\0';
	else if (!d->text[0])
		diag_error(d, 0, 0, "TZ=%.100s is no time zone", tz);
	return z ? z : zone_utc();
}

/* Once, when it is first asked for. */
static void say_local(struct crond *c, const char *why)
{
	c->zone_said = true;
	if (c->set.check)
		fprintf(stderr, "crond: %s: times are UTC\n", why);
	else
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s: times are UTC)", why);
}

/* A name below zoneinfo, else a POSIX string, as the C library takes them. */
static struct zone *zone_named(const char *name, struct diag *d)
{
	struct diag other;
	struct zone *z;
	char path[PATH_MAX];

	if (!name)
		return zone_local(d);
	if (!zone_name_ok(slice_of(name))) {
		diag_error(d, 0, 0, "bad name of a time zone: %s", name);
		return zone_posix(name, &other);
	}
	snprintf(path, sizeof(path), ZONEINFODIR "/%s", name);
	z = zone_read(path, d);
	return z ? z : zone_posix(name, &other);
}

static struct zone *zone_make(const char *name, int32_t delay, struct diag *d)
{
	struct zone *z = zone_named(name, d);

	if (z)
		zone_delay(z, delay);
	return z;
}

static int zone_compare(const char *name, int32_t delay, const struct host_zone *h)
{
	int order = strcmp(name, h->name);

	return order ? order : (delay > h->delay) - (delay < h->delay);
}

static int zone_order(const struct host_zone *a, const struct host_zone *b)
{
	return zone_compare(a->name, a->delay, b);
}

/* A user's table may name as many as it has lines. */
RB_PROTOTYPE(zone_tree, host_zone, link, zone_order)
RB_GENERATE(zone_tree, host_zone, link, zone_order)

static struct host_zone *zone_find(struct crond *c, const char *name, int32_t delay)
{
	struct host_zone *h = RB_ROOT(&c->zones);
	int order;

	while (h && (order = zone_compare(name, delay, h)) != 0)
		h = order < 0 ? RB_LEFT(h, link) : RB_RIGHT(h, link);
	return h;
}

/* That a file uses it; once for each row of stretches that do. */
struct zone_use {
	struct zone_use *next;
	struct host_zone *zone;
};

static struct host_zone *zone_get(struct crond *c, const char *name, int32_t delay, struct diag *d)
{
	const char *key = name ? name : "";
	struct host_zone *h = zone_find(c, key, delay);
	const size_t room = strlen(key) + 1;
	struct zone *z;

	if (h)
		return h;
	z = zone_make(name, delay, d);
	if (!name && d->text[0] && !c->zone_said)
		say_local(c, d->text);
	h = z ? malloc(sizeof(*h) + room) : NULL;
	if (!h) {
		zone_free(z);
		return NULL;
	}
	memcpy(h->name, key, room);
	h->zone = z;
	h->users = 0;
	h->delay = delay;
	RB_INSERT(zone_tree, &c->zones, h);
	return h;
}

static void zone_release(struct crond *c, struct host_zone *h)
{
	if (h->users > 0)
		return;
	RB_REMOVE(zone_tree, &c->zones, h);
	zone_free(h->zone);
	free(h);
}

const struct zone *host_zone(struct crond *c, struct job_file *file, const char *name, int32_t delay,
	struct diag *d)
{
	struct host_zone *h = zone_get(c, name, delay, d);
	struct zone_use *use;

	if (!h || (file->zones && file->zones->zone == h))
		return h ? h->zone : NULL;
	use = arena_alloc(&file->arena, sizeof(*use));
	if (!use) {
		zone_release(c, h);
		return NULL;
	}
	*use = (struct zone_use){ file->zones, h };
	file->zones = use;
	h->users++;
	return h->zone;
}

void host_zones_free(struct crond *c, struct job_file *file)
{
	for (struct zone_use *use = file->zones; use; use = use->next) {
		use->zone->users--;
		zone_release(c, use->zone);
	}
	file->zones = NULL;
}

bool host_zones_again(struct crond *c)
{
	struct host_zone *h;
	bool changed = false;

	tzset(); /* for the log */
	RB_FOREACH(h, zone_tree, &c->zones) {
		struct diag d;
		struct zone *z = zone_make(*h->name ? h->name : NULL, h->delay, &d);

		if (!z || !zone_become(h->zone, z))
			continue;
		changed = true;
		log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (the time zone %s has other rules now)", *h->name ? h->name : "of this host");
	}
	return changed;
}
