/* cronctl_talk: a conversation with the daemon.
 * Flow: a verb says what it wants, lines of the answer come back one by one; what goes wrong
 * is said on standard error here. */
#ifndef TOOL_CRONCTL_TALK_H
#define TOOL_CRONCTL_TALK_H

#include <jansson.h>
#include <stdbool.h>

#include "crond/base/buf.h"
#include "crond/core/ctlmsg.h"

struct talk {
	int fd;
	const char *path; /* of control.sock, as named; NULL: the usual one. Others stand beside it */
	enum ctlmsg_socket at_socket;
	bool quiet;       /* that nobody listens is not said */
	bool json;        /* lines go to standard output as they are */
	struct buf in;
	size_t at;        /* of in: what was taken */
	size_t lines;     /* of data, by talk_each() */
	struct slice line; /* the last one, as it came */
};

/* 0, or an exit status: CRONCTL_NO_DAEMON. */
int talk_open(struct talk *t);
/* Begins a request: {"version":1,"verb":... without its closing brace. */
void talk_begin(struct buf *b, enum ctlmsg_verb verb);
/* Closes and sends it. 0, or CRONCTL_NO_DAEMON. */
int talk_send(struct talk *t, struct buf *request);
/* The next line of the answer, to be given back by json_decref(); NULL: that was all.
 * *status then: CRONCTL_OK and *end (if not NULL) the last line; CRONCTL_FAILED: refused;
 * CRONCTL_NO_DAEMON: it broke off. Both are said. */
json_t *talk_next(struct talk *t, int *status, json_t **end);
void talk_close(struct talk *t);

/* A whole conversation: each is called for every line, or under json they are printed as they
 * are; *end (if not NULL) as talk_next() gives it. Its status; the request is freed. */
int talk_each(struct talk *t, struct buf *request, void (*each)(void *arg, const json_t *o), void *arg,
	json_t **end);

/* Members of an answer: defaults where there is none of that name and type. */
const char *talk_text(const json_t *o, const char *name);  /* or NULL */
double talk_real(const json_t *o, const char *name, double fallback);
json_int_t talk_number(const json_t *o, const char *name, json_int_t fallback);
bool talk_true(const json_t *o, const char *name);

/* Appends a text from the daemon so that a terminal shows it and obeys nothing: what is not
 * printable here is \xNN. */
void talk_show(struct buf *out, const char *text);

/* A line with a name, so wide, and a text of somebody's; NULL: none. */
void talk_fact(int width, const char *name, const char *text);

#endif
