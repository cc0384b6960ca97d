/* sign: what proves to a robot that a message is ours.
 * Flow: request asks for it when a message is made up, at each try. */
#ifndef NOTIFY_SIGN_H
#define NOTIFY_SIGN_H

#include <stdint.h>

#include "crond/base/slice.h"

enum { SIGN_ROOM = 45, SIGN_UUID = 37 }; /* with the NUL */

/* HMAC-SHA256 in base64. */
void sign_text(struct slice key, struct slice text, char out[SIGN_ROOM]);
/* Keyed with "SECONDS\nsecret", over nothing. 0; -1: the secret is too long. */
int sign_feishu(int64_t seconds, const char *secret, char out[SIGN_ROOM]);
/* Keyed with the secret, over "MILLISECONDS\nsecret". */
int sign_dingtalk(int64_t ms, const char *secret, char out[SIGN_ROOM]);
/* A UUID (version 5) that is the same for the same two texts. */
void sign_uuid(const char *host, const char *run_id, char out[SIGN_UUID]);

#endif
