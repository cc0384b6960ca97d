/* clients: who asks over a listening Unix socket, a line at a time.
 * Flow: a helper's loop waits for one descriptor and calls clients_step(); whole lines go to
 * the helper, which answers in pieces. Clients that flood, stall, send half a line, more than
 * anybody wants, or descriptors, cost themselves alone. */
#ifndef BASE_CLIENTS_H
#define BASE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"

enum {
	CLIENTS_MOST = 128,         /* in all */
	CLIENTS_RESERVED = 16,      /* of these, for root */
	CLIENTS_EACH = 16,          /* of one user */
	CLIENTS_IDLE_MS = 10000,    /* for a whole request */
	CLIENTS_STALL_MS = 30000,   /* without reading anything of an answer */
	CLIENTS_OUT_ENOUGH = 32768, /* an answer goes on once less than this waits to be read */
};

enum clients_refusal { CLIENTS_TOO_MANY, CLIENTS_TOO_LONG };

struct client {
	/* The helper's: */
	struct buf out; /* lines of the answer are appended here */
	void *answer;   /* not NULL: a request is being answered, and no other is read */
	/* Who it is, as of the moment it connected; and the rest is clients.c's: */
	uid_t uid;
	gid_t gid;
	TAILQ_ENTRY(client) link, turn;
	struct buf in;
	size_t sent; /* of out */
	int fd;
	bool queued;      /* in turns */
	bool last;        /* nothing more is read: it goes once all is sent */
	int64_t deadline; /* ms */
};

struct clients_calls {
	size_t line_most; /* bytes of a request */
	/* A request, without its newline. Sets k->answer; or appends an answer that is whole. */
	void (*begin)(void *arg, struct client *k, struct slice line);
	/* The next piece, some milliseconds of work at most and some KB; true: there is more. */
	bool (*step)(void *arg, struct client *k);
	/* The answer is over, or nobody is there to read it: k->answer is given back. */
	void (*over)(void *arg, struct client *k);
	/* Appends the line for one that is sent away. */
	void (*refuse)(struct buf *out, enum clients_refusal why);
};

TAILQ_HEAD(clients_queue, client);

struct clients {
	int fd; /* what clients_wait_fd() gives; -1: closed */
	int listening;
	const struct clients_calls *calls;
	void *arg;
	struct clients_queue all, turns;
	size_t count;
	uid_t served;      /* whose turn it was */
	int64_t worked_us; /* work that is not paid for yet, as of worked_ms */
	int64_t worked_ms;
	int64_t listen_ms; /* 0: it is listened; else not before that */
	bool group_known;  /* clients_all(): */
	gid_t group;
	uid_t owner; /* (uid_t)-1: nobody but root */
};

/* Binds and listens at dir/name, whatever stood there, for everybody: dir is the same as the
 * descriptor dirfd, by which it is reached where the path is too long for an address. The
 * descriptor (non-blocking, close-on-exec), or -1 with errno. */
int clients_listen(int dirfd, const char *dir, const char *name);

/* Takes the listening descriptor over. 0; -1 with errno, and it is the caller's still. */
int clients_open(struct clients *c, int listening, const struct clients_calls *calls, void *arg);
/* Hears who is there and gives one client its turn. now_ms: any clock that does not jump. */
void clients_step(struct clients *c, int64_t now_ms);
/* To wait for: readable where clients_step() has something to do. -1: it is not to be waited
 * for now. All clients together use half of a processor's time, and rest in between. */
int clients_wait_fd(const struct clients *c, int64_t now_ms);
/* When to call clients_step() all the same: now_ms where somebody waits for his turn, INT64_MAX
 * where nobody is there. */
int64_t clients_due(const struct clients *c, int64_t now_ms);
void clients_close(struct clients *c);

/* What crond/control.c, whose clients wait in the scheduler's own loop, has in common with this: */

/* The kernel keeps the groups that who is at the other end had when it connected, gid being its
 * own: no user database is asked. */
bool clients_in_group(int fd, gid_t gid, gid_t group);
/* Appends what has come. 0, with *last where nothing more will; -1: it has gone. */
int clients_read(int fd, struct buf *in, bool *last);
/* Sends as much as fits, from *sent on; out is empty once all is sent. How many bytes; -1: nobody
 * reads it any more. */
ssize_t clients_write(int fd, struct buf *out, size_t *sent);
/* Closes it; before, it is told these words, as far as that goes without waiting. words is freed. */
void clients_turn_away(int fd, struct buf *words);

/* May it see and do what concerns everybody: root, the owner, members of the group. */
bool clients_all(const struct clients *c, const struct client *k);

#endif
