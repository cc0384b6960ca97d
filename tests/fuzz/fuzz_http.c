/* Any bytes as what a receiver sends back over HTTP, to what libcurl has sent it: accepted is
 * only what says so, the patience that it asks for is bounded, and no secret is repeated. The
 * network is a pair of sockets: the C library's socket() and connect() are ours. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/core/webhook.h"
#include "crond/notify/post.h"

enum { HEAD = 3, TURNS_MOST = 1000, SENT_MOST = 65536 };

#define TOKEN "T0KEN-in-the-path-3141592653"

static const char token[] = TOKEN;
static const char secret[] = "s3cret-of-the-webhook-2718281828";
static const char header[] = "X-Api-Key: k3y-in-a-header-1414213562";

/* What stands in for the network. */
static struct network {
	struct slice answer;
	int far; /* the receiver's end */
	unsigned sockets;
} net = { .far = -1 };

static void demand(int holds)
{
	if (!holds)
		abort();
}

int socket(int domain, int type, int protocol)
{
	int pair[2];

	(void)domain;
	(void)protocol;
	if ((type & 0xff) != SOCK_STREAM || net.far >= 0 || socketpair(AF_UNIX, type, 0, pair))
		return -1;
	demand(write(pair[1], net.answer.s, net.answer.n) == (ssize_t)net.answer.n);
	shutdown(pair[1], SHUT_WR);
	net.far = pair[1];
	net.sockets++;
	return pair[0];
}

int connect(int fd, const struct sockaddr *address, socklen_t n)
{
	(void)fd;
	(void)address;
	(void)n;
	return 0;
}

static bool signs(enum webhook_template t)
{
	return t == WEBHOOK_FEISHU || t == WEBHOOK_DINGTALK;
}

/* --- what was sent */

static const char *header_value(const char *head, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
			continue;
		demand(!found); /* once */
		found = line + 2 + n + 1;
	}
	return found;
}

static void check_sent(char *sent, size_t n, enum webhook_template t)
{
	char *end;

	sent[n] = '\0';
	end = strstr(sent, "\r\n\r\n");
	demand(end != NULL && strlen(sent) >= (size_t)(end - sent));
	end[2] = '\0';
	demand(strncmp(sent, "POST /services/T0KEN", 20) == 0);
	demand(strncmp(header_value(sent, "X-Cronward-Id"), " job-1-1.end", 12) == 0);
	demand(header_value(sent, "Host") && header_value(sent, "X-Api-Key"));
	demand(!header_value(sent, "Expect") && !header_value(sent, "Cookie"));
	demand(strtoul(header_value(sent, "Content-Length"), NULL, 10) == n - (size_t)(end + 4 - sent));
	demand(!header_value(sent, "Authorization") == signs(t));
}

/* --- what came of it */

/* Is there a line with that status anywhere? libcurl takes the last that is final. */
static bool has_status(struct slice answer, char first)
{
	const char *at = answer.s, *end = answer.s + answer.n;

	while (at < end && (at = memmem(at, (size_t)(end - at), "HTTP/", 5))) {
		const char *blank = memchr(at, ' ', (size_t)(end - at));

		while (blank && blank < end && *blank == ' ')
			blank++;
		if (blank && blank < end && *blank == first)
			return true;
		at += 5;
	}
	return false;
}

/* Neither the beginning of a token, nor one that was cut there. */
static void check_silent(const char *why, const char *sent)
{
	size_t n = strlen(why), part = strlen(sent) < 24 ? strlen(sent) : 24;

	demand(!memmem(why, n, sent, part));
	for (; part >= 8; part--)
		demand(n < part || memcmp(why + n - part, sent, part) != 0);
}

static void check_result(const struct post_result *r, enum webhook_template t, struct slice answer)
{
	demand(r->accepted == !r->why[0]);
	demand(!r->accepted || (!r->final && !r->unsure && has_status(answer, '2')));
	demand(r->wait_s >= 0 && r->wait_s <= 3600 && (!r->wait_s || !r->accepted));
	demand(memchr(r->why, '\0', sizeof(r->why)) != NULL);
	for (const char *c = r->why; *c; c++)
		demand((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
	check_silent(r->why, token);
	check_silent(r->why, strchr(header, ' ') + 1);
	if (!signs(t)) /* what it signs with is not sent */
		check_silent(r->why, secret);
}

static struct post_result exchange(enum webhook_template t, struct slice answer)
{
	static const char *const headers[] = { header, NULL };
	const struct webhook hook = { .name = "x", .url = "http://192.0.2.1/services/" TOKEN, .template = t, .headers = headers, .secret = secret,
		.template_text = t == WEBHOOK_OWN ? "{\"j\": \"${job}\"}" : NULL };
	const struct event e = { .id = "job-1-1.end", .event = "run.failure", .status = "exit",
		.job = "job", .run_id = "job-1-1", .exit_code = 1 };
	static char sent[SENT_MOST + 1];
	struct post_result r;
	struct post p;
	struct diag d;
	ssize_t n;
	int turns = 0;

	net = (struct network){ .answer = answer, .far = -1 };
	demand(post_open(&p) == 0 && post_start(&p, &hook, &e, NULL, &d) == 0);
	while (!post_next(&p, &r)) {
		demand(++turns < TURNS_MOST);
		post_wait(&p, NULL, 0, 1000);
	}
	demand(net.sockets == 1); /* no redirect is followed, nothing is sent twice */
	post_free(&p);
	n = recv(net.far, sent, SENT_MOST, MSG_DONTWAIT | MSG_WAITALL);
	demand(n > 0);
	check_sent(sent, (size_t)n, t);
	close(net.far);
	check_result(&r, t, answer);
	return r;
}

/* An answer that is made up whole, so that what is to come of it is known. */
static void check_made_up(const uint8_t head[HEAD], struct slice body)
{
	static const unsigned statuses[] = { 200, 204, 301, 429, 429, 503, 500, 404 };
	unsigned status = statuses[head[1] % 8], wait = head[2] * 25U;
	static char answer[SENT_MOST];
	struct post_result r;
	int n;

	n = snprintf(answer, sizeof(answer), "HTTP/1.1 %u x\r\nRetry-After: %u\r\nLocation: http://192.0.2.2/\r\n"
		"Content-Length: %zu\r\n\r\n", status, wait, status == 204 ? 0 : body.n);
	if (body.n > sizeof(answer) - (size_t)n)
		return;
	memcpy(answer + n, body.s, body.n);
	r = exchange(WEBHOOK_JSON, (struct slice){ answer, (size_t)n + body.n });
	demand(r.accepted == (status == 200 || status == 204));
	demand(r.wait_s == (status == 429 || status == 503 ? wait > 3600 ? 3600 : wait : 0));
	demand(r.accepted || strstr(r.why, "answered") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Template and kind, two numbers of an answer that is made up, what is answered. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data + HEAD, size - HEAD };

	if (size < HEAD || size > SENT_MOST / 2)
		return 0;
	if (data[0] & 0x80)
		check_made_up(data, rest);
	else
		exchange((enum webhook_template)(data[0] % WEBHOOK_TEMPLATES), rest);
	return 0;
}
