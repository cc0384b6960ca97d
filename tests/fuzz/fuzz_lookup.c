/* Any bytes as what crond-lookup answers, a message a piece: a user or group is what an answer says, and
 * what is no answer changes nothing that was known, is asked again later, and ends no scheduler. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/account.h"
#include "crond/crond.h"
#include "crond/lookup.h"

enum { NAMES = 3, GROUPS_TOO_MANY = 1 << 16, PIECE_HEAD = 3 };

static const char *const names[NAMES] = { "alice.fuzzer", "bob.fuzzer", "staff.fuzzer" };
static int log_fd = -1;

/* As it stands on the wire. */
struct answer {
	int32_t error;
	uint32_t uid, gid, groups;
};

static void demand(int holds)
{
	if (!holds)
		abort();
}

static int wire_open(struct crond *c)
{
	int ends[2];

	demand(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	c->lookups.wire = (struct watch){ .kind = WATCH_LOOKUP, .fd = ends[0] };
	c->lookups.open = true;
	return ends[1];
}

static struct lookup *lookup_of(struct crond *c, char what, const char *name)
{
	struct lookup *l;

	SLIST_FOREACH(l, &c->lookups.all, link) {
		if (l->what == what && strcmp(l->name, name) == 0)
			break;
	}
	return l;
}

/* Nothing is sent: who asks next would start a process (c->stop.stage). */
static struct lookup *asked(struct crond *c, char what, const char *name)
{
	gid_t gid;

	c->users_epoch++; /* what was told before is not fresh */
	if (what == ACCOUNT_USER)
		demand(lookup_user(c, name) < 0 && errno == EINPROGRESS);
	else
		demand(lookup_group(c, name, &gid) == 0 || errno == EINPROGRESS);
	c->lookups.asked = lookup_of(c, what, name);
	demand(c->lookups.asked != NULL && c->lookups.asked->state == LOOKUP_WAITS);
	return c->lookups.asked;
}

/* 0; or the error that it says, EPROTO: it is none. */
static int answer_read(struct slice bytes, struct answer *a, struct slice *groups, struct slice *home)
{
	size_t list;

	if (bytes.n < sizeof(*a))
		return EPROTO;
	memcpy(a, bytes.s, sizeof(*a));
	list = (size_t)a->groups * sizeof(uint32_t);
	if (a->error)
		return a->error;
	if (a->groups > GROUPS_TOO_MANY || bytes.n - sizeof(*a) <= list)
		return EPROTO;
	*groups = (struct slice){ bytes.s + sizeof(*a), list };
	*home = (struct slice){ groups->s + list, bytes.n - sizeof(*a) - list };
	return 0;
}

static void check_user(const struct crond *c, const char *name, const struct answer *a, struct slice groups,
	struct slice home)
{
	const struct job_user *u = user_known(c, name);

	demand(u && !u->gone && u->uid == a->uid && u->gid == a->gid && u->group_count == a->groups);
	demand(!groups.n || memcmp(u->groups, groups.s, groups.n) == 0);
	demand(strlen(u->home) == strnlen(home.s, home.n) && memcmp(u->home, home.s, strlen(u->home)) == 0);
}

static void check_told(struct crond *c, char what, const char *name, struct slice bytes, unsigned fails,
	const struct job_user *before)
{
	const struct lookup *l = lookup_of(c, what, name);
	struct slice groups = { 0 }, home = { 0 };
	struct answer a = { 0 };
	int error = answer_read(bytes, &a, &groups, &home);

	demand(c->lookups.asked == NULL);
	if (error == ENOENT) {
		demand(l && l->state == LOOKUP_NONE && !l->known && (!before || what != ACCOUNT_USER || before->gone));
	} else if (error) {
		demand(l && l->state == LOOKUP_WAITS && l->fails == fails + 1 && c->lookups.failing);
		demand(user_known(c, name) == before);
	} else if (what == ACCOUNT_USER) {
		demand(!l);
		check_user(c, name, &a, groups, home);
	} else {
		demand(l && l->state == LOOKUP_GROUP && l->known && l->gid == a.gid);
	}
}

static void users_free(struct crond *c)
{
	struct job_user *u;
	struct lookup *l;

	while ((u = SLIST_FIRST(&c->users))) {
		SLIST_REMOVE_HEAD(&c->users, link);
		free(u->name);
		free(u->home);
		free(u->groups);
		free(u);
	}
	while ((l = SLIST_FIRST(&c->lookups.all))) {
		SLIST_REMOVE_HEAD(&c->lookups.all, link);
		free(l->name);
		free(l);
	}
}

/* One answer; an empty one is the end of who gives them. */
static void tell(struct crond *c, int *far, unsigned which, struct slice bytes)
{
	const char what = which / NAMES % 2 ? ACCOUNT_GROUP : ACCOUNT_USER, *name = names[which % NAMES];
	const struct job_user *before = user_known(c, name);
	unsigned fails = asked(c, what, name)->fails;

	if (send(*far, bytes.s, bytes.n, MSG_DONTWAIT) != (ssize_t)bytes.n) {
		c->lookups.asked = NULL;
		return;
	}
	lookup_ready(c);
	check_told(c, what, name, bytes, fails, before);
	demand(c->lookups.open == (bytes.n > 0));
	if (!c->lookups.open) {
		close(*far);
		*far = wire_open(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of whom it is and two bytes of its length, then that message, and the next one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crond *c = calloc(1, sizeof(*c));
	int far;

	if (log_fd < 0)
		log_fd = memfd_create("log", MFD_CLOEXEC);
	demand(c != NULL && log_fd >= 0 && ftruncate(log_fd, 0) == 0);
	c->set.dialect = dialect_get(DIALECT_DEBIAN);
	c->log = (struct log){ .target = LOG_TO_STDERR, .level = 7, .fd = -1, .err = log_fd };
	c->epoll = c->w_later.fd = -1;
	c->stop.stage = 1;
	far = wire_open(c);
	while (size >= PIECE_HEAD) {
		size_t n = data[1] | (size_t)data[2] << 8;

		n = n < size - PIECE_HEAD ? n : size - PIECE_HEAD;
		tell(c, &far, data[0], (struct slice){ (const char *)data + PIECE_HEAD, n });
		data += PIECE_HEAD + n;
		size -= PIECE_HEAD + n;
	}
	lookup_close(c);
	close(far);
	users_free(c);
	free(c);
	return 0;
}
