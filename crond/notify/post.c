/* post: webhooks over HTTP.
 * Flow: deliver starts a transfer for a target, and takes its result when it is done.
 * The only file that knows libcurl. */
#include "config.h"

#include "crond/notify/post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/core/event.h"
#include "crond/notify/answer.h"
#include "crond/notify/request.h"
#include "crond/notify/secret.h"

enum {
	CONNECT_MS = 5000,
	TOTAL_MS = 10000,
	TOTAL_MOST_MS = 120000,
	ANSWER_MOST = 64 * 1024,
	ANSWER_MS = 5000,
	PATIENCE_MOST = 3600,
	PIECE_LEAST = 8, /* of what may be a secret; likewise: */
	PIECE_SHOWN = 24,
	PIECE_TOKEN = 20, /* a word of an address that is no word of people's */
	FDS_MOST = 16,
};

#define PIECE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+"

struct transfer {
	struct transfer *next;
	CURL *easy;
	struct curl_slist *headers;
	char *key; /* what it is signed with; NULL: nothing */
	struct request request;
	struct buf answer;
	enum webhook_template template;
	struct target *target;
	bool dripped;
	long status; /* as the last status line has it */
	enum post_ping ping;
	char why[CURL_ERROR_SIZE];
};

int post_open(struct post *p)
{
	*p = (struct post){ 0 };
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -1;
	p->multi = curl_multi_init();
	if (!p->multi)
		return -1;
	curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, 16L);
	return 0;
}

void post_authorities(const char **file, const char **directory)
{
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);

	*file = built->age >= CURLVERSION_SEVENTH ? built->cainfo : NULL;
	*directory = built->age >= CURLVERSION_SEVENTH ? built->capath : NULL;
}

static bool is_http(const char *scheme)
{
	return scheme && (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
}

int post_url(const char *url, char host[POST_HOST], char shown[POST_SHOWN], struct diag *d)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *name = NULL, *port = NULL;
	int bad = -1;

	if (!u || !url || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) ||
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0)) {
		diag_error(d, 0, 0, "its url is no URL");
		goto out;
	}
	if (!is_http(scheme)) {
		diag_error(d, 0, 0, "its url is neither http nor https");
		goto out;
	}
	if (curl_url_get(u, CURLUPART_HOST, &name, 0) ||
		curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
		snprintf(host, POST_HOST, "%s:%s", name, port) >= POST_HOST) {
		diag_error(d, 0, 0, "its url has a bad host");
		goto out;
	}
	snprintf(shown, POST_SHOWN, "%s://%s/...", scheme, host);
	bad = 0;
out:
	curl_free(scheme);
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(u);
	return bad;
}

/* Endless answers are cut off. */
static size_t take_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (t->answer.len + size * n > ANSWER_MOST)
		return 0;
	buf_append(&t->answer, bytes, size * n);
	return t->answer.failed ? 0 : size * n;
}

/* What its status line says: libcurl takes some that it does not understand for one of 200. */
static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	const char *at = bytes, *end = bytes + size * n;

	if (size * n < 5 || memcmp(bytes, "HTTP/", 5) != 0)
		return size * n;
	t->status = 0;
	while (at < end && *at != ' ')
		at++;
	while (at < end && *at == ' ')
		at++;
	for (int i = 0; i < 3 && at < end && *at >= '0' && *at <= '9'; i++)
		t->status = t->status * 10 + *at++ - '0';
	return size * n;
}

/* An answer that drips is cut off too: from its first byte on it has little time. */
static int watch_answer(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
	curl_off_t up)
{
	struct transfer *t = arg;
	curl_off_t first = 0, now = 0;

	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	if (curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first) || first <= 0 ||
		curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &now))
		return 0;
	t->dripped = now - first > (curl_off_t)ANSWER_MS * 1000;
	return t->dripped;
}

static int add_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (!longer)
		return -1;
	t->headers = longer;
	return 0;
}

static bool is_header(const char *line)
{
	const char *colon = strchr(line, ':');

	for (const char *p = line; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	return colon && colon > line && !memchr(line, ' ', (size_t)(colon - line));
}

static int add_configured(struct transfer *t, const char *const *headers, bool *typed,
	struct diag *d)
{
	for (size_t i = 0; headers && headers[i]; i++) {
		if (!is_header(headers[i]))
			return diag_error(d, 0, 0, "header %zu is not \"Name: value\"", i + 1);
		*typed |= strncasecmp(headers[i], "Content-Type:", 13) == 0;
		if (add_header(t, headers[i]))
			return diag_error(d, 0, 0, "out of memory");
	}
	return 0;
}

/* Robots that check signatures have no use for a bearer's token. */
static bool is_signed(const struct webhook *h)
{
	return h->template == WEBHOOK_FEISHU || h->template == WEBHOOK_DINGTALK;
}

static int add_headers(struct transfer *t, const struct webhook *h, const char *secret,
	const struct event *e, struct diag *d)
{
	char line[SECRET_ROOM + 64];
	bool typed = false;
	int bad = 0;

	if (add_configured(t, h->headers, &typed, d))
		return -1;
	snprintf(line, sizeof(line), "Content-Type: %s", t->request.type);
	bad |= !typed && add_header(t, line);
	snprintf(line, sizeof(line), "X-Cronward-Id: %s", e->id);
	bad |= add_header(t, line);
	snprintf(line, sizeof(line), "Idempotency-Key: %s", e->id);
	bad |= add_header(t, line) | add_header(t, "Expect:");
	if (secret && !is_signed(h)) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", secret);
		bad |= add_header(t, line);
		explicit_bzero(line, sizeof(line));
	} else if (secret) {
		t->key = strdup(secret);
		bad |= !t->key;
	}
	return bad ? diag_error(d, 0, 0, "out of memory") : 0;
}

static void transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	for (struct curl_slist *l = t->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(t->headers);
	if (t->key)
		explicit_bzero(t->key, strlen(t->key));
	free(t->key);
	request_free(&t->request);
	buf_free(&t->answer);
	free(t);
}

static long total_ms(const struct webhook *h)
{
	if (h->timeout_ms == 0)
		return TOTAL_MS;
	return (long)(h->timeout_ms < TOTAL_MOST_MS ? h->timeout_ms : TOTAL_MOST_MS);
}

/* CURLOPT_QUICK_EXIT: a transfer that times out while its host is being looked up would
 * else wait for the look-up, and with it all others would. */
static int set_options(struct transfer *t, const struct webhook *h)
{
	CURL *c = t->easy;
	int bad = 0;

	bad |= curl_easy_setopt(c, CURLOPT_URL, t->request.url.data);
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	bad |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	bad |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, total_ms(h));
	bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "crond-notify/" PACKAGE_VERSION);
	bad |= curl_easy_setopt(c, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)t->request.body.len);
	bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDS,
		t->request.body.data ? t->request.body.data : "");
	bad |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer);
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	bad |= curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	bad |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	bad |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch_answer);
	bad |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	bad |= curl_easy_setopt(c, CURLOPT_PRIVATE, t);
#if LIBCURL_VERSION_NUM >= 0x075700
	bad |= curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
#endif
	return bad ? -1 : 0;
}

static int fill_with(struct transfer *t, const struct webhook *h, const char *secret,
	const struct event *e, struct diag *d)
{
	if (request_make(&t->request, h, secret, e, moment_ms(CLOCK_REALTIME), d))
		return -1;
	t->easy = curl_easy_init();
	if (!t->easy)
		return diag_error(d, 0, 0, "out of memory");
	if (add_headers(t, h, secret, e, d))
		return -1;
	return set_options(t, h) ? diag_error(d, 0, 0, "libcurl refuses its settings") : 0;
}

static enum post_ping ping_kind(const struct webhook *h, const struct event *e)
{
	if (h->template != WEBHOOK_HEALTHCHECKS)
		return POST_NO_PING;
	if (strcmp(e->event, "run.start") == 0)
		return POST_PING_START;
	return e->status && strcmp(e->status, "ok") == 0 ? POST_PING_OK : POST_NO_PING;
}

static int fill(struct transfer *t, const struct webhook *h, const struct event *e, struct diag *d)
{
	bool has_secret = h->secret || (h->secret_file && h->secret_file[0]);
	char secret[SECRET_ROOM];
	int bad;

	t->template = h->template;
	t->ping = ping_kind(h, e);
	if (has_secret && secret_get(h->secret_file, h->secret, secret, d))
		bad = -1;
	else
		bad = fill_with(t, h, has_secret ? secret : NULL, e, d);
	explicit_bzero(secret, sizeof(secret));
	return bad;
}

static int begin(struct post *p, struct transfer *t, struct diag *d)
{
	if (curl_multi_add_handle(p->multi, t->easy)) {
		transfer_free(t);
		return diag_error(d, 0, 0, "libcurl takes no further transfer");
	}
	t->next = p->list;
	p->list = t;
	p->active++;
	return 0;
}

int post_start(struct post *p, const struct webhook *hook, const struct event *e,
	struct target *target, struct diag *d)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return diag_error(d, 0, 0, "out of memory");
	t->target = target;
	if (fill(t, hook, e, d)) {
		transfer_free(t);
		return -1;
	}
	return begin(p, t, d);
}

int post_ping(struct post *p, const struct webhook *hook, struct diag *d)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return diag_error(d, 0, 0, "out of memory");
	t->template = WEBHOOK_HEALTHCHECKS;
	buf_puts(&t->request.url, hook->url);
	t->easy = curl_easy_init();
	if (!t->easy || !buf_text(&t->request.url) || set_options(t, hook) || curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L)) {
		transfer_free(t);
		return diag_error(d, 0, 0, "libcurl refuses its settings");
	}
	return begin(p, t, d);
}

void post_wait(struct post *p, const struct post_fd *fds, size_t count, int64_t ms)
{
	struct curl_waitfd wait[FDS_MOST];
	int running;

	if (count > FDS_MOST)
		count = FDS_MOST;
	for (size_t i = 0; i < count; i++) {
		int events = (fds[i].in ? CURL_WAIT_POLLIN : 0) |
			(fds[i].out ? CURL_WAIT_POLLOUT : 0);

		wait[i] = (struct curl_waitfd){ .fd = fds[i].fd, .events = (short)events };
	}
	/* no transfer is moved before the wait: what ended by that would wait too */
	curl_multi_poll(p->multi, wait, (unsigned)count, (int)ms, NULL);
	curl_multi_perform(p->multi, &running);
}

static void unlist(struct post *p, struct transfer *t)
{
	struct transfer **at = &p->list;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	p->active--;
	curl_multi_remove_handle(p->multi, t->easy);
}

/* Do the words have n bytes of it in them, or end (they may have been cut) in as many as tell? */
static bool has_piece(const char *words, const char *s, size_t n)
{
	size_t all = strlen(words), head = n < PIECE_SHOWN ? n : PIECE_SHOWN;

	if (memmem(words, all, s, head))
		return true;
	while (head-- > PIECE_LEAST)
		if (all >= head && memcmp(words + all - head, s, head) == 0)
			return true;
	return false;
}

static bool repeats_pieces(const char *words, const char *sent, const char *part, size_t least)
{
	for (const char *s = sent + strcspn(sent, part); *s; s += strcspn(s, part)) {
		size_t n = strspn(s, part);

		if (n >= least && has_piece(words, s, n))
			return true;
		s += n;
	}
	return false;
}

/* A receiver's words are not repeated where a part of its address, or of what we sent, stands in
 * them: these may be secrets. A token may also stand there without what is in front of it. */
static bool repeats(const char *words, const char *sent)
{
	return repeats_pieces(words, sent, PIECE_LETTERS "/=", PIECE_LEAST) ||
		repeats_pieces(words, sent, PIECE_LETTERS, PIECE_TOKEN);
}

static bool repeats_secret(const struct transfer *t, const char *words)
{
	const char *url = strstr(t->request.url.data, "://");
	size_t host = url ? strcspn(url + 3, "/?#") : 0;

	if ((url && repeats(words, url + 3 + host)) || (t->key && repeats(words, t->key)))
		return true;
	for (const struct curl_slist *l = t->headers; l; l = l->next)
		if (strncmp(l->data, "X-Cronward-Id:", 14) != 0 && strncmp(l->data, "Content-Type:", 13) != 0 &&
			strncmp(l->data, "Idempotency-Key:", 16) != 0 && strchr(l->data, ':') &&
			repeats(words, strchr(l->data, ':')))
			return true;
	return false;
}

static void judge_answer(struct transfer *t, long status, struct post_result *r)
{
	struct slice body = { t->answer.data, t->answer.len };
	curl_off_t wait = 0;
	struct answer a;

	answer_judge(t->template, status, body, &a);
	r->accepted = a.accepted;
	r->final = a.final;
	r->wait_s = a.wait_s;
	snprintf(r->why, sizeof(r->why), "%s", a.why);
	if (!a.accepted && repeats_secret(t, a.why))
		snprintf(r->why, sizeof(r->why), "answered %ld (its words are left out: they repeat what "
			"may be a secret)", status);
	if (status == 429 || status == 503)
		curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait > r->wait_s)
		r->wait_s = wait > PATIENCE_MOST ? PATIENCE_MOST : (int64_t)wait;
}

/* Where the status line is the verdict, what comes after it, or does not, changes nothing. */
static void judge(struct transfer *t, CURLcode code, struct post_result *r)
{
	long status = 0;
	curl_off_t uploaded = 0;

	*r = (struct post_result){ .target = t->target, .ping = t->ping };
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != t->status && code == CURLE_OK)
		code = CURLE_WEIRD_SERVER_REPLY;
	if (status > 0 && status == t->status && (code == CURLE_OK || !answer_in_body(t->template))) {
		judge_answer(t, status, r);
		return;
	}
	curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	r->unsure = uploaded > 0;
	if (t->dripped)
		snprintf(r->why, sizeof(r->why), "answers too slowly");
	else if (code == CURLE_WRITE_ERROR)
		snprintf(r->why, sizeof(r->why), "answered with more than %d KB", ANSWER_MOST / 1024);
	else
		snprintf(r->why, sizeof(r->why), "%.200s",
			t->why[0] ? t->why : curl_easy_strerror(code));
}

bool post_next(struct post *p, struct post_result *result)
{
	int left;
	CURLMsg *m;
	char *private;

	while ((m = curl_multi_info_read(p->multi, &left))) {
		struct transfer *t;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		t = (struct transfer *)(void *)private;
		judge(t, m->data.result, result);
		unlist(p, t);
		transfer_free(t);
		return true;
	}
	return false;
}

void post_free(struct post *p)
{
	while (p->list) {
		struct transfer *t = p->list;

		unlist(p, t);
		transfer_free(t);
	}
	curl_multi_cleanup(p->multi);
	curl_global_cleanup();
}
