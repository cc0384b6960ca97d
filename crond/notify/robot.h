/* robot: an event as chat robots take it.
 * Flow: request asks for a body; words has the sentences, sign the signatures. */
#ifndef NOTIFY_ROBOT_H
#define NOTIFY_ROBOT_H

#include <stdint.h>

struct buf;
struct event;

enum {
	ROBOT_WECOM_MOST = 2048, /* bytes of a message's text */
	ROBOT_FEISHU_MOST =
	        18 * 1024, /* of a whole body: what is larger is refused from 20,000 on */
};

/* Appends {"text": ...}, a card, or a message in Markdown; always strict JSON. link: where people
 * look at the run, or NULL. sign: the signature of `stamp` seconds, or NULL. out->failed when
 * memory is out. */
void robot_slack(const struct event *e, const char *link, struct buf *out);
void robot_feishu(
        const struct event *e, const char *link, int64_t stamp, const char *sign, struct buf *out);
void robot_dingtalk(const struct event *e, const char *link, struct buf *out);
void robot_wecom(const struct event *e, const char *link, struct buf *out);
#endif
